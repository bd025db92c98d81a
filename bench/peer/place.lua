-- One order: KEYS are the idempotency key, the order, and the stock of each product; ARGV the binding, how long it
-- lasts in seconds, the order, and how many of each product. Answers the binding that was there, or which product there is
-- too little of and how much, or nothing.
local bound = KEYS[1] ~= '' and redis.call('GET', KEYS[1])
if bound then return {'bound', bound} end
for i = 3, #KEYS do
  local stock = redis.call('HMGET', KEYS[i], 'h', 'a')
  if not stock[1] then return {'missing', i - 3, 0} end
  local available = stock[1] - stock[2]
  if available < tonumber(ARGV[i + 1]) then return {'short', i - 3, available} end
end
for i = 3, #KEYS do
  redis.call('HINCRBY', KEYS[i], 'a', ARGV[i + 1])
  redis.call('HINCRBY', KEYS[i], 'v', 1)
end
redis.call('SET', KEYS[2], ARGV[3])
if KEYS[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return {}
