-- Somebody tries to sign in: counts the try, unless it has to wait.
-- KEYS: one hash for each thing tries are counted by. ARGV: seconds for which a try is remembered,
-- tries that are free, then for each key the longest wait in seconds.
-- Returns the milliseconds to wait, 0 if the try may be made now.
--
-- A try counts before it is known how it ends, so many at once gain nothing.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local wait = 0
for _, key in ipairs(KEYS) do
    wait = math.max(wait, tonumber(redis.call('HGET', key, 'next') or '0') - now)
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
    local tries = redis.call('HINCRBY', key, 'tries', 1)
    local over = tries - tonumber(ARGV[2])
    local pause = over < 0 and 0 or math.min(2 ^ math.min(over, 30), tonumber(ARGV[2 + i]))
    redis.call('HSET', key, 'next', string.format('%.0f', now + pause * 1000))
    redis.call('EXPIRE', key, ARGV[1])
end
return 0
