/**
 * e. A channel by itself, against the one it stands in for; where that loads.
 *
 * @module
 */

import { Channel } from "../../mod.ts";
import {
  expect,
  own,
  present,
  using,
  type Way,
} from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";
import type { ChannelLike } from "../support/peers.ts";

type Make = (capacity: number) => ChannelLike<number>;

const ways: readonly Way<Make>[] = [
  own("cogroup", (capacity) => new Channel<number>({ capacity })),
  using(
    "@std Channel",
    ({ Channel }) => (capacity) => new Channel({ capacity }),
  ),
];

/** What a consumer does; resolves with the sum of what it got. */
type Consume = (
  channel: ChannelLike<number>,
  count: number,
) => Promise<number>;

const consumers: Record<string, Consume> = {
  "for await": async (channel) => {
    let sum = 0;
    for await (const value of channel) sum += value;
    return sum;
  },
  "send/receive": async (channel, count) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += await channel.receive();
    return sum;
  },
};

async function produce(
  channel: ChannelLike<number>,
  count: number,
): Promise<void> {
  for (let i = 0; i < count; i++) await channel.send(1);
}

async function pass(
  channel: ChannelLike<number>,
  consume: Consume,
  pairs: number,
  count: number,
): Promise<void> {
  const sums = Array.from({ length: pairs }, () => consume(channel, count));
  await Promise.all(
    Array.from({ length: pairs }, () => produce(channel, count)),
  );
  channel.close();
  const sum = (await Promise.all(sums)).reduce((a, b) => a + b);
  expect(sum, pairs * count);
}

export const channel: Section = {
  letter: "e",
  title: "Channel",
  cases: ({ peers, quick }) => {
    const count = quick ? 16_000 : 160_000;
    return Object.entries(consumers).flatMap(([style, consume]) =>
      [1, 8].flatMap((pairs) =>
        [0, 1, 64].map((capacity) => ({
          title: `${style}, ${pairs} to ${pairs}, capacity ${capacity}`,
          unit: "ns/value",
          base: "cogroup",
          contenders: present(ways, peers, (name, make) => ({
            name,
            measure: timed(
              count,
              () => pass(make(capacity), consume, pairs, count / pairs),
            ),
          })),
        }))
      )
    );
  },
};
