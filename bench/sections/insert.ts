/**
 * c. Producers that wait for room, so that memory stays flat; against our own
 * `add`, which doesn't, and the peers that have something of the kind.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { addAndWait } from "../support/add_ways.ts";
import {
  batch,
  kept,
  own,
  present,
  using,
  type Way,
} from "../support/contenders.ts";
import { type Section, timed } from "../support/harness.ts";

const CONCURRENCY = 16;
const CAPACITY = 64;

type Tasks = (() => Promise<void>)[];
type Feed = (tasks: Tasks, producers: number) => Promise<unknown>;

/** Each producer brings every so-manieth task, and waits for room before the next. */
function share(
  tasks: Tasks,
  producers: number,
  bring: (task: Tasks[number]) => Promise<unknown>,
): Promise<unknown> {
  return Promise.all(Array.from({ length: producers }, async (_, first) => {
    for (let i = first; i < tasks.length; i += producers) {
      await bring(tasks[i]!);
    }
  }));
}

const ways: readonly Way<Feed>[] = [
  own("cogroup add", (tasks) => addAndWait(tasks, CONCURRENCY)),
  own("cogroup insert", async (tasks, producers) => {
    const group = kept(
      new CoGroup({ concurrency: CONCURRENCY, capacity: CAPACITY }),
    );
    await share(tasks, producers, (task) => group.insert(task));
    await group.wait();
  }),
  own("cogroup insertAll", async (tasks, producers) => {
    const group = kept(
      new CoGroup({ concurrency: CONCURRENCY, capacity: CAPACITY }),
    );
    const each = Math.ceil(tasks.length / producers);
    await Promise.all(
      Array.from(
        { length: producers },
        (_, i) => group.insertAll(tasks.slice(i * each, (i + 1) * each)),
      ),
    );
    await group.wait();
  }),
  // The form that its README has for producers that should wait.
  using("p-queue", ({ default: PQueue }) => async (tasks, producers) => {
    const queue = kept(new PQueue({ concurrency: CONCURRENCY }));
    await share(tasks, producers, async (task) => {
      await queue.onSizeLessThan(CAPACITY);
      queue.add(task);
    });
    await queue.onIdle();
  }, "p-queue onSizeLessThan"),
  // A channel with a hand-written worker loop behind it.
  using("@std Channel", ({ Channel }) => async (tasks, producers) => {
    const channel = kept(new Channel<Tasks[number]>({ capacity: CAPACITY }));
    const workers = Array.from({ length: CONCURRENCY }, async () => {
      for await (const task of channel) await task();
    });
    await share(tasks, producers, (task) => channel.send(task));
    channel.close();
    await Promise.all(workers);
  }, "@std Channel and a loop"),
];

export const insert: Section = {
  letter: "c",
  title: `insert, capacity ${CAPACITY}, concurrency ${CONCURRENCY}`,
  cases: ({ peers, quick }) => {
    const count = quick ? 10_000 : 100_000;
    const { tasks, verify } = batch(count);
    return [1, 8].map((producers) => ({
      title: producers === 1 ? "1 producer" : `${producers} producers`,
      x: producers,
      unit: "ns/task",
      base: "cogroup add",
      contenders: present(ways, peers, (name, feed) => ({
        name,
        measure: timed(count, async () => {
          await feed(tasks, producers);
          verify();
        }),
      })),
    }));
  },
};
