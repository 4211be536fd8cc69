-- Keeps what the matcher has learned, if it is still in charge.
-- KEYS: fences, index of what was learned, a hash each.
-- ARGV: token or '', and for each hash: its name, number of fields, field, value …
-- Returns 1 if it was written, 0 if somebody else is in charge.
local token = ARGV[1]
if token ~= '' and redis.call('HGET', KEYS[1], ':matcher') ~= token then return 0 end

local place = 2
for i = 3, #KEYS do
    local name, fields = ARGV[place], tonumber(ARGV[place + 1])
    redis.call('DEL', KEYS[i])
    for field = place + 2, place + 2 * fields, 2 do
        redis.call('HSET', KEYS[i], ARGV[field], ARGV[field + 1])
    end
    if fields > 0 then
        redis.call('SADD', KEYS[2], name)
    else
        redis.call('SREM', KEYS[2], name)
    end
    place = place + 2 + 2 * fields
end
return 1
