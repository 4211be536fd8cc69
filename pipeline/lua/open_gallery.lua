-- Makes the gallery one of this network's embeddings; those of another one do not compare.
-- KEYS: network, gallery, gallery:ends, gallery:open, gallery:changes. ARGV: network.
-- Returns the network whose gallery had to go, or false.
local before = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1])
if before and before ~= ARGV[1] then
    redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
    redis.call('INCR', KEYS[5])
    return before
end
return false
