-- A number above all that were given out, also if Redis lost its data meanwhile.
-- KEYS: counter. ARGV: the highest number the caller knows of.
local number = redis.call('INCR', KEYS[1])
if number <= tonumber(ARGV[1]) then
    number = tonumber(ARGV[1]) + 1
    redis.call('SET', KEYS[1], number)
end
return number
