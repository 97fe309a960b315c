/** Law 10: an iterated Channel, and select, let the event loop turn. The loop turns when the test says so. */

import { FakeClock } from "./support/fake_clock.ts";
import { microtasks, range } from "./support/helpers.ts";
import { loadAnew } from "./support/load_anew.ts";
import { assert, assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";
import { unhandled } from "./support/unhandled.ts";

const clock = new FakeClock("timers", "Date", "performance", "loop");
const loading = clock.use();
const { Channel, CoGroup, select } = await loadAnew();
loading[Symbol.dispose]();

type Numbers = InstanceType<typeof Channel<number>>;

/** How many values were read since the loop went on. */
let given = 0;

/** What a reader does with a value: it takes a millisecond. */
function use(): void {
  clock.now++;
  given++;
}

/** Reads to the end, or so many. */
async function read(
  channel: AsyncIterable<number | Promise<number>>,
  most = Infinity,
): Promise<number[]> {
  const values: number[] = [];
  for await (const value of channel) {
    use();
    if (values.push(await value) >= most) break;
  }
  return values;
}

/** How many values were read at the most before the loop went on. */
async function mostPerTurn(values: Promise<number[]>): Promise<number> {
  let most = 0;
  let isOver = false;
  values.then(() => isOver = true);
  for (let turns = 0; !isOver && turns < 1000; turns++) {
    given = 0;
    await clock.run(5); // In which it turns once, for a reader that waits.
    most = Math.max(most, given);
  }
  assert(isOver, "the reader is not at the end");
  return most;
}

const VALUES = 200;

function filled(capacity: number, more = 0): Numbers {
  const channel = new Channel<number>({ capacity });
  for (const n of range(capacity)) channel.trySend(n);
  for (const n of range(more)) channel.send(capacity + n).catch(() => {});
  return channel;
}

/** Values, or promises of them, as a reader gets them. */
type Values = AsyncIterable<number | Promise<number>>;
type Read = (channel: Channels, most?: number) => Promise<number[]>;
type Channels = Numbers | InstanceType<typeof Channel<Promise<number>>>;

/** What select gives of the channel, until its end. */
async function* selected(channel: Channels): Values {
  const other = new Channel<number>();
  for (;;) {
    const { closed, value } = await select([other, channel as Numbers]);
    if (closed) return;
    yield value;
  }
}

/** How a channel is read. */
const readers: Record<string, Read> = {
  "the iteration of a Channel": (channel, most) => read(channel, most),
  "select() of a Channel": (channel, most) => read(selected(channel), most),
};

/** How the values of a channel come. */
const ways: Record<string, (read: Read) => Promise<number[]>> = {
  "of values that are there": (read) => {
    const channel = filled(VALUES);
    channel.close();
    return read(channel);
  },
  "of senders that wait": (read) => {
    const channel = filled(0, VALUES);
    return read(channel, VALUES);
  },
  "of a sender in a loop": (read) => {
    const channel = filled(4);
    (async () => {
      for (let n = 4; n < VALUES; n++) await channel.send(n);
      channel.close();
    })();
    return read(channel);
  },
  "of a sender that comes behind the reader": (read) => {
    const channel = filled(0);
    const values = read(channel);
    (async () => {
      for (const n of range(VALUES)) await channel.send(n);
      channel.close();
    })();
    return values;
  },
  "of promises": (read) => {
    const channel = new Channel<Promise<number>>({ capacity: VALUES });
    for (const n of range(VALUES)) channel.trySend(Promise.resolve(n));
    channel.close();
    return read(channel);
  },
  "of a sender that is slower than the reader": (read) => {
    const channel = filled(0);
    (async () => {
      for (const n of range(VALUES)) {
        for (const _ of range(10)) await Promise.resolve();
        await channel.send(n);
      }
      channel.close();
    })();
    return read(channel);
  },
};

for (const [reader, read] of Object.entries(readers)) {
  for (const [way, begin] of Object.entries(ways)) {
    test(`Law 10: ${reader} ${way} lets the loop turn`, async () => {
      using _ = clock.use();
      const values = begin(read);
      const most = await mostPerTurn(values);
      assert(most <= 18, `${most} values in one turn`);
      assertEquals(await values, range(VALUES));
    });
  }
}

test("Law 10: select() in some loops at once lets the loop turn, and loses no value", async () => {
  using _ = clock.use();
  const channel = filled(VALUES);
  channel.close();
  const loops = range(5).map(() => read(selected(channel)));
  const values = Promise.all(loops).then((all) => all.flat());
  const most = await mostPerTurn(values);
  assert(most <= 18, `${most} values in one turn`);
  assertEquals((await values).sort((a, b) => a - b), range(VALUES));
});

test("Law 10: select()s that wait for the loop to turn go on a slice at a time, and then count no more", async () => {
  using _ = clock.use();
  const channel = filled(VALUES);
  const values: number[] = [];
  const ask = async () => {
    values.push((await select([channel])).value!);
    use();
  };
  let asked: Promise<void>;
  do {
    given = 0;
    asked = ask();
    await microtasks();
  } while (given > 0);
  const all = Promise.all([asked, ...range(30).map(ask)]);
  let most = 0;
  for (const _ of range(100)) {
    given = 0;
    await clock.run(1);
    most = Math.max(most, given);
  }
  await all;
  assert(most <= 18, `${most} in one turn`);
  assertEquals(values, range(values.length));

  const group = new CoGroup({ concurrency: 1, slice: 200 });
  for (const _ of range(300)) group.add(use);
  given = 0;
  await microtasks();
  assert(given >= 40, `${given} tasks of a millisecond in a slice of 200`);
  const ended = group.wait();
  await clock.run(1000);
  await ended;
});

test("Law 10: select() in a loop that asks a closed channel again and again lets the loop turn", async () => {
  using _ = clock.use();
  const [quiet, failed] = [new Channel<number>(), new Channel<number>()];
  quiet.close();
  failed.close("why");
  const ask = async () => {
    const reasons: number[] = [];
    for (const n of range(VALUES)) {
      await select([quiet, failed]).catch(() => reasons.push(n));
      use();
    }
    return reasons;
  };
  const values = ask();
  const most = await mostPerTurn(values);
  assert(most <= 18, `${most} ends in one turn`);
  assertEquals((await values).length, VALUES / 2);
});

test("Law 10: a Channel's iterator that is left while it waits for the loop to turn gives its value back", async () => {
  using _ = clock.use();
  const channel = filled(VALUES);
  const iterator = channel[Symbol.asyncIterator]();
  let read = 0;
  let next = iterator.next();
  (async () => {
    while (!(await next).done) {
      read++;
      clock.now++;
      next = iterator.next();
    }
  })();
  await microtasks();
  assert(read < VALUES, "it does not wait");
  await iterator.return!();
  assertEquals(await next, { value: undefined, done: true });
  assertEquals([channel.size, await channel.receive()], [VALUES - read, read]);
});

test("Law 6: a promise that a Channel's iterator keeps until the loop has turned is no unhandled rejection", async () => {
  const using = clock.use();
  const channel = new Channel<unknown>({ capacity: Infinity });
  const iterator = channel[Symbol.asyncIterator]();
  for (const n of range(VALUES)) channel.trySend(n);
  for (let n = 0; n < VALUES; n++) {
    const step = await Promise.race([iterator.next(), microtasks()]);
    if (step === undefined) break; // It waits for the loop to turn, and this one is last.
    use();
  }
  using[Symbol.dispose]();
  const waiting = new Channel<unknown>({ capacity: 2 });
  const steps: Promise<unknown>[] = [];
  const reasons = await unhandled(() => {
    for (const reason of ["one", "two"]) {
      waiting.trySend(Promise.reject(reason));
      const step = waiting[Symbol.asyncIterator]().next();
      steps.push(step.catch((error) => error));
    }
    return Promise.resolve();
  });
  assertEquals(reasons, []);
  {
    using _ = clock.use();
    await clock.run(1000);
  }
  assertEquals(await Promise.all(steps), ["one", "two"]);
  await iterator.return!();
});
