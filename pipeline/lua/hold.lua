-- Takes a lease that is free, or keeps one that is ours.
-- KEYS: lease, fences. ARGV: what is leased, owner, milliseconds.
-- Returns {our token, the token before it}, or false while somebody else holds the lease.
--
-- Tokens grow for ever, also after Redis lost its data: they are at least the time in microseconds.
local held = redis.call('GET', KEYS[1])
if held then
    local owner, token = string.match(held, '^(.*) (%d+)$')
    if owner ~= ARGV[2] then return false end
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return {token, token}
end
local before = redis.call('HGET', KEYS[2], ARGV[1]) or '0'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local token = string.format('%.0f', math.max(now, tonumber(before) + 1))
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. token, 'PX', ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], token)
return {token, before}
