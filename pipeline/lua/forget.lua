-- Erases an identity and all that hangs on it, at once, and remembers digests of its tracklets, so
-- that nothing about them is written again.
-- KEYS: constraints:version, constraints, corrections, decisions, merged, names, identities,
--       gallery, gallery:ends, gallery:open, gallery:changes, forgotten, sightings, tracklets.
-- ARGV: the plan as JSON (see `ErasurePlan` in pipeline/erasure.py), the site's prefix of keys,
--       length of the streams, seconds for which digests are remembered, group.
-- Returns the correction's id, or false if something has changed since it was planned.
local plan, site, events, remembered, group = cjson.decode(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local function call(...) return redis.call(...) end
local own = site .. 'identity:' .. plan.identity

if (call('GET', KEYS[1]) or '0-0') ~= plan.version then return false end
if #call('HKEYS', own) ~= #plan.tracklets then return false end  -- HLEN counts expired ones
local theirs, numbers = {}, {[plan.identity] = true}
for _, number in ipairs(plan.merged) do numbers[number] = true end
for _, name in ipairs(plan.tracklets) do
    if call('HEXISTS', own, name) == 0 then return false end
    theirs[name] = true
end

-- Entries of a stream that came since it was searched.
local function late(stream, after, field)
    for _, entry in ipairs(call('XRANGE', stream, '(' .. after, '+')) do
        for i = 1, #entry[2], 2 do
            local known, value = false, nil
            if entry[2][i] == field then known, value = pcall(cjson.decode, entry[2][i + 1]) end
            known = known and type(value) == 'table'
            local why = known and type(value.evidence) == 'table' and value.evidence or {}
            local named = theirs[why.closest or ''] or theirs[why.came_from or '']
            if known and (theirs[value.tracklet] or numbers[value.identity] or named) then
                if stream == KEYS[13] then call('XACK', stream, group, entry[1]) end
                call('XDEL', stream, entry[1])
            end
        end
    end
end

for _, id in ipairs(plan.decisions) do call('XDEL', KEYS[4], id) end
late(KEYS[4], plan.searched.decisions, 'decision')
for _, id in ipairs(plan.sightings) do
    call('XACK', KEYS[13], group, id)
    call('XDEL', KEYS[13], id)
end
late(KEYS[13], plan.searched.sightings, 'meta')

for name in pairs(theirs) do
    call('VREM', KEYS[8], name)
    call('ZREM', KEYS[9], name)
    call('ZREM', KEYS[14], name)
    call('HDEL', KEYS[10], name)
    call('DEL', site .. 'tracklet:' .. name, site .. 'crop:' .. name)
    call('HSETEX', KEYS[12], 'EX', remembered, 'FIELDS', 1, redis.sha1hex(name), 1)
end
call('INCR', KEYS[11])
call('DEL', own, site .. 'ends:' .. plan.identity)
call('ZREM', KEYS[7], plan.identity)
call('HDEL', KEYS[6], plan.identity)
for _, number in ipairs(plan.merged) do call('HDEL', KEYS[5], number) end
for id, statement in pairs(plan.statements) do
    if statement == '' then call('HDEL', KEYS[2], id) else call('HSET', KEYS[2], id, statement) end
end
local id = call('XADD', KEYS[3], 'MAXLEN', '~', events, '*', unpack(plan.entry))
call('SET', KEYS[1], id)
call('XADD', KEYS[4], 'MAXLEN', '~', events, '*', 'decision', plan.event)
return id
