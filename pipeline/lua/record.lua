-- Writes a decision and all that hangs on it, at once, if the matcher is still in charge.
-- KEYS: fences, gallery, gallery:ends, tracklet, identity, identity it leaves, identities,
--       decisions, crop, sightings, constraints:version, forgotten, gallery:open, gallery:changes,
--       the identity's ends, the ends of the one it leaves, tracklets.
-- ARGV: token or '', tracklet, record, embedding, end, identity, lifetime in seconds,
--       identity it leaves or '', decision or '', length of the stream, thumbnail or '',
--       its lifetime in seconds, version of the constraints it was decided on or '',
--       1 if the tracklet has ended, how many tracklets of an identity the gallery keeps, group,
--       message ids …
-- Returns how often gallery:open has changed if it was written, 0 if somebody else is in charge, -1
-- if people have corrected something since: what was decided may contradict them.
local token, tracklet, record, embedding, finish = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local identity, lifetime, leaves, decision = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local events, thumbnail, crop_lifetime = ARGV[10], ARGV[11], ARGV[12]
local closed, most = ARGV[14] == '1', tonumber(ARGV[15])
if token ~= '' and redis.call('HGET', KEYS[1], ':matcher') ~= token then return 0 end
if ARGV[13] ~= '' and (redis.call('GET', KEYS[11]) or '0-0') ~= ARGV[13] then return -1 end
if redis.call('HEXISTS', KEYS[12], redis.sha1hex(tracklet)) == 1 then return -1 end

-- First what may be refused: a script that fails half-way is not undone.
if closed then
    redis.call('VADD', KEYS[2], 'FP32', embedding, tracklet)
    redis.call('HDEL', KEYS[13], tracklet)
else
    redis.call('HSET', KEYS[13], tracklet, embedding)
    redis.call('VREM', KEYS[2], tracklet)
end
local changes = redis.call('INCR', KEYS[14])
redis.call('ZADD', KEYS[3], finish, tracklet)
-- A client that lost the answer sends the same again: that is no second decision.
if redis.call('GET', KEYS[4]) == record then decision = '' end
redis.call('SET', KEYS[4], record, 'EX', lifetime)
if leaves ~= '' then
    redis.call('HDEL', KEYS[6], tracklet)
    redis.call('ZREM', KEYS[16], tracklet)
    local last = redis.call('ZRANGE', KEYS[16], -1, -1, 'WITHSCORES')
    if last[2] then redis.call('ZADD', KEYS[7], 'XX', last[2], leaves) end
    if redis.call('HLEN', KEYS[6]) == 0 then redis.call('ZREM', KEYS[7], leaves) end
end
redis.call('HSET', KEYS[5], tracklet, record)
-- Each tracklet by itself, too: somebody who comes every day would gather them without end.
redis.call('HEXPIRE', KEYS[5], lifetime, 'FIELDS', 1, tracklet)
redis.call('EXPIRE', KEYS[5], lifetime)
redis.call('ZADD', KEYS[15], finish, tracklet)
redis.call('ZREMRANGEBYSCORE', KEYS[15], '-inf', finish - lifetime)
redis.call('EXPIRE', KEYS[15], lifetime)
redis.call('ZADD', KEYS[7], 'GT', finish, identity)
redis.call('ZADD', KEYS[17], finish, tracklet)
redis.call('ZREMRANGEBYSCORE', KEYS[17], '-inf', finish - lifetime)
redis.call('EXPIRE', KEYS[17], lifetime)
if decision ~= '' then
    redis.call('XADD', KEYS[8], 'MAXLEN', '~', events, '*', 'decision', decision)
end
if thumbnail ~= '' then redis.call('SET', KEYS[9], thumbnail, 'EX', crop_lifetime) end
if closed then
    -- Somebody who walks by all day would crowd everybody else out of the answers.
    local old = redis.call('ZRANGE', KEYS[15], most, most + 1, 'REV')
    for _, name in ipairs(old) do
        redis.call('VREM', KEYS[2], name)
        redis.call('ZREM', KEYS[3], name)
    end
end
if #ARGV > 16 then
    redis.call('XACK', KEYS[10], ARGV[16], unpack(ARGV, 17))
    redis.call('XDEL', KEYS[10], unpack(ARGV, 17))
end
return changes
