-- Says how cameras are doing; what is said of a camera that is somebody else's does not count.
-- KEYS: fences, cameras. ARGV: seconds it is valid for, then camera, token or '', status, …
for i = 2, #ARGV, 3 do
    local camera, token = ARGV[i], ARGV[i + 1]
    if token == '' or redis.call('HGET', KEYS[1], camera) == token then
        redis.call('HSETEX', KEYS[2], 'EX', ARGV[1], 'FIELDS', 1, camera, ARGV[i + 2])
    end
end
return 1
