// deno-coverage-ignore-file

/**
 * The contract of @std/async 1.5 `Channel`, as tests. It runs over ours, and
 * over @std's own where that loads, so that neither can drift from the other.
 *
 * @module
 */

import {
  AsyncIteratorPrototype,
  CountingController,
  gate,
  range,
  settled,
} from "./helpers.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "./std.ts";
import { test } from "./test.ts";
import { unhandled } from "./unhandled.ts";

const { isPrototypeOf } = Object.prototype;

interface Options {
  signal?: AbortSignal;
}

/** What a channel has to have. */
export interface ChannelLike<T>
  extends AsyncIterable<T>, Disposable, AsyncDisposable {
  send(value: T, options?: Options): Promise<void>;
  receive(options?: Options): Promise<T>;
  trySend(value: T): boolean;
  tryReceive():
    | { state: "ok"; value: T }
    | { state: "empty" }
    | { state: "closed" };
  close(): void;
  close(reason: unknown): void;
  readonly closed: boolean;
  readonly size: number;
  readonly capacity: number;
  toReadableStream(): ReadableStream<T>;
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
}

/** A class of channels. */
export type ChannelClass = new <T>(
  options?: { capacity?: number },
) => ChannelLike<T>;

/** The class of their errors. */
export type ChannelErrorClass = new (
  message: string,
  ...rest: [value: unknown] | []
) => Error & { readonly value?: unknown };

/** A promise that has rejected, of which the runtime won't complain. */
export function rejected(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}

/** What the promise rejects with, whatever that is. */
export function reasonOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(promise).then(
    (value) => {
      throw new Error(`did not reject, but resolved with ${value}`);
    },
    (reason) => reason,
  );
}

/** Remembers how promises settle, and in which order. */
export function outcomes(): {
  /** The names, in the order in which they settled, and with what. */
  log: unknown[];
  /** Follows a promise under this name. */
  follow: (name: string | number, promise: Promise<unknown>) => void;
} {
  const log: unknown[] = [];
  const follow = (name: string | number, promise: Promise<unknown>) => {
    promise.then(
      (value) => log.push([name, value]),
      (reason) => log.push([name, "rejected", reason]),
    );
  };
  return { log, follow };
}

/** Registers the tests of the contract for a class of channels. */
export function channelContract(
  name: string,
  Channel: ChannelClass,
  ChannelClosedError: ChannelErrorClass,
): void {
  const check = (title: string, body: () => void | Promise<void>) =>
    test(title.replace(/^Channel/, name), body);

  /** Fails unless this is the error of a receive on a closed channel. */
  function assertReceiveError(error: unknown): void {
    assertInstanceOf(error, ChannelClosedError);
    assertEquals(error.message, "Cannot receive from a closed channel");
    assert(!("value" in error));
  }

  /** Fails unless this is the error of a send to a closed channel. */
  function assertSendError(error: unknown, value: unknown): void {
    assertInstanceOf(error, ChannelClosedError);
    assertEquals(error.message, "Cannot send to a closed channel");
    assert("value" in error);
    assertStrictEquals(error.value, value);
  }

  // --- Making one ---

  check("Channel is a rendezvous (capacity 0) without options", () => {
    const channel = new Channel();
    assertEquals(
      [channel.capacity, channel.size, channel.closed],
      [0, 0, false],
    );
    assertEquals(new Channel({}).capacity, 0);
  });

  check("Channel.capacity is what it was made with", () => {
    assertEquals(new Channel({ capacity: 8 }).capacity, 8);
  });

  for (const bad of [-1, 1.5, NaN]) {
    check(`Channel of capacity ${bad} is a RangeError that names it`, () => {
      const error = assertThrows(
        () => new Channel({ capacity: bad }),
        RangeError,
        "Cannot create channel: capacity must be a non-negative integer",
      );
      assert(error.message.endsWith(`received ${bad}`), error.message);
    });
  }

  // --- Order ---

  check(
    "Channel gives values in the order in which they were sent",
    async () => {
      const channel = new Channel<number>({ capacity: 100 });
      for (const i of range(100)) await channel.send(i);
      for (const i of range(100)) assertEquals(await channel.receive(), i);
    },
  );

  check(
    "Channel.send()s that wait are served in the order of the calls",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      const { log, follow } = outcomes();
      for (const i of range(4)) follow(i, channel.send(i));
      await settled();
      assertEquals(log, [[0, undefined]]);
      for (const i of range(4)) assertEquals(await channel.receive(), i);
      await settled();
      assertEquals(log, range(4).map((i) => [i, undefined]));
    },
  );

  check(
    "Channel.receive()s that wait are served in the order of the calls",
    async () => {
      const channel = new Channel<string>({ capacity: 1 });
      const { log, follow } = outcomes();
      for (const i of range(3)) follow(i, channel.receive());
      for (const value of ["a", "b", "c"]) assert(channel.trySend(value));
      assertEquals(channel.size, 0);
      await settled();
      assertEquals(log, [[0, "a"], [1, "b"], [2, "c"]]);
    },
  );

  check(
    "Channel gives each value to exactly one of several consumers, in turn",
    async () => {
      const channel = new Channel<number>();
      const seen: number[][] = [];
      const consumers = range(3).map(async (i) => {
        for await (const value of channel) (seen[i] ??= []).push(value);
      });
      for (const i of range(9)) await channel.send(i);
      channel.close();
      await Promise.all(consumers);
      assertEquals(seen, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]);
    },
  );

  check(
    "Channel of two programs that answer each other never lets them miss a turn",
    async () => {
      const ping = new Channel<number>();
      const pong = new Channel<number>();
      const answers = (async () => {
        for await (const value of ping) await pong.send(value + 1);
      })();
      let value = 0;
      for (const _ of range(100)) {
        await ping.send(value);
        value = await pong.receive();
      }
      ping.close();
      await answers;
      assertEquals(value, 100);
    },
  );

  // --- Waiting ---

  check("Channel.send() at capacity 0 waits for a receiver", async () => {
    const channel = new Channel<string>();
    const { log, follow } = outcomes();
    follow("send", channel.send("a"));
    await settled();
    assertEquals([log.length, channel.size], [0, 0]);
    follow("receive", channel.receive());
    await settled();
    assertEquals(log, [["send", undefined], ["receive", "a"]]);
  });

  check("Channel.receive() waits for a value", async () => {
    const channel = new Channel<string>({ capacity: 1 });
    const { log, follow } = outcomes();
    follow("receive", channel.receive());
    await settled();
    assertEquals(log, []);
    await channel.send("a");
    await settled();
    assertEquals(log, [["receive", "a"]]);
    assertEquals(channel.size, 0);
  });

  check("Channel.send() does not wait while there is room", async () => {
    const channel = new Channel<number>({ capacity: 2 });
    await channel.send(1);
    await channel.send(2);
    assertEquals(channel.size, 2);
  });

  check(
    "Channel.send() waits while the channel is full, and is let in when one value is taken",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      const { log, follow } = outcomes();
      for (const i of range(4)) follow(i, channel.send(i));
      await settled();
      assertEquals([log.length, channel.size], [2, 2]);
      assertEquals(channel.tryReceive(), { state: "ok", value: 0 });
      assertEquals(channel.size, 2);
      await settled();
      assertEquals(log.length, 3);
    },
  );

  check(
    "Channel.size counts the values in it, not those of waiting senders",
    () => {
      const channel = new Channel<number>({ capacity: 1 });
      const sizes = [channel.size];
      for (const i of range(2)) {
        channel.send(i);
        sizes.push(channel.size);
      }
      for (const _ of range(2)) {
        channel.tryReceive();
        sizes.push(channel.size);
      }
      assertEquals(sizes, [0, 1, 1, 1, 0]);
    },
  );

  check(
    "Channel.send() lets a fast producer run only `capacity` values ahead",
    async () => {
      const channel = new Channel<number>({ capacity: 3 });
      let sent = 0;
      const producer = (async () => {
        for (const i of range(20)) {
          await channel.send(i);
          sent++;
        }
        channel.close();
      })();
      let most = 0;
      let received = 0;
      for await (const _ of channel) {
        received++;
        await settled();
        most = Math.max(most, sent - received);
      }
      await producer;
      assertEquals([received, most], [20, 3]);
    },
  );

  // --- Not waiting ---

  check(
    "Channel.trySend() is false at capacity 0 unless a receiver waits",
    async () => {
      const channel = new Channel<string>();
      assertEquals(channel.trySend("a"), false);
      const receive = channel.receive();
      assertEquals(channel.trySend("b"), true);
      assertEquals(channel.trySend("c"), false);
      assertEquals(await receive, "b");
    },
  );

  check("Channel.trySend() is true while there is room", () => {
    const channel = new Channel<number>({ capacity: 2 });
    assertEquals(range(3).map((i) => channel.trySend(i)), [true, true, false]);
    channel.tryReceive();
    assertEquals(channel.trySend(3), true);
  });

  check(
    "Channel.trySend() is false once the channel is closed, room or not",
    () => {
      const channel = new Channel<number>({ capacity: 2 });
      channel.close();
      assertEquals([channel.trySend(1), channel.size], [false, 0]);
    },
  );

  check(
    "Channel.tryReceive() tells a value, nothing yet, and nothing any more apart",
    () => {
      const channel = new Channel<number>({ capacity: 1 });
      assertEquals(channel.tryReceive(), { state: "empty" });
      channel.trySend(1);
      channel.close();
      assertEquals(channel.tryReceive(), { state: "ok", value: 1 });
      assertEquals(channel.tryReceive(), { state: "closed" });
    },
  );

  check(
    "Channel.tryReceive() takes from a waiting sender, who is told",
    async () => {
      const channel = new Channel<string>();
      const sent = channel.send("a");
      assertEquals(channel.tryReceive(), { state: "ok", value: "a" });
      assertEquals(channel.tryReceive(), { state: "empty" });
      assertEquals(await sent, undefined);
    },
  );

  check(
    "Channel.tryReceive() gives one frozen object for empty, and one for closed",
    () => {
      const channel = new Channel();
      const other = new Channel({ capacity: 1 });
      const empty = channel.tryReceive();
      assertStrictEquals(channel.tryReceive(), empty);
      assertStrictEquals(other.tryReceive(), empty);
      channel.close();
      other.close("why");
      const closed = channel.tryReceive();
      assertStrictEquals(channel.tryReceive(), closed);
      assertStrictEquals(other.tryReceive(), closed);
      assert(Object.isFrozen(empty) && Object.isFrozen(closed));
    },
  );

  // --- undefined ---

  check("Channel takes undefined for a value like any other", async () => {
    const channel = new Channel<undefined>({ capacity: 1 });
    const receive = channel.receive();
    assert(channel.trySend(undefined));
    assertEquals(await receive, undefined);
    assert(channel.trySend(undefined));
    const sent = channel.send(undefined);
    assertEquals(channel.size, 1);
    assertEquals(channel.tryReceive(), { state: "ok", value: undefined });
    await sent;
    assertEquals(channel.tryReceive(), { state: "ok", value: undefined });
    assertEquals(channel.tryReceive(), { state: "empty" });
    assertEquals(await next(channel, undefined), {
      value: undefined,
      done: false,
    });
  });

  // --- close ---

  check(
    "Channel.close() closes at once; a second time, with or without a reason, does nothing",
    async () => {
      const channel = new Channel();
      channel.close("first");
      assertEquals(channel.closed, true);
      channel.close("second");
      channel.close();
      assertEquals(await reasonOf(channel.receive()), "first");
      const quiet = new Channel();
      quiet.close();
      quiet.close("late");
      assertReceiveError(await reasonOf(quiet.receive()));
    },
  );

  check(
    "Channel.close() lets receivers have what is in it, then no more",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      await channel.send(1);
      await channel.send(2);
      channel.close("why");
      assertEquals(channel.size, 2);
      assertEquals([await channel.receive(), await channel.receive()], [1, 2]);
      assertEquals(await reasonOf(channel.receive()), "why");
    },
  );

  check(
    "Channel.close() turns waiting senders away with their values; what was in stays",
    async () => {
      const channel = new Channel<unknown>({ capacity: 1 });
      await channel.send("in");
      const value = {};
      const waiting = [channel.send(value), channel.send(undefined)];
      channel.close("the reason is not for senders");
      assertSendError(await reasonOf(waiting[0]!), value);
      assertSendError(await reasonOf(waiting[1]!), undefined);
      assertEquals(channel.tryReceive(), { state: "ok", value: "in" });
      assertEquals(channel.tryReceive(), { state: "closed" });
    },
  );

  check(
    "Channel.close() without a reason gives waiting receivers a ChannelClosedError without a value",
    async () => {
      const channel = new Channel();
      const waiting = [channel.receive(), channel.receive()];
      channel.close();
      for (const receive of waiting) {
        assertReceiveError(await reasonOf(receive));
      }
    },
  );

  check(
    "Channel.close() with a reason gives waiting receivers that very reason",
    async () => {
      const channel = new Channel();
      const reason = new Error("why");
      const waiting = [channel.receive(), channel.receive()];
      channel.close(reason);
      for (const receive of waiting) {
        assertStrictEquals(await reasonOf(receive), reason);
      }
      assertStrictEquals(await reasonOf(channel.receive()), reason);
    },
  );

  check(
    "Channel.close(undefined) is a close with a reason, which is undefined",
    async () => {
      const channel = new Channel();
      const waiting = channel.receive();
      channel.close(undefined);
      assertStrictEquals(await reasonOf(waiting), undefined);
      assertStrictEquals(await reasonOf(channel.receive()), undefined);
      assertStrictEquals(await reasonOf(next(channel)), undefined);
    },
  );

  check(
    "Channel.receive() on a closed channel rejects with the same error every time",
    async () => {
      const channel = new Channel();
      const waiting = channel.receive();
      channel.close();
      const error = await reasonOf(waiting);
      assertReceiveError(error);
      assertStrictEquals(await reasonOf(channel.receive()), error);
      assertStrictEquals(await reasonOf(channel.receive()), error);
    },
  );

  check(
    "Channel.send() on a closed channel rejects, each time with its own value",
    async () => {
      const channel = new Channel<unknown>({ capacity: 1 });
      channel.close("the reason is not for senders");
      const value = {};
      assertSendError(await reasonOf(channel.send(value)), value);
      assertSendError(await reasonOf(channel.send(undefined)), undefined);
    },
  );

  check(
    "ChannelClosedError of Channel has a name, and a value that can't be changed",
    () => {
      const error = new ChannelClosedError("why", 1);
      assert(error instanceof Error);
      assertEquals([error.name, error.message, error.value], [
        "ChannelClosedError",
        "why",
        1,
      ]);
      assertEquals(Object.getOwnPropertyDescriptor(error, "value"), {
        value: 1,
        writable: false,
        enumerable: true,
        configurable: false,
      });
      assert(!("value" in new ChannelClosedError("why")));
      assert("value" in new ChannelClosedError("why", undefined));
    },
  );

  // --- signals ---

  check(
    "Channel.send() looks first whether the channel is closed, then at the signal",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      channel.close();
      const signal = AbortSignal.abort("aborted");
      assertSendError(await reasonOf(channel.send(1, { signal })), 1);
    },
  );

  check(
    "Channel.send() that need not wait does not look at an aborted signal",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      const signal = AbortSignal.abort("aborted");
      const receive = channel.receive();
      await channel.send(1, { signal });
      assertEquals(await receive, 1);
      await channel.send(2, { signal });
      assertEquals(channel.size, 1);
    },
  );

  check(
    "Channel.send() that would have to wait rejects with an aborted signal's reason, and sends nothing",
    async () => {
      const channel = new Channel<number>();
      const reason = new Error("aborted");
      const signal = AbortSignal.abort(reason);
      assertStrictEquals(await reasonOf(channel.send(1, { signal })), reason);
      assertEquals(channel.tryReceive(), { state: "empty" });
    },
  );

  check(
    "Channel.receive() that need not wait does not look at an aborted signal",
    async () => {
      const channel = new Channel<string>({ capacity: 1 });
      const signal = AbortSignal.abort("aborted");
      await channel.send("in");
      const sent = channel.send("waiting");
      assertEquals(await channel.receive({ signal }), "in");
      assertEquals(await channel.receive({ signal }), "waiting");
      await sent;
      await channel.send("left");
      channel.close();
      assertEquals(await channel.receive({ signal }), "left");
    },
  );

  check(
    "Channel.receive() looks first whether the channel is closed, then at the signal",
    async () => {
      const channel = new Channel();
      channel.close("closed");
      const signal = AbortSignal.abort("aborted");
      assertEquals(await reasonOf(channel.receive({ signal })), "closed");
    },
  );

  check(
    "Channel.receive() that would have to wait rejects with an aborted signal's reason, and takes nothing",
    async () => {
      const channel = new Channel<number>();
      const reason = new Error("aborted");
      const signal = AbortSignal.abort(reason);
      assertStrictEquals(await reasonOf(channel.receive({ signal })), reason);
      assertEquals(channel.trySend(1), false);
    },
  );

  for (const [index, where] of ["first", "middle", "last"].entries()) {
    check(
      `Channel.send() whose signal is aborted leaves from the ${where} place, and no other does`,
      async () => {
        const channel = new Channel<number>();
        const { log, follow } = outcomes();
        const controllers = range(3).map(() => new CountingController());
        for (const i of range(3)) {
          follow(i, channel.send(i, { signal: controllers[i]!.signal }));
        }
        controllers[index]!.abort("aborted");
        await settled();
        assertEquals(log, [[index, "rejected", "aborted"]]);
        assertEquals(controllers[index]!.listeners, 0);
        const others = range(3).filter((i) => i !== index);
        for (const i of others) assertEquals(await channel.receive(), i);
        assertEquals(channel.tryReceive(), { state: "empty" });
        await settled();
        assertEquals(log.slice(1), others.map((i) => [i, undefined]));
        assertEquals(controllers.map((c) => c.listeners), [0, 0, 0]);
      },
    );

    check(
      `Channel.receive() whose signal is aborted leaves from the ${where} place, and no other does`,
      async () => {
        const channel = new Channel<string>();
        const { log, follow } = outcomes();
        const controllers = range(3).map(() => new CountingController());
        for (const i of range(3)) {
          follow(i, channel.receive({ signal: controllers[i]!.signal }));
        }
        controllers[index]!.abort("aborted");
        await settled();
        assertEquals(log, [[index, "rejected", "aborted"]]);
        assertEquals(controllers[index]!.listeners, 0);
        assertEquals(["a", "b", "c"].map((value) => channel.trySend(value)), [
          true,
          true,
          false,
        ]);
        await settled();
        const others = range(3).filter((i) => i !== index);
        assertEquals(log.slice(1), [[others[0], "a"], [others[1], "b"]]);
        assertEquals(controllers.map((c) => c.listeners), [0, 0, 0]);
      },
    );
  }

  check(
    "Channel.send() takes its listener off when it is let in, handed over or turned away",
    async () => {
      const controller = new CountingController();
      const { signal } = controller;
      const channel = new Channel<number>({ capacity: 1 });
      await channel.send(0, { signal });
      assertEquals(controller.added, 0);
      const letIn = channel.send(1, { signal });
      assert(controller.listeners > 0);
      await channel.receive();
      await letIn;
      assertEquals(controller.listeners, 0);
      const turnedAway = channel.send(2, { signal });
      channel.close();
      assertSendError(await reasonOf(turnedAway), 2);
      assertEquals(controller.listeners, 0);
      const rendezvous = new Channel<number>();
      const handedOver = rendezvous.send(3, { signal });
      await rendezvous.receive();
      await handedOver;
      assertEquals(controller.listeners, 0);
    },
  );

  check(
    "Channel.receive() takes its listener off when it gets a value, or none",
    async () => {
      const controller = new CountingController();
      const { signal } = controller;
      const channel = new Channel<number>({ capacity: 1 });
      const receive = channel.receive({ signal });
      assert(controller.listeners > 0);
      channel.trySend(1);
      assertEquals(controller.listeners, 0);
      assertEquals(await receive, 1);
      channel.trySend(2);
      const added = controller.added;
      await channel.receive({ signal });
      assertEquals(controller.added, added);
      const none = channel.receive({ signal });
      channel.close();
      assertEquals(controller.listeners, 0);
      assertReceiveError(await reasonOf(none));
    },
  );

  check(
    "Channel ignores a signal that is aborted after the wait is over",
    async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const channel = new Channel<number>();
      const send = channel.send(1, { signal });
      assertEquals(await channel.receive({ signal }), 1);
      const receive = channel.receive({ signal });
      channel.trySend(2);
      controller.abort();
      assertEquals([await send, await receive], [undefined, 2]);
    },
  );

  // --- iteration ---

  check(
    "Channel iterates until it is closed and empty, while a producer sends",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      const producer = (async () => {
        for (const i of range(5)) await channel.send(i);
        channel.close();
      })();
      const values: number[] = [];
      for await (const value of channel) values.push(value);
      await producer;
      assertEquals(values, range(5));
    },
  );

  check(
    "Channel ends an iteration that waits when it is closed without a reason",
    async () => {
      const channel = new Channel<number>();
      const iterator = channel[Symbol.asyncIterator]();
      const waiting = iterator.next();
      channel.close();
      assertEquals(await waiting, { value: undefined, done: true });
      assertEquals(await iterator.next(), { value: undefined, done: true });
    },
  );

  check(
    "Channel fails an iteration that waits with the reason of close",
    async () => {
      const channel = new Channel<number>();
      const reason = new Error("why");
      const waiting = next(channel);
      channel.close(reason);
      assertStrictEquals(await reasonOf(waiting), reason);
    },
  );

  check(
    "Channel closed with a reason is iterated to its end before that is thrown",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      for (const i of range(2)) await channel.send(i);
      channel.close("why");
      const values: number[] = [];
      const all = (async () => {
        for await (const value of channel) values.push(value);
      })();
      assertEquals(await reasonOf(all), "why");
      assertEquals(values, [0, 1]);
    },
  );

  check(
    "Channel ends at once an iteration of what is closed and empty",
    async () => {
      const channel = new Channel<number>();
      channel.close();
      assertEquals(await next(channel), { value: undefined, done: true });
    },
  );

  check(
    "Channel's iterator that has ended, or failed, is done for good",
    async () => {
      const closed = new Channel<number>();
      closed.close();
      const ended = closed[Symbol.asyncIterator]();
      await ended.next();
      assertEquals(await ended.next(), { value: undefined, done: true });
      const broken = new Channel<number>();
      broken.close("why");
      const failed = broken[Symbol.asyncIterator]();
      assertEquals(await reasonOf(failed.next()), "why");
      assertEquals(await failed.next(), { value: undefined, done: true });
    },
  );

  check(
    "Channel's iterator takes nothing after return(), and does not close the channel",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      for (const i of range(2)) await channel.send(i);
      const iterator = channel[Symbol.asyncIterator]();
      assertEquals(await iterator.next(), { value: 0, done: false });
      assertEquals(await iterator.return!(), { value: undefined, done: true });
      assertEquals(await iterator.next(), { value: undefined, done: true });
      assertEquals([channel.closed, channel.size], [false, 1]);
    },
  );

  check("Channel goes on after a break out of its iteration", async () => {
    const channel = new Channel<number>({ capacity: 3 });
    for (const i of range(3)) await channel.send(i);
    for await (const _ of channel) break;
    assertEquals(channel.closed, false);
    assertEquals(await channel.receive(), 1);
  });

  check(
    "Channel's iterator is its own iterable, and each one is a consumer of its own",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      const first = channel[Symbol.asyncIterator]();
      assertStrictEquals(first[Symbol.asyncIterator](), first);
      const second = channel[Symbol.asyncIterator]();
      assert(first !== second);
      await first.return!();
      await channel.send(1);
      assertEquals(await second.next(), { value: 1, done: false });
    },
  );

  check(
    "Channel's iterator answers several next()s at once in their order",
    async () => {
      const channel = new Channel<number>({ capacity: 2 });
      const iterator = channel[Symbol.asyncIterator]();
      const nexts = range(3).map(() => iterator.next());
      for (const i of range(2)) await channel.send(i);
      channel.close();
      assertEquals(await Promise.all(nexts), [
        { value: 0, done: false },
        { value: 1, done: false },
        { value: undefined, done: true },
      ]);
    },
  );

  check(
    "Channel's iterators answer one next() at a time, and take turns",
    async () => {
      const channel = new Channel<string>();
      const [a, b] = range(2).map(() => channel[Symbol.asyncIterator]());
      const nexts = [a!.next(), a!.next(), b!.next()];
      for (const value of ["first", "second", "third"]) {
        channel.trySend(value);
        await settled();
      }
      assertEquals((await Promise.all(nexts)).map(({ value }) => value), [
        "first",
        "third",
        "second",
      ]);
    },
  );

  check(
    "Channel's iterator that fails is done for all next()s but the first",
    async () => {
      const channel = new Channel<number>();
      const iterator = channel[Symbol.asyncIterator]();
      const { log, follow } = outcomes();
      for (const i of range(3)) follow(i, iterator.next());
      channel.close("why");
      await settled();
      assertEquals(log, [
        [0, "rejected", "why"],
        [1, { value: undefined, done: true }],
        [2, { value: undefined, done: true }],
      ]);
    },
  );

  for (const when of ["before its first next()", "after a next()"]) {
    check(
      `Channel's iterator ends as a generator does, ${when}: return() gives its value, throw() its reason`,
      async () => {
        const channel = new Channel<number>({ capacity: 1 });
        const begun = async () => {
          const iterator = channel[Symbol.asyncIterator]();
          if (when.startsWith("before")) return iterator;
          channel.trySend(0);
          await iterator.next();
          return iterator;
        };
        for (const value of ["value", Promise.resolve("value")]) {
          const iterator = await begun();
          assertEquals(await iterator.return!(value), {
            value: "value",
            done: true,
          });
          assertEquals(await iterator.return!(1), { value: 1, done: true });
          assertEquals(await reasonOf(iterator.throw!("late")), "late");
        }
        const iterator = await begun();
        assertEquals(await reasonOf(iterator.throw!("why")), "why");
        channel.trySend(1);
        assertEquals(await iterator.next(), { value: undefined, done: true });
        assertEquals([channel.closed, channel.size], [false, 1]);
      },
    );
  }

  check("Channel's iterator inherits from %AsyncIteratorPrototype%", () => {
    const iterator = new Channel()[Symbol.asyncIterator]();
    assert(isPrototypeOf.call(AsyncIteratorPrototype, iterator));
    assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
  });

  // --- promises as values ---

  check(
    "Channel.receive() of a value that is a promise gives what that comes to",
    async () => {
      const channel = new Channel<unknown>({ capacity: 2 });
      const waiting = [channel.receive(), channel.receive()];
      for (const _ of range(2)) {
        await channel.send(Promise.resolve("value"));
        await channel.send(rejected("why"));
        const [value, failure] = waiting.length > 0
          ? waiting.splice(0)
          : [channel.receive(), channel.receive()];
        assertEquals(await reasonOf(failure!), "why");
        assertEquals(await value, "value");
      }
    },
  );

  check(
    "Channel.tryReceive() of a value that is a promise gives that promise",
    async () => {
      const channel = new Channel<unknown>({ capacity: 1 });
      const promise = Promise.resolve(1);
      await channel.send(promise);
      const result = channel.tryReceive();
      assert(result.state === "ok");
      assertStrictEquals(result.value, promise);
    },
  );

  check("Channel's iteration awaits values that are promises", async () => {
    const channel = new Channel<unknown>({ capacity: 4 });
    const thenable = {
      then: (resolve: (value: string) => void) => resolve("thenable"),
    };
    const callable = Object.assign(() => {}, thenable);
    const values = (async () => {
      const values: unknown[] = [];
      for await (const value of channel) values.push(value);
      return values;
    })();
    const inOrder = ["plain", null, Promise.resolve("promise"), thenable];
    for (const value of inOrder) await channel.send(value); // It waits for these,
    for (const value of [...inOrder, callable]) await channel.send(value);
    channel.close(); // and finds those.
    assertEquals(await values, [
      ...["plain", null, "promise", "thenable"],
      ...["plain", null, "promise", "thenable", "thenable"],
    ]);
  });

  for (const when of ["is there", "comes"]) {
    check(
      `Channel's iteration throws what a promise that ${when} rejects with, and the channel goes on`,
      async () => {
        const channel = new Channel<unknown>({ capacity: 2 });
        const send = () => {
          channel.trySend(Promise.reject("why"));
          channel.trySend("next");
        };
        const reasons = await unhandled(async () => {
          if (when === "is there") send();
          const iterator = channel[Symbol.asyncIterator]();
          const step = iterator.next();
          if (when === "comes") send();
          assertEquals(await reasonOf(step), "why");
          assertEquals(await iterator.next(), { value: undefined, done: true });
        });
        assertEquals(reasons, []);
        assertEquals(channel.closed, false);
        assertEquals(await channel.receive(), "next");
      },
    );
  }

  check(
    "Channel's iterator takes nothing while it awaits a value, so its next()s settle in order",
    async () => {
      const channel = new Channel<unknown>({ capacity: 2 });
      const iterator = channel[Symbol.asyncIterator]();
      const { log, follow } = outcomes();
      const { promise, open } = gate<string>();
      for (const i of range(3)) follow(i, iterator.next());
      channel.trySend(promise);
      channel.trySend("second");
      channel.trySend("third");
      await settled();
      assertEquals([log.length, channel.size], [0, 2]);
      open("first");
      await settled();
      assertEquals(
        log,
        ["first", "second", "third"].map((value, i) => [i, {
          value,
          done: false,
        }]),
      );
    },
  );

  check(
    "Channel's iterator takes nothing after a promise that rejects, though next()s wait",
    async () => {
      const channel = new Channel<unknown>({ capacity: 2 });
      const iterator = channel[Symbol.asyncIterator]();
      const { log, follow } = outcomes();
      for (const i of range(2)) follow(i, iterator.next());
      channel.trySend(rejected("why"));
      channel.trySend("next");
      await settled();
      assertEquals(log, [
        [0, "rejected", "why"],
        [1, { value: undefined, done: true }],
      ]);
      assertEquals(channel.tryReceive(), { state: "ok", value: "next" });
    },
  );

  check(
    "Channel's iterator that awaits a value when the channel is closed gives it, then ends",
    async () => {
      const channel = new Channel<unknown>();
      const iterator = channel[Symbol.asyncIterator]();
      const { promise, open } = gate<string>();
      const { log, follow } = outcomes();
      for (const i of range(3)) follow(i, iterator.next());
      channel.trySend(promise);
      channel.close("why");
      open("value");
      await settled();
      assertEquals(log, [
        [0, { value: "value", done: false }],
        [1, "rejected", "why"],
        [2, { value: undefined, done: true }],
      ]);
    },
  );

  // --- streams ---

  check(
    "Channel.toReadableStream() streams until the channel is closed and empty",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      const producer = (async () => {
        for (const i of range(5)) await channel.send(i);
        channel.close();
      })();
      assertEquals(await readAll(channel.toReadableStream()), range(5));
      await producer;
    },
  );

  check(
    "Channel.toReadableStream() fails with the reason of close, after what is there",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      await channel.send(1);
      const reason = new Error("why");
      const reader = channel.toReadableStream().getReader();
      channel.close(reason);
      assertEquals((await reader.read()).value, 1);
      assertStrictEquals(await reasonOf(reader.read()), reason);
    },
  );

  check(
    "Channel.toReadableStream() cancelled without a reason closes the channel without one",
    async () => {
      const channel = new Channel<number>();
      const stream = channel.toReadableStream();
      await settled();
      await stream.cancel();
      assertEquals(channel.closed, true);
      assertReceiveError(await reasonOf(channel.receive()));
    },
  );

  check(
    "Channel.toReadableStream() cancelled with a reason closes the channel with it",
    async () => {
      const channel = new Channel<number>();
      const waiting = channel.receive();
      const stream = channel.toReadableStream();
      await settled();
      await stream.cancel("enough");
      assertEquals(await reasonOf(waiting), "enough");
      assertEquals(await reasonOf(channel.receive()), "enough");
    },
  );

  check(
    "Channel.toReadableStream() shares the values with other consumers",
    async () => {
      const channel = new Channel<number>({ capacity: 4 });
      const readers = range(2).map(() =>
        channel.toReadableStream().getReader()
      );
      const reads = readers.map((reader) => reader.read());
      for (const i of range(2)) await channel.send(i);
      assertEquals((await Promise.all(reads)).map(({ value }) => value), [
        0,
        1,
      ]);
      channel.close();
    },
  );

  check(
    "Channel.toReadableStream() takes one value before it is asked for one",
    async () => {
      const channel = new Channel<number>();
      const { log, follow } = outcomes();
      const reader = channel.toReadableStream().getReader();
      for (const i of range(2)) follow(i, channel.send(i));
      await settled();
      assertEquals(log, [[0, undefined]]);
      assertEquals((await reader.read()).value, 0);
      await settled();
      assertEquals(log, [[0, undefined], [1, undefined]]);
      channel.close();
      assertEquals((await reader.read()).value, 1);
      assertEquals((await reader.read()).done, true);
    },
  );

  check(
    "Channel.toReadableStream() answers many reads at once in their order",
    async () => {
      const channel = new Channel<number>({ capacity: 100 });
      const reader = channel.toReadableStream().getReader();
      const reads = range(101).map(() => reader.read());
      for (const i of range(100)) await channel.send(i);
      channel.close();
      const values = (await Promise.all(reads)).map(({ value }) => value);
      assertEquals(values, [...range(100), undefined]);
    },
  );

  check(
    "Channel.toReadableStream() takes its turn behind others that wait",
    async () => {
      const channel = new Channel<number>({ capacity: 1 });
      const reader = channel.toReadableStream().getReader();
      await settled();
      const receive = channel.receive();
      const reads = range(2).map(() => reader.read());
      for (const i of range(3)) {
        await channel.send(i);
        await settled();
      }
      assertEquals(await receive, 1);
      assertEquals((await Promise.all(reads)).map(({ value }) => value), [
        0,
        2,
      ]);
    },
  );

  check(
    "Channel.toReadableStream() gives what promises come to, and fails with what one rejects with",
    async () => {
      const channel = new Channel<unknown>({ capacity: 3 });
      const { promise, open } = gate<string>();
      for (const value of [promise, rejected("why"), "next"]) {
        await channel.send(value);
      }
      const reasons = await unhandled(async () => {
        const reader = channel.toReadableStream().getReader();
        const reads = range(3).map(() => reader.read());
        await settled();
        open("value");
        assertEquals((await reads[0])!.value, "value");
        assertEquals(await reasonOf(reads[1]!), "why");
        assertEquals(await reasonOf(reads[2]!), "why");
        assertEquals(await reasonOf(reader.closed), "why");
      });
      assertEquals(reasons, []);
      assertEquals([channel.closed, channel.size], [false, 1]);
    },
  );

  // --- disposal ---

  check(
    "Channel is closed without a reason at the end of a using block",
    async () => {
      let outer: ChannelLike<number>;
      {
        using channel = new Channel<number>();
        outer = channel;
        assertEquals(outer.closed, false);
      }
      assertEquals(outer.closed, true);
      assertReceiveError(await reasonOf(outer.receive()));
    },
  );

  check(
    "Channel is closed at the end of an await using block, which does not wait for it to be empty",
    async () => {
      let outer: ChannelLike<number>;
      {
        await using channel = new Channel<number>({ capacity: 1 });
        outer = channel;
        await channel.send(1);
      }
      assertEquals([outer.closed, outer.size], [true, 1]);
      assertEquals(await outer.receive(), 1);
      assertReceiveError(await reasonOf(outer.receive()));
    },
  );
}

/** The first step of an iteration; of a channel that has one value, if it is given. */
function next<T>(
  channel: ChannelLike<T>,
  ...value: [T] | []
): Promise<IteratorResult<T>> {
  if (value.length > 0) channel.trySend(value[0] as T);
  return channel[Symbol.asyncIterator]().next();
}

async function readAll<T>(stream: ReadableStream<T>): Promise<T[]> {
  const values: T[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return values;
    values.push(value);
  }
}
