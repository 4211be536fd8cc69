-- Moves open tracklets of which nothing came for long to those that have ended.
-- KEYS: gallery, gallery:open, gallery:ends, gallery:changes. ARGV: before, how many at most.
-- Returns how many were moved.
local moved = 0
for _, tracklet in ipairs(redis.call('HKEYS', KEYS[2])) do
    local finish = redis.call('ZSCORE', KEYS[3], tracklet)
    if not finish or tonumber(finish) < tonumber(ARGV[1]) then
        if finish then
            redis.call('VADD', KEYS[1], 'FP32', redis.call('HGET', KEYS[2], tracklet), tracklet)
        end
        redis.call('HDEL', KEYS[2], tracklet)
        moved = moved + 1
        if moved >= tonumber(ARGV[2]) then break end
    end
end
if moved > 0 then redis.call('INCR', KEYS[4]) end
return moved
