-- Looks have been put into the gallery: they need not be compared one by one any more.
-- KEYS: gallery, gallery:ending, gallery:ends, gallery:changes, gallery:open. ARGV: tracklets …
-- Returns how often gallery:open has changed, then of each tracklet: 1 if it is in the gallery, 0 if
-- it is gone for good, since it was taken out after the insertion began, -1 if it is open again.
local answer = {0}
for i, tracklet in ipairs(ARGV) do
    local look = redis.call('HGET', KEYS[2], tracklet)
    redis.call('HDEL', KEYS[2], tracklet)
    if look == '' or not redis.call('ZSCORE', KEYS[3], tracklet) then
        redis.call('VREM', KEYS[1], tracklet)
        answer[i + 1] = -redis.call('HEXISTS', KEYS[5], tracklet)
    else
        -- If all others left meanwhile, Redis takes the new one for gone with them.
        if look and not redis.call('VEMB', KEYS[1], tracklet, 'RAW') then
            redis.call('VADD', KEYS[1], 'FP32', look, tracklet)
        end
        answer[i + 1] = 1
    end
end
answer[1] = redis.call('INCR', KEYS[4])
return answer
