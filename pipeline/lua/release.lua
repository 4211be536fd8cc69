-- Gives a lease back, if it is still ours.
-- KEYS: lease. ARGV: owner.
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^(.*) %d+$') == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
