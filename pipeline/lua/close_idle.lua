-- Moves open tracklets of which nothing came for long to those that have ended.
-- KEYS: gallery:open, gallery:ending, gallery:ends, gallery:changes. ARGV: before, how many at most.
-- Returns tracklet, look, … of those that are to be put into the gallery.
local moved, ending = 0, {}
for _, tracklet in ipairs(redis.call('HKEYS', KEYS[1])) do
    local finish = redis.call('ZSCORE', KEYS[3], tracklet)
    if not finish or tonumber(finish) < tonumber(ARGV[1]) then
        if finish then
            local look = redis.call('HGET', KEYS[1], tracklet)
            redis.call('HSET', KEYS[2], tracklet, look)
            ending[#ending + 1], ending[#ending + 2] = tracklet, look
        end
        redis.call('HDEL', KEYS[1], tracklet)
        moved = moved + 1
        if moved >= tonumber(ARGV[2]) then break end
    end
end
if moved > 0 then redis.call('INCR', KEYS[4]) end
return ending
