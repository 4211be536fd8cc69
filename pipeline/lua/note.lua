-- Keeps what whoever speaks for the site has noted, if it is still the one who does.
-- KEYS: fences, hash, or also a stream that is told of it.
-- ARGV: what is leased, token or '', length of the stream, then field, value, …; an empty value
--       takes the field away.
-- Returns 1 if it was written, 0 if somebody else is in charge.
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
for i = 4, #ARGV, 2 do
    local field, value = ARGV[i], ARGV[i + 1]
    if value == '' then
        redis.call('HDEL', KEYS[2], field)
    else
        redis.call('HSET', KEYS[2], field, value)
    end
    if KEYS[3] and value ~= '' then
        redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'change', value)
    end
end
return 1
