/**
 * A stream of Redis, read by a consumer group, as the source of `consume`.
 *
 * - Lease: what was idle for so long is claimed by the next machine that asks.
 * - `nak(ms)` makes it idle for `lease - ms` already; so a delay is at most the lease.
 * - Dead letters: `term()` deletes it, as `ack()` does; `onDead` adds it elsewhere.
 *
 * @module
 */

import type { Redis } from "ioredis";
import type { Message, Receive } from "../../src/consume/mod.ts";
import { polled, type PollOptions } from "./poll.ts";

/** What no machine has a lease of any more, and then what is new: [id, deliveries, fields]. */
const TAKE = `
local key, name, who, room, lease, taken = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], {}
for _, old in ipairs(redis.call('XPENDING', key, name, 'IDLE', lease, '-', '+', room)) do
  local entry = redis.call('XCLAIM', key, name, who, lease, old[1])[1]
  if entry then taken[#taken + 1] = { old[1], old[4] + 1, entry[2] } end
end
if #taken == tonumber(room) then return taken end
local new = redis.call('XREADGROUP', 'GROUP', name, who, 'COUNT', room - #taken, 'STREAMS', key, '>')
for _, entry in ipairs(new and new[1][2] or {}) do taken[#taken + 1] = { entry[1], 1, entry[2] } end
return taken`;
/** Says how long it has been idle, if it is still ours. */
const IDLE = `
local key, name, who, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if #redis.call('XPENDING', key, name, id, id, 1, who) == 0 then return 0 end
return #redis.call('XCLAIM', key, name, who, 0, id, 'IDLE', ARGV[4], 'JUSTID')`;

type Entry = [id: string, deliveryCount: number, fields: string[]];
/** An entry of the stream; `fields` are names and values by turns. */
export type RedisMessage = Message & { id: string; fields: string[] };
/** `who` is this process alone; `lease` is in ms. */
type Options = { stream: string; name: string; who: string; lease: number };

/** The entries for the consumer group `name`. */
export function redisStream(
  redis: Redis,
  { stream, name, who, lease, ...options }: Options & PollOptions,
): Receive<RedisMessage> {
  const idle = async (id: string, ms: number) =>
    await redis.eval(IDLE, 1, stream, name, who, id, Math.max(0, ms)) === 1;
  const end = (id: string) =>
    redis.multi().xack(stream, name, id).xdel(stream, id).exec();
  const message = ([id, deliveryCount, fields]: Entry): RedisMessage => ({
    ...{ id, fields, info: { deliveryCount } },
    ...{ ack: () => end(id), term: () => end(id) },
    ...{ nak: (ms = 0) => idle(id, lease - ms), working: () => idle(id, 0) },
  });
  return polled(async (room) => {
    const taken = await redis.eval(TAKE, 1, stream, name, who, room, lease);
    return (taken as Entry[]).map(message);
  }, options);
}
