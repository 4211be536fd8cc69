-- Makes a correction that was planned on what Redis held a moment ago: all of it, or nothing. The
-- matcher's own, by rule, have no entry in the stream of corrections, and a token of its lease.
-- KEYS: constraints:version, constraints, corrections, decisions, merged, names, identities.
-- ARGV: the plan as JSON (see `Plan` in pipeline/corrections.py), the site's prefix of keys, length
--       of the streams.
-- Returns the correction's id (the matcher's own have none: '-'), false if something has changed
-- since it was planned, or 'fenced' if another matcher is in charge.
local plan, site, events = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local function call(...) return redis.call(...) end
local function identity(number) return site .. 'identity:' .. number end

if plan.token and call('HGET', site .. 'fences', ':matcher') ~= plan.token then return 'fenced' end
if (call('GET', KEYS[1]) or '0-0') ~= plan.version then return false end
for number, length in pairs(plan.lengths) do
    if #call('HKEYS', identity(number)) ~= length then return false end  -- HLEN counts expired ones
end
for _, move in ipairs(plan.moves) do
    if call('HGET', identity(move.from), move.tracklet) ~= move.before then return false end
end

local function set_or_remove(hash, values)
    for field, value in pairs(values) do
        if value == '' then call('HDEL', hash, field) else call('HSET', hash, field, value) end
    end
end

-- A record goes with the time it has left.
local function place(move)
    local from, to, name = identity(move.from), identity(move.to), move.tracklet
    local expires = call('HPEXPIRETIME', from, 'FIELDS', 1, name)[1]
    if move.from ~= move.to then
        call('HDEL', from, name)
        call('ZREM', site .. 'ends:' .. move.from, name)
    end
    call('HSET', to, name, move.after)
    if expires > 0 then
        call('HPEXPIREAT', to, expires, 'FIELDS', 1, name)
        if call('PEXPIRETIME', to) < expires then call('PEXPIREAT', to, expires) end
    end
    call('SET', site .. 'tracklet:' .. name, move.after, 'XX', 'KEEPTTL')
    local last = call('ZSCORE', KEYS[7], move.to)
    if not last or tonumber(last) < move.finish then call('ZADD', KEYS[7], move.finish, move.to) end
    if call('EXISTS', from) == 0 then call('ZREM', KEYS[7], move.from) end
end

local id = '-'
if plan.entry then
    id = call('XADD', KEYS[3], 'MAXLEN', '~', events, '*', unpack(plan.entry))
    call('SET', KEYS[1], id)
end
for _, move in ipairs(plan.moves) do place(move) end
for _, gone in ipairs(plan.gone) do call('HDEL', KEYS[2], gone) end
if plan.statement then call('HSET', KEYS[2], id, plan.statement) end
set_or_remove(KEYS[5], plan.merged)
set_or_remove(KEYS[6], plan.names)
for _, event in ipairs(plan.events) do
    call('XADD', KEYS[4], 'MAXLEN', '~', events, '*', 'decision', event)
end
return id
