/**
 * NATS JetStream as the source of `consume`: a `JsMsg` is a message as it is.
 *
 * - Delay: `nak(ms)` is the server's own. Lease: the consumer's `ack_wait`.
 * - Dead letters: `term()` ends a message; keep it in `onDead`, say in a second stream.
 *   Leave `max_deliver` at -1: the server would hide a message that has reached it.
 *
 * @module
 */

import type { Consumer, ConsumerConfig, JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";
import type { Receive } from "../../src/consume/mod.ts";

/** How long, in ms, the server may take for a message that is on its way when we leave. */
const UNDER_WAY = 100;

/** The settings of a consumer that all machines share; its lease in ms. */
export function shared(name: string, lease: number): Partial<ConsumerConfig> {
  const endless = { max_deliver: -1, max_ack_pending: -1 };
  const ack_policy = "explicit" as const;
  return { durable_name: name, ack_policy, ack_wait: lease * 1e6, ...endless };
}

/** The messages of a consumer, each asked for when there is room for it: nothing is fetched ahead. */
export function jetstream(
  connection: NatsConnection,
  consumer: Consumer,
  onError: (error: unknown) => void = console.error,
): Receive<JsMsg> {
  const confirmed = (message: JsMsg) => {
    const { reply } = message as JsMsg & { reply: string };
    // The client's own sends an ack once. If a crash has taken that, it has to be sent again.
    const ackAck = async () =>
      !!await connection.request(reply, "+ACK", { timeout: 1000 });
    return Object.assign(message, { ackAck });
  };
  return async function* (room, signal) {
    let leave = () => {};
    try {
      const wanted = { max_messages: room, expires: 5000, idle_heartbeat: 500 };
      const batch = await consumer.fetch(wanted);
      leave = () => void setTimeout(() => batch.stop(), UNDER_WAY);
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave);
      for await (const message of batch) yield confirmed(message);
    } catch (error) { // The server is away: it will be back.
      onError(error);
      await sleep(500, undefined, { signal }).catch(() => {});
    } finally {
      signal.removeEventListener("abort", leave);
    }
  };
}
