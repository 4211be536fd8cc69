-- Hands a sighting to the matcher: once, and only from the node whose camera it is.
-- KEYS: fences, sent, sightings, forgotten.
-- ARGV: camera, token or '', owner, number of the sighting, length of the stream, tracklet,
--       field, value, …
-- Returns 1 if it was sent, 0 if it had been sent before, -1 if the camera is somebody else's.
local camera, token, owner, number = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if token ~= '' then
    if redis.call('HGET', KEYS[1], camera) ~= token then return -1 end
    local last_owner, last = string.match(redis.call('HGET', KEYS[2], camera) or '', '^(.*) (%d+)$')
    if last_owner == owner and number <= tonumber(last) then return 0 end
    redis.call('HSET', KEYS[2], camera, owner .. ' ' .. ARGV[4])
end
-- Whoever people had erased gets no second life: what still comes of them ends here.
if redis.call('HEXISTS', KEYS[4], redis.sha1hex(ARGV[6])) == 1 then return 1 end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', unpack(ARGV, 7))
return 1
