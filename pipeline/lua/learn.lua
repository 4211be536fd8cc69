-- Keeps what the matcher has learned, if it is still in charge.
-- KEYS: fences, index of what was learned, a hash each.
-- ARGV: token or '', and for each hash: its name, 1 if these fields are added to what is there or 0
--       if they take its place, number of fields, field, value …
-- Returns 1 if it was written, 0 if somebody else is in charge.
local token = ARGV[1]
if token ~= '' and redis.call('HGET', KEYS[1], ':matcher') ~= token then return 0 end

local place = 2
for i = 3, #KEYS do
    local name, adds, fields = ARGV[place], ARGV[place + 1] == '1', tonumber(ARGV[place + 2])
    if not adds or fields == 0 then redis.call('DEL', KEYS[i]) end
    for field = place + 3, place + 1 + 2 * fields, 2 do
        redis.call('HSET', KEYS[i], ARGV[field], ARGV[field + 1])
    end
    if fields > 0 then
        redis.call('SADD', KEYS[2], name)
    else
        redis.call('SREM', KEYS[2], name)
    end
    place = place + 3 + 2 * fields
end
return 1
