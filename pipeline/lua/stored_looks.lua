-- Looks of tracklets as the vector set keeps them.
-- KEYS: gallery.
-- ARGV: tracklets …
-- Returns for each 8 bits a number, and what the highest of these stands for; '' if it is gone.
local answer = {}
for i, tracklet in ipairs(ARGV) do
    local look = redis.call('VEMB', KEYS[1], tracklet, 'RAW')
    answer[2 * i - 1], answer[2 * i] = look and look[2] or '', look and look[4] or '0'
end
return answer
