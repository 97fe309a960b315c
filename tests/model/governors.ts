// deno-coverage-ignore-file

/**
 * The governor of a program, which two groups may share, and how a group has it: as
 * it is, or behind one that looks on.
 *
 * @module
 */

import type { AcquireOptions, Governor, Permit } from "../../mod.ts";
import { clock } from "./clock.ts";
import {
  AdaptiveModel,
  type Ask,
  type GovernorModel,
  RateModel,
  SemaphoreModel,
} from "./governor_reference.ts";
import { must } from "./jobs.ts";
import type { GovernorSpec } from "./program.ts";

/** A group's way to its governor, as far as the program sees it. */
export interface Way {
  /** What the group is given. */
  readonly governor: Governor;
  /** A task of the group begins, and is counted among those in flight. */
  begins(): void;
  /** Nothing of the group can begin now, or it may not have been so. */
  lapses(): void;
  /** Nothing moves any more. */
  standsStill(hasNext: boolean, failures: number): void;
}

/** As many permits are asked for at the end, to see whether all are back. */
const ALL = 5;

/** A governor, what it should do, and the groups that have it. */
export class Governed {
  readonly real: Governor;
  readonly model: GovernorModel;
  readonly isOwn: boolean;
  readonly #ways: OwnWay[] = [];

  constructor(real: Governor, model: GovernorModel, isOwn: boolean) {
    this.real = real;
    this.model = model;
    this.isOwn = isOwn;
    if (isOwn) model.unheard = 0;
  }

  /** The way of one more group, which has so many tasks in flight. */
  way(host: GovernorHost, running: () => number): Way {
    if (!this.isOwn) return new WatchedGovernor(this, host, running);
    const way = new OwnWay(this, this.#ways, running);
    this.#ways.push(way);
    return way;
  }

  /** No group is left. */
  checkEnd(): void {
    const { model, real } = this;
    must(model.held === 0, "a permit is left");
    const permits: (Permit | undefined)[] = [];
    for (let i = 0; i < Math.min(ALL, model.least); i++) {
      permits.push(real.tryAcquire!());
    }
    for (const permit of permits) permit?.waive?.();
    must(!permits.includes(undefined), "a permit is lost");
  }
}

/** The governor of a program, if it has one. */
export function govern(
  mod: typeof import("../../mod.ts"),
  spec: GovernorSpec,
): Governed | undefined {
  if (spec.type === "none") return undefined;
  const isOwn = spec.way === "own";
  switch (spec.type) {
    case "semaphore": {
      const model = new SemaphoreModel(spec.limit);
      return new Governed(new mod.Semaphore(spec.limit), model, isOwn);
    }
    case "rate": {
      const now = () => clock.now + (spec.knowsWork ? clock.worked : 0);
      const model = new RateModel(spec, now);
      return new Governed(mod.rateLimit(spec), model, isOwn);
    }
    case "adaptive": {
      const real = mod.adaptiveLimit(spec);
      const limit = () => real.limit;
      const model = new AdaptiveModel(spec.min, spec.max, limit);
      return new Governed(real, model, isOwn);
    }
  }
}

/**
 * As it is. Nothing is heard of it: what can be seen is what begins, what does not,
 * and which group is first.
 */
class OwnWay implements Way {
  readonly governor: Governor;
  readonly #model: GovernorModel;
  readonly #all: readonly OwnWay[];
  readonly #running: () => number;
  #hasNext = false;
  /** Whether it has waited since nothing moved. */
  #waits: "yes" | "no" | "perhaps" = "no";

  constructor(
    { real, model }: Governed,
    all: readonly OwnWay[],
    running: () => number,
  ) {
    this.governor = real;
    this.#model = model;
    this.#all = all;
    this.#running = running;
  }

  begins(): void {
    const model = this.#model;
    model.held = this.#heldByAll - 1;
    must(model.offer !== "no", "law 16: a task begins above the limit");
    model.take();
    for (const other of this.#all) {
      must(
        this.#waits !== "no" || other.#waits !== "yes",
        "the permit of a group that has waited goes to another",
      );
    }
    this.#waits = "no";
  }

  lapses(): void {
    if (this.#waits === "yes") this.#waits = "perhaps";
  }

  standsStill(hasNext: boolean): void {
    const model = this.#model;
    this.#hasNext = hasNext;
    this.#waits = hasNext ? "yes" : "no";
    model.held = this.#heldByAll;
    model.unheard = 0;
    for (const one of this.#all) if (one.#hasNext) model.unheard++;
    must(
      !hasNext || model.offer !== "yes",
      "a permit that there is, is not used",
    );
  }

  get #heldByAll(): number {
    let held = 0;
    for (const way of this.#all) held += way.#running();
    return held;
  }
}

/** What the governor needs of the program. */
export interface GovernorHost {
  guard(check: () => void): void;
  /** What is done in its calls. */
  nest(): void;
  /** Whether this is the async context of the group. */
  isHome(): boolean;
}

/** One that is watched while the group uses it. */
class WatchedGovernor implements Governor, Way {
  readonly #governed: Governed;
  readonly #host: GovernorHost;
  readonly #running: () => number;
  readonly #asks = new Set<Ask>();
  /** How many permits the group has. */
  #out = 0;
  /** How many it gave back as failed. */
  #failures = 0;

  constructor(governed: Governed, host: GovernorHost, running: () => number) {
    this.#governed = governed;
    this.#host = host;
    this.#running = running;
  }

  get governor(): Governor {
    return this;
  }

  begins(): void {
    must(this.#out >= this.#running(), "a task begins without a permit");
  }

  lapses(): void {}

  /** Whether the group waits for a permit. */
  get #isWaiting(): boolean {
    return this.#asks.size > 0;
  }

  tryAcquire(): Permit | undefined {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const { offer } = model;
    const permit = real.tryAcquire!();
    guard(() =>
      must(
        offer === "either" || (permit !== undefined) === (offer === "yes"),
        `tryAcquire() gives ${permit === undefined ? "none" : "a permit"}`,
      )
    );
    if (permit === undefined) return undefined;
    model.take();
    return this.#hold(permit);
  }

  acquire(options: AcquireOptions): Promise<Permit> {
    const { real, model } = this.#governed;
    const { guard } = this.#host;
    this.#isCalled();
    const ask = model.ask();
    this.#asks.add(ask);
    // Before the governor listens, so that the model hears of it before.
    options.signal!.addEventListener("abort", () => {
      model.giveUp(ask);
      this.#asks.delete(ask);
    });
    return real.acquire(options).then((permit) => {
      this.#asks.delete(ask);
      guard(() => model.answered(ask));
      return this.#hold(permit);
    }, (reason) => {
      model.refused(ask);
      throw reason;
    });
  }

  standsStill(hasNext: boolean, failures: number): void {
    const running = this.#running();
    must(
      this.#out === running,
      `${this.#out} permits are out, ${running} tasks are in flight`,
    );
    must(
      this.#isWaiting === hasNext,
      hasNext ? "nobody asks for a permit" : "a permit is waited for in vain",
    );
    for (const { state } of this.#asks) {
      must(state === "waits", "a permit that was freed is not given");
    }
    must(
      this.#failures === failures,
      `${this.#failures} permits were given back as failed, not ${failures}`,
    );
  }

  #isCalled(): void {
    this.#host.guard(() => {
      must(this.#host.isHome(), "law 13: the governor is called elsewhere");
      must(!this.#isWaiting, "the governor is asked by who waits");
    });
    this.#host.nest();
  }

  #hold(permit: Permit): Permit {
    const { model } = this.#governed;
    const { guard, isHome, nest } = this.#host;
    let isHeld = true;
    this.#out++;
    const release = (failed = false) => {
      guard(() => {
        must(isHeld, "a permit was given back twice");
        must(isHome(), "law 13: a permit is given back elsewhere");
      });
      isHeld = false;
      this.#out--;
      if (failed) this.#failures++;
      nest();
      model.release();
      permit.release(failed);
      if (model instanceof AdaptiveModel) guard(() => model.released(failed));
    };
    return { release, [Symbol.dispose]: () => release() };
  }
}
