// deno-coverage-ignore-file

/**
 * Random programs that play channels, and `select` over them, against the model of them.
 * A channel settles everything in the call that decides it, so the two are compared
 * when the microtasks of each step have run.
 *
 * @module
 */

import type { Channel, QueuedTask, Selected } from "../../mod.ts";
import {
  ChannelModel,
  type Fate,
  type IteratorModel,
  type Sent,
  type Waiter,
} from "./channel_reference.ts";
import { clock } from "./clock.ts";
import { type QueueSpec, usable } from "./program.ts";
import { queueOption } from "./queues.ts";
import { Broken, mod, type Played } from "./play.ts";
import { Random } from "./random.ts";
import { must } from "./jobs.ts";
import { CountedSignal } from "./signals.ts";

type Step =
  & { on: number }
  & (
    | {
      op: "send";
      signal: "none" | "own" | "shared";
      key: number;
      priority: number;
    }
    | { op: "receive"; signal: "none" | "own" | "shared" }
    | { op: "select"; signal: "none" | "own" | "shared"; among: number[] }
    | { op: "trySend"; key: number; priority: number }
    | { op: "tryReceive" | "iterate" | "closeWith" | "close" }
    | { op: "next" | "return" | "abort"; which: number }
    | { op: "abortShared" }
  );

interface Program {
  queues: QueueSpec[];
  steps: Step[];
}

/** A channel, its model, and what it has told. */
interface Pair {
  model: ChannelModel;
  channel: Channel<QueuedTask>;
  dropped: QueuedTask[];
}

interface Promised {
  waiter: Waiter;
  end: { ok: boolean; value: unknown } | undefined;
}

class ChannelDriver {
  readonly #all: Pair[];
  readonly #promised: Promised[] = [];
  readonly #own: CountedSignal[] = [];
  readonly #shared = new CountedSignal("shared");
  readonly #iterators: {
    real: AsyncIterableIterator<unknown>;
    model: IteratorModel;
    of: ChannelModel;
  }[] = [];
  #sent = 0;

  constructor(queues: QueueSpec[]) {
    this.#all = queues.map((queue) => {
      const dropped: QueuedTask[] = [];
      const options = queueOption(
        mod,
        queue,
        (value) => dropped.push(value),
        [],
      );
      const channel = new mod.Channel<QueuedTask>(options);
      return { model: new ChannelModel(queue), channel, dropped };
    });
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#act(step);
      for (let i = 0; i < 4; i++) await undefined;
      this.#check();
    }
  }

  #act(step: Step): void {
    const { model, channel } = this.#at(step.on);
    switch (step.op) {
      case "send": {
        const value = this.#value(step);
        const signal = this.#signal(step.signal);
        const waiter = this.#waiter("send", value, signal);
        model.send(waiter);
        const options = signal && { signal: signal.signal };
        return this.#follow(waiter, channel.send(value, options));
      }
      case "receive": {
        const signal = this.#signal(step.signal);
        const waiter = this.#waiter("receive", undefined, signal);
        model.receive(waiter);
        const options = signal && { signal: signal.signal };
        return this.#follow(waiter, channel.receive(options));
      }
      case "select": {
        const signal = this.#signal(step.signal);
        const waiter = this.#waiter("select", undefined, signal);
        const among = step.among.map((at) => this.#at(at));
        waiter.among = among.map(({ model }) => model);
        ChannelModel.select(waiter);
        const channels = among.map(({ channel }) => channel);
        const options = signal && { signal: signal.signal };
        return this.#follow(waiter, mod.select(channels, options));
      }
      case "trySend": {
        const value = this.#value(step);
        const isIn = model.trySend(value);
        return must(
          channel.trySend(value) === isIn,
          `trySend() is not ${isIn}`,
        );
      }
      case "tryReceive": {
        const [value, ...rest] = model.take();
        const result = channel.tryReceive();
        const isEmpty = value === undefined && rest.length === 0;
        const state = !isEmpty ? "ok" : model.closed ? "closed" : "empty";
        must(result.state === state, `tryReceive() is ${result.state}`);
        return must(
          result.state !== "ok" || result.value === value,
          "tryReceive() has another value",
        );
      }
      case "iterate":
        return void this.#iterators.push({
          real: channel[Symbol.asyncIterator](),
          model: { isOver: false, waiting: [] },
          of: model,
        });
      case "next": {
        const iterator = this.#iterator(step.which);
        if (iterator === undefined) return;
        const waiter = this.#waiter("next", undefined, undefined);
        waiter.iterator = iterator.model;
        iterator.of.receive(waiter);
        return this.#follow(waiter, iterator.real.next());
      }
      case "return": {
        const iterator = this.#iterator(step.which);
        if (iterator === undefined) return;
        iterator.of.leave(iterator.model);
        return void iterator.real.return!();
      }
      case "close":
        model.close(undefined);
        return channel.close();
      case "closeWith": {
        const reason = { reason: "close" };
        model.close({ is: reason });
        return channel.close(reason);
      }
      case "abort":
        return this.#abort(this.#own[step.which % this.#own.length]);
      case "abortShared":
        return this.#abort(this.#shared);
    }
  }

  #abort(signal: CountedSignal | undefined): void {
    if (signal === undefined || signal.aborted) return;
    signal.mark({ reason: signal.name });
    for (const { model } of this.#all) model.abort(signal);
    signal.fire();
  }

  #at(on: number): Pair {
    return this.#all[on % this.#all.length]!;
  }

  #value({ key, priority }: { key: number; priority: number }): Sent {
    const options = { key: key || undefined, priority };
    const id = this.#sent++;
    const placed = { id, ...options, attempt: 0, weight: 1, state: "sent" };
    return { ...placed, task: () => {}, options };
  }

  #signal(name: "none" | "own" | "shared"): CountedSignal | undefined {
    if (name === "none") return undefined;
    if (name === "shared") return this.#shared;
    const signal = new CountedSignal(`own ${this.#own.length}`);
    this.#own.push(signal);
    return signal;
  }

  #iterator(which: number) {
    return this.#iterators[which % this.#iterators.length];
  }

  #waiter(
    kind: Waiter["kind"],
    value: Sent | undefined,
    signal: CountedSignal | undefined,
  ): Waiter {
    return {
      kind,
      value,
      signal,
      iterator: undefined,
      among: undefined,
      fate: undefined,
    };
  }

  #follow(waiter: Waiter, promise: Promise<unknown>): void {
    const promised: Promised = { waiter, end: undefined };
    this.#promised.push(promised);
    promise.then((value) => promised.end = { ok: true, value }, (value) => {
      promised.end = { ok: false, value };
    });
  }

  #check(): void {
    for (const { model, channel, dropped } of this.#all) {
      must(channel.size === model.values.length, `size is ${channel.size}`);
      must(channel.closed === model.closed, `closed is ${channel.closed}`);
      must(
        dropped.length === model.dropped.length &&
          dropped.every((value, i) => value === model.dropped[i]),
        `onEvict has heard of ${dropped.length} values`,
      );
      must(
        model.passed < this.#all.length,
        "a channel starves beside the others",
      );
    }
    for (const { waiter, end } of this.#promised) {
      must(
        (end !== undefined) === (waiter.fate !== undefined),
        `a ${waiter.kind} ${end === undefined ? "is not" : "is"} settled`,
      );
      must(
        end === undefined || this.#isFate(waiter, end),
        `a ${waiter.kind} settles as it should not`,
      );
    }
    for (const signal of [this.#shared, ...this.#own]) {
      const waits = this.#all
        .flatMap(({ model }) => [...model.senders, ...model.receivers])
        .some((waiter) => waiter.signal === signal);
      must(
        signal.listeners === Number(waits),
        `law 9: ${signal.listeners} listeners on signal ${signal.name}`,
      );
    }
  }

  #isFate(
    { fate, kind, iterator }: Waiter,
    end: { ok: boolean; value: unknown },
  ): boolean {
    if ("closed" in fate!) {
      const { value } = end;
      return !end.ok && value instanceof mod.ChannelClosedError &&
        value.value === fate.unsent;
    }
    if ("reason" in fate!) return !end.ok && end.value === fate.reason;
    if (!end.ok) return false;
    if (kind === "select") return this.#isSelected(fate!, end.value);
    if ("ended" in fate!) return false;
    if (kind !== "next") return end.value === fate!.value;
    const { value, done } = end.value as IteratorResult<unknown>;
    return value === fate!.value &&
      done === (fate!.value === undefined && iterator!.isOver);
  }

  #isSelected(fate: Fate, result: unknown): boolean {
    const { channel, value, closed } = result as Selected<Channel<unknown>>;
    const of = (model: ChannelModel) =>
      this.#all.find((one) => one.model === model)!.channel;
    return "ended" in fate
      ? closed === of(fate.ended) && channel === undefined
      : "from" in fate && channel === of(fate.from!) && value === fate.value;
  }
}

function randomProgram(random: Random): Program {
  const steps: Step[] = [];
  const ops: Step["op"][] = [
    ...Array(6).fill("send"),
    ...Array(6).fill("receive"),
    ...Array(2).fill("trySend"),
    ...Array(3).fill("tryReceive"),
    ...Array(3).fill("next"),
    ...Array(3).fill("abort"),
    ...Array(4).fill("select"),
    "iterate",
    "return",
  ];
  if (random.chance(0.5)) ops.push("close");
  if (random.chance(0.3)) ops.push("closeWith");
  if (random.chance(0.5)) ops.push("abortShared");
  const channels = random.pick([1, 1, 2, 3, 4, 5]);
  const length = 2 + random.below(20 + 20 * channels);
  for (let i = 0; i < length; i++) {
    steps.push({
      op: random.pick(ops),
      on: random.below(channels),
      among: Array.from(
        { length: 1 + random.below(channels) },
        () => random.below(channels),
      ),
      which: random.below(16),
      key: random.below(4),
      priority: random.below(3),
      signal: random.pick(["none", "own", "shared"]),
    } as Step);
  }
  const queues = Array.from({ length: channels }, () => randomQueue(random));
  return { queues, steps };
}

function randomQueue(random: Random): QueueSpec {
  const order = random.pick<QueueSpec["order"]>([
    "fifo",
    "fifo",
    "priority",
    "keyed",
    "sliding",
    "dropping",
  ]);
  const capacity = random.pick([0, 0, 1, 2, 3, Infinity]);
  return usable({ order, capacity, perKey: 1 });
}

async function play({ queues, steps }: Program): Promise<unknown> {
  try {
    await new ChannelDriver(queues).play(steps);
  } catch (error) {
    return error;
  }
  return undefined;
}

/**
 * Plays programs of one seed after the other; throws at the first that breaks. No
 * time goes by, so that no iteration need let the loop turn.
 */
export async function playChannels(
  first: number,
  count: number,
): Promise<Played> {
  clock.install();
  try {
    return await playEach(first, count);
  } finally {
    clock.uninstall();
  }
}

async function playEach(first: number, count: number): Promise<Played> {
  const played: Played = { programs: 0, steps: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const program = randomProgram(new Random(seed));
    let error = await play(program);
    played.programs++;
    played.steps += program.steps.length;
    if (error === undefined) continue;
    let { steps } = program;
    for (let at = steps.length - 1; at >= 0; at--) {
      const fewer = steps.toSpliced(at, 1);
      const other = await play({ ...program, steps: fewer });
      if (other === undefined) continue;
      steps = fewer;
      error = other;
    }
    throw new Broken(
      seed,
      [
        `${error instanceof Error ? error.message : error}`,
        ...program.queues.map((queue) =>
          `new Channel(${JSON.stringify(queue)})`
        ),
        ...steps.map((step) => JSON.stringify(step)),
      ].join("\n  "),
      { cause: error },
    );
  }
  return played;
}
