-- Takes looks out of the gallery.
-- KEYS: gallery, gallery:open, gallery:ending, gallery:ends, gallery:changes. ARGV: tracklets …
-- Returns how often gallery:open has changed.
for _, tracklet in ipairs(ARGV) do
    redis.call('VREM', KEYS[1], tracklet)
    redis.call('HDEL', KEYS[2], tracklet)
    -- It may be on its way into the gallery: `inserted.lua` sees that it must not.
    if redis.call('HEXISTS', KEYS[3], tracklet) == 1 then redis.call('HSET', KEYS[3], tracklet, '') end
    redis.call('ZREM', KEYS[4], tracklet)
end
return redis.call('INCR', KEYS[5])
