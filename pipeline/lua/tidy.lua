-- Takes out of what people said whatever speaks of nobody any more, unless they have said more since.
-- KEYS: constraints:version, constraints, merged, names.
-- ARGV: version, then hash ('constraints', 'merged' or 'names'), field, value or '' …
-- Returns 1, or 0 if people have corrected something meanwhile.
if (redis.call('GET', KEYS[1]) or '0-0') ~= ARGV[1] then return 0 end
local hashes = {constraints = KEYS[2], merged = KEYS[3], names = KEYS[4]}
for i = 2, #ARGV, 3 do
    local hash, field, value = hashes[ARGV[i]], ARGV[i + 1], ARGV[i + 2]
    if value == '' then redis.call('HDEL', hash, field) else redis.call('HSET', hash, field, value) end
end
return 1
