-- Looks have been put into the gallery: they need not be compared one by one any more.
-- KEYS: gallery, gallery:ending, gallery:ends, gallery:changes. ARGV: tracklets …
-- Returns how often gallery:open has changed, then the tracklets that are in the gallery; whoever
-- was taken out since the insertion began is taken out for good.
local answer = {0}
for _, tracklet in ipairs(ARGV) do
    local look = redis.call('HGET', KEYS[2], tracklet)
    redis.call('HDEL', KEYS[2], tracklet)
    if look == '' or not redis.call('ZSCORE', KEYS[3], tracklet) then
        redis.call('VREM', KEYS[1], tracklet)
    else
        answer[#answer + 1] = tracklet
    end
end
answer[1] = redis.call('INCR', KEYS[4])
return answer
