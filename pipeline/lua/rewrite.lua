-- Writes a tracklet's record anew, unless it has changed since it was read.
-- KEYS: tracklet, identity.
-- ARGV: tracklet, its record as it was read, its record from now on.
-- Returns 1 if it was written.
if redis.call('GET', KEYS[1]) ~= ARGV[2] or redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
redis.call('HSETEX', KEYS[2], 'KEEPTTL', 'FIELDS', 1, ARGV[1], ARGV[3])
return 1
