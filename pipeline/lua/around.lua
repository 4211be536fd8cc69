-- Identities' tracklets around some moments: what a decision must know of them.
-- KEYS: identity, its ends, next identity, its ends, …
-- ARGV: how many before and after each moment, then of each identity: number of moments, moments …
-- Returns the records, a list for each identity.
local count, at, answers = tonumber(ARGV[1]), 2, {}

-- The index lacks what was written by an older version, or moved by others.
local function complete(identity, ends)
    local all = redis.call('HGETALL', identity)
    for i = 1, #all, 2 do redis.call('ZADD', ends, cjson.decode(all[i + 1])['end'], all[i]) end
    redis.call('EXPIRE', ends, math.max(1, redis.call('TTL', identity)))
end

local function nearest(identity, ends, first, last)
    local names, seen = {}, {}
    for i = first, last do
        local after = redis.call('ZRANGE', ends, ARGV[i], '+inf', 'BYSCORE', 'LIMIT', 0, count)
        local before = redis.call(
            'ZRANGE', ends, '(' .. ARGV[i], '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, count)
        for _, some in ipairs({after, before}) do
            for _, name in ipairs(some) do
                if not seen[name] then
                    seen[name] = true
                    names[#names + 1] = name
                end
            end
        end
    end
    if #names == 0 then return {} end
    local texts, found = redis.call('HMGET', identity, unpack(names)), {}
    for i, name in ipairs(names) do
        if texts[i] then found[#found + 1] = texts[i] else redis.call('ZREM', ends, name) end
    end
    return found
end

for i = 1, #KEYS, 2 do
    local identity, ends, moments = KEYS[i], KEYS[i + 1], tonumber(ARGV[at])
    local size = redis.call('HLEN', identity)
    if size <= 2 * count then
        answers[#answers + 1] = redis.call('HVALS', identity)
    else
        if redis.call('ZCARD', ends) < size then complete(identity, ends) end
        answers[#answers + 1] = nearest(identity, ends, at + 1, at + moments)
    end
    at = at + 1 + moments
end
return answers
