/**
 * The tokens of a `TokenLimit` in Redis: a sorted set of those in use, each with
 * the time when it is free again, by the server's clock. All or none of what is wanted is taken.
 *
 * @module
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { TakeTokens, Token } from "./token_limit.ts";

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
`;
const TAKE = `${NOW}
local limit, least, most, lease, id = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local count = math.min(most, limit - redis.call('ZCARD', KEYS[1]))
if count < least then return 0 end
for i = 1, count do redis.call('ZADD', KEYS[1], now + lease, id .. i) end
return count`;
/** Free again after so many ms, if it is still ours. */
const FREE = `${NOW}
local free = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not free or tonumber(free) <= now then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1`;

/** The tokens under that name; `lease` and `poll` in ms. */
export function redisTokens(
  redis: Redis,
  { name, limit, lease, poll = 20 }: {
    name: string;
    limit: number;
    lease: number;
    poll?: number;
  },
): TakeTokens {
  const free = async (id: string, ms: number) =>
    await redis.eval(FREE, 1, name, id, ms) === 1;
  const token = (id: string): Token => ({
    beat: () => free(id, lease),
    free: (delay) => free(id, delay),
  });
  return async ({ least, most, within }, signal) => {
    for (
      const end = performance.now() + within;
      performance.now() < end && !signal.aborted;
    ) {
      const id = `${crypto.randomUUID()}:`;
      const count = await redis.eval(
        TAKE,
        1,
        name,
        limit,
        least,
        most,
        lease,
        id,
      ) as number;
      if (count > 0) {
        return Array.from({ length: count }, (_, i) => token(`${id}${i + 1}`));
      }
      await sleep(poll, undefined, { signal }).catch(() => {});
    }
    return [];
  };
}
