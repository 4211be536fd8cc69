-- Sets a sighting that cannot be used aside, with the reason, so that it holds up no other.
-- KEYS: sightings, rejected. ARGV: group, message id, reason, length of the stream.
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[4], '*', 'message', ARGV[2], 'reason', ARGV[3])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])
