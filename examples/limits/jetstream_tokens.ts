/**
 * The tokens of a `TokenLimit` in NATS JetStream: each is a message that is never acked.
 * The machine that has it unacked holds it, `nak(delay)` frees it, and `ack_wait` is its lease.
 *
 * The server counts `interval` and lease by its own monotonic clock. It gives one token to one
 * machine at a time, so a heavy permit may wait for long behind light ones, and
 * says nothing of a beat that came too late: `TokenLimit` goes by its own clock there.
 *
 * @module
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { shared } from "../engines/jetstream.ts";
import type { TakeTokens } from "./token_limit.ts";

/** Makes the tokens, unless another machine has; `lease` in ms. */
export async function jetstreamTokens(
  connection: NatsConnection,
  { name, limit, lease }: { name: string; limit: number; lease: number },
): Promise<TakeTokens> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name, subjects: [`${name}.*`] });
  const client = jetstream(connection);
  for (let i = 0; i < limit; i++) {
    const expect = { lastSubjectSequence: 0 }; // There is none yet.
    await client.publish(`${name}.${i}`, "", { expect }).catch((error) => {
      if (!/wrong last sequence/.test(`${error}`)) throw error;
    });
  }
  await manager.consumers.add(name, shared("holders", lease));
  const consumer = await client.consumers.get(name, "holders");
  return async function* ({ most, within }) {
    const expires = Math.max(1000, within);
    const batch = await consumer.fetch({ max_messages: most, expires });
    for await (const message of batch) {
      yield {
        beat: () => message.working(),
        free: (delay) => message.nak(delay),
      };
    }
  };
}
