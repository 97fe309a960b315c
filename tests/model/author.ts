// deno-coverage-ignore-file

/**
 * Writes random programs.
 *
 * @module
 */

import {
  type Features,
  isShared,
  knowsWork,
  mayWeigh,
  type Op,
  opsOf,
  randomFeatures,
  waits,
} from "./features.ts";
import type {
  GovernorSpec,
  GroupSpec,
  LendSpec,
  Program,
  QueueSpec,
  RetrySpec,
  SignalName,
  SourceSpec,
  Step,
  TaskSpec,
} from "./program.ts";
import type { Random } from "./random.ts";

class Author {
  readonly #random: Random;
  readonly #features: Features;
  readonly #ops: [Op, number][];
  readonly #nestedOps: [Op, number][];

  constructor(random: Random) {
    this.#random = random;
    this.#features = randomFeatures(random);
    this.#ops = opsOf(random, this.#features);
    this.#nestedOps = this.#ops.filter(([op]) => !waits.has(op));
  }

  write(): Program {
    const random = this.#random;
    const steps: Step[] = [];
    const length = 4 + random.below(random.chance(0.2) ? 80 : 36);
    for (let i = 0; i < length; i++) steps.push(this.#step(this.#ops, true));
    return { group: this.#group(), steps };
  }

  #group(): GroupSpec {
    const random = this.#random;
    const { retry, timeout, nested, work } = this.#features;
    return {
      concurrency: random.pick([1, 1, 2, 2, 3, 4, Infinity]),
      queue: {
        order: this.#features.order,
        capacity: random.pick([0, 0, 1, 1, 2, 3, Infinity]),
        perKey: random.pick([1, 1, 2]),
        ...this.#keys(),
        isChecked: random.chance(0.2),
      },
      governor: this.#governor(),
      ...(nested && random.chance(0.2) && {
        governed: this.#step(this.#nestedOps, false),
      }),
      paused: random.chance(0.15),
      isObserved: random.chance(0.4),
      grace: random.pick([Infinity, Infinity, 0, 0, 20]),
      upstream: random.pick(
        random.chance(0.02) ? ["aborted"] : ["none", "live", "live"],
      ),
      slice: work ? random.pick([1, 3, 10, Infinity]) : 10,
      worker: random.pick(["none", "none", "passes", "throws"]),
      ...(timeout && random.chance(0.3) && { timeout: this.#ms() }),
      ...(retry && random.chance(0.4) && { retry: this.#retry() }),
      ...(nested && random.chance(0.3) && {
        nested: this.#step(this.#nestedOps, false),
      }),
      ...(nested && random.chance(0.2) && {
        closing: this.#step(this.#nestedOps, false),
      }),
      onError: random.pick(["hears", "hears", "hears", "throws", "rejects"]),
      feeds: random.pick(["one", "one", "one", "many"]),
      finish: random.pick(["wait", "wait", "abort", "reset"]),
    };
  }

  /** The governors of keys. With weights and retries, or weights and one for all, it is unknown which is first. */
  #keys(): Pick<QueueSpec, "keys"> {
    const random = this.#random;
    const { order, keys, weighs, retry } = this.#features;
    if (order !== "keyed" || !keys || (weighs && retry)) return {};
    return {
      keys: {
        limit: random.pick([1, 1, 2, 3]),
        way: random.pick(["own", "own", "foreign"]),
        isShared: !weighs && random.chance(0.4),
      },
    };
  }

  #governor(): GovernorSpec {
    const random = this.#random;
    const { governor: type, isOwn } = this.#features;
    const way = {
      way: isOwn ? "own" : "watched",
      isShared: isShared(this.#features) && random.chance(0.6),
    } as const;
    switch (type) {
      case "none":
        return { type };
      case "semaphore":
        return { type, ...way, limit: random.pick([1, 1, 2, 3, Infinity]) };
      case "all":
        return {
          type,
          ...way,
          limit: random.pick([1, 1, 2, 3]),
          other: random.pick([1, 1, 2, 3]),
        };
      case "rate": {
        const limit = random.pick([1, 2, 3]);
        const interval = random.pick([6, 12, 60, 600]);
        const burst = random.pick([1, limit]);
        const knows = knowsWork(this.#features) && random.chance(0.5);
        return { type, ...way, limit, interval, burst, knowsWork: knows };
      }
      case "adaptive": {
        const min = random.pick([1, 1, 2]);
        const max = min + random.pick([0, 1, 3, Infinity]);
        return { type, ...way, min, max, initial: Math.min(max, min + 1) };
      }
    }
  }

  #step(ops: readonly [Op, number][], mayNest: boolean): Step {
    const random = this.#random;
    const which = random.below(64);
    const op = this.#op(ops);
    switch (op) {
      case "add":
      case "tryInsert":
      case "insert":
        return { op, task: this.#task(mayNest) };
      case "go": {
        const unread = this.#features.unread && random.chance(0.5);
        return { op, task: this.#task(mayNest), ...(unread && { unread }) };
      }
      case "insertAll":
        return { op, source: this.#source(mayNest), task: this.#task(mayNest) };
      case "map":
      case "mapSettled":
        return {
          op,
          source: this.#source(mayNest),
          task: this.#task(mayNest),
          ordered: random.chance(0.5),
          ahead: random.pick([0, 0, 0, 1, 3, Infinity]),
          reads: random.pick([0, 1, 1, 2, 4]),
        };
      case "read":
      case "break":
      case "throw":
      case "look":
      case "withdraw":
        return { op, which };
      case "answer":
        return { op, which, well: random.chance(0.9) };
      case "end":
        return { op, which, well: random.chance(0.75) };
      case "signal":
        return { op, name: random.pick(["a", "b", "upstream"]) };
      case "waitFor":
        return { op, name: random.pick(["a", "b"]) };
      case "resize":
        return { op, n: random.pick([1, 1, 2, 2, 3, 5, Infinity]) };
      case "limit":
        return { op, n: random.pick([1, 1, 2, 3]) };
      case "pauseFor":
        return { op, ms: random.pick([0, 5, 30, 100]) };
      case "guest":
        return {
          op,
          does: random.pick([
            ...Array<"add">(8).fill("add"),
            ...Array<"end">(8).fill("end"),
            ...Array<"pause">(3).fill("pause"),
            "abort",
          ]),
          which,
          ...(this.#features.work && { work: random.pick([0, 1, 5]) }),
        };
      case "lend":
        return { op, which, loan: this.#lends() };
      case "back":
        return { op, which, well: random.chance(0.8) };
      case "withdrawId":
        return { op, id: random.below(3), hasReason: random.chance(0.7) };
      case "setPriority":
        return {
          op,
          id: random.below(3),
          priority: random.pick([-2, 0, 1, 3]),
        };
      case "shutdown":
        return { op, ms: random.pick([0, 5, 20, 100, Infinity]) };
      case "microtasks":
        return { op, n: 1 + random.below(7) };
      case "tick":
        return { op, ms: random.pick([1, 5, 10, 20, 100, 1000]) };
      default:
        return { op };
    }
  }

  #op(ops: readonly [Op, number][]): Op {
    let sum = 0;
    for (const [, weight] of ops) sum += weight;
    let at = this.#random.next() * sum;
    for (const [op, weight] of ops) {
      at -= weight;
      if (at < 0) return op;
    }
    return ops[0]![0];
  }

  #lends(): LendSpec {
    const random = this.#random;
    const until = random.pick<LendSpec["until"]>([
      "gate",
      "gate",
      "gate",
      "go",
      "go",
      "throws",
      1,
      3,
    ]);
    const { nested } = this.#features;
    return {
      until,
      ...(until === "go" && { task: this.#task(false) }),
      ...(nested && random.chance(0.2) && {
        nested: this.#step(this.#nestedOps, false),
      }),
    };
  }

  #ms(): number {
    return this.#random.pick([0, 5, 10, 10, 20, 100]);
  }

  #task(mayNest: boolean): TaskSpec {
    const random = this.#random;
    const { retry, timeout, signals, nested, looks, work, order } =
      this.#features;
    const { lends, named } = this.#features;
    const ends = random.pick<TaskSpec["ends"]>([
      "gate",
      "gate",
      "gate",
      "now",
      1,
      2,
      5,
    ]);
    return {
      ends,
      fails: ends === "gate" ? 0 : random.pick([0, 0, 0, 1, 2, 9]),
      ...(signals && random.chance(0.6) && {
        signal: random.pick<SignalName>(["own", "own", "a", "b", "upstream"]),
      }),
      ...(timeout && random.chance(0.4) && { timeout: this.#ms() }),
      ...(retry && random.chance(0.5) && { retry: this.#retry() }),
      ...(order === "keyed" && random.chance(0.8) && {
        key: random.pick([0, 0, 1, 2]),
      }),
      ...(order === "priority" && random.chance(0.6) && {
        priority: random.pick([-1, 1, 2]),
      }),
      ...(mayWeigh(this.#features) && random.chance(0.5) && {
        weight: random.pick([0.5, 1, 2, 3]),
      }),
      ...(named && random.chance(0.6) && { id: random.below(3) }),
      ...(mayNest && lends && random.chance(0.3) && { lends: this.#lends() }),
      ...(looks && random.chance(0.5) && {
        looks: random.pick(["once", "obeys"]),
      }),
      ...(work && { work: random.pick([0, 0.5, 1, 1]) }),
      ...(mayNest && nested && random.chance(0.3) && {
        nested: this.#step(this.#nestedOps, false),
      }),
    };
  }

  #retry(): RetrySpec {
    const random = this.#random;
    const hasFunctions = random.chance(0.5);
    return {
      maxAttempts: random.pick([1, 2, 3]),
      ms: this.#ms(),
      ...(hasFunctions && random.chance(0.6) && {
        ask: random.pick(["yes", "yes", "no", "throws"]),
      }),
      ...(hasFunctions && random.chance(0.6) && {
        tell: random.pick(["number", "undefined", "bad", "throws"]),
      }),
      ...(hasFunctions && this.#features.nested && random.chance(0.5) && {
        nested: this.#step(this.#nestedOps, false),
      }),
    };
  }

  #source(mayNest: boolean): SourceSpec {
    const random = this.#random;
    return {
      kind: random.pick(["sync", "promises", "async", "async"]),
      items: random.pick([0, 1, 2, 3, 5, 8]),
      end: random.chance(0.85) ? "done" : "fails",
      closes: random.pick(["well", "well", "throws", "never", "none"]),
      ...(mayNest && this.#features.nested && random.chance(0.2) && {
        nested: this.#step(this.#nestedOps, false),
      }),
    };
  }
}

/** A program as good as any other. */
export function randomProgram(random: Random): Program {
  return new Author(random).write();
}
