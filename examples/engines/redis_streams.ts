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

/** What no machine has a lease of any more, and what is new: [id, deliveries, fields]. */
const TAKE = `
local key, name, who, room, lease, from, taken = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], {}
local claimed = redis.call('XAUTOCLAIM', key, name, who, lease, from, 'COUNT', room)
for i, entry in ipairs(claimed[2]) do
  taken[i] = { entry[1], redis.call('XPENDING', key, name, entry[1], entry[1], 1)[1][4], entry[2] }
end
if #taken == tonumber(room) then return { claimed[1], taken } end
local new = redis.call('XREADGROUP', 'GROUP', name, who, 'COUNT', room - #taken, 'STREAMS', key, '>')
for _, entry in ipairs(new and new[1][2] or {}) do taken[#taken + 1] = { entry[1], 1, entry[2] } end
return { claimed[1], taken }`;
/** Says how long it has been idle, if it is still ours. */
const IDLE = `
local key, name, who, id = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if #redis.call('XPENDING', key, name, id, id, 1, who) == 0 then return 0 end
return #redis.call('XCLAIM', key, name, who, 0, id, 'IDLE', ARGV[4], 'JUSTID')`;

type Entry = [id: string, deliveryCount: number, fields: string[]];
/** An entry of the stream; `fields` are names and values by turns. */
export type RedisMessage = Message & Readonly<{ id: string; fields: string[] }>;

/** The entries for the consumer group `name`; `who` is this process alone, `lease` in ms. */
export function redisStream(
  redis: Redis,
  options:
    & Record<"stream" | "name" | "who", string>
    & { lease: number }
    & PollOptions,
): Receive<RedisMessage> {
  const { stream, name, who, lease } = options;
  const idle = async (id: string, ms: number) =>
    await redis.eval(IDLE, 1, stream, name, who, id, Math.max(0, ms)) === 1;
  const end = (id: string) =>
    redis.multi().xack(stream, name, id).xdel(stream, id).exec();
  const message = ([id, deliveryCount, fields]: Entry): RedisMessage => ({
    ...{ id, fields, info: { deliveryCount } },
    ...{ ack: () => end(id), term: () => end(id) },
    ...{ nak: (ms = 0) => idle(id, lease - ms), working: () => idle(id, 0) },
  });
  let from = "0-0";
  return polled(async (room) => {
    const taken = await redis.eval(
      TAKE,
      1,
      stream,
      name,
      who,
      room,
      lease,
      from,
    );
    const [next, entries] = taken as [string, Entry[]];
    from = next;
    return entries.map(message);
  }, options);
}
