// deno-coverage-ignore-file

/**
 * The governor of a program, which two groups may share, and how a group has it: as
 * it is, or behind one that looks on.
 *
 * @module
 */

import type { Governor, Permit } from "../../mod.ts";
import { clock } from "./clock.ts";
import {
  AdaptiveModel,
  type GovernorModel,
  RateModel,
  SemaphoreModel,
} from "./governor_reference.ts";
import { must } from "./jobs.ts";
import { type GovernorHost, OwnWay, type Way } from "./ways.ts";
import { WatchedGovernor } from "./watched_governor.ts";
import type { GovernorSpec } from "./program.ts";

/** As many permits are asked for at the end, to see whether all are back. */
const ALL = 5;

/** A governor, what it should do, and the groups that have it. */
export class Part {
  readonly real: Governor;
  readonly model: GovernorModel;
  readonly ways: OwnWay[] = [];
  /** Sets another limit. */
  readonly setLimit: ((n: number) => void) | undefined;

  constructor(
    real: Governor,
    model: GovernorModel,
    setLimit?: (n: number) => void,
  ) {
    this.real = real;
    this.model = model;
    this.setLimit = setLimit;
  }

  /** What the groups hold that have it, as far as can be seen. */
  get held(): number {
    let held = 0;
    for (const way of this.ways) held += way.held;
    return held;
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

/** The governor of a program: one, or several at once. */
export class Governed {
  readonly real: Governor;
  readonly parts: readonly Part[];
  readonly isOwn: boolean;

  constructor(
    isOwn: boolean,
    parts: Part[],
    real: Governor = parts[0]!.real,
  ) {
    this.real = real;
    this.parts = parts;
    this.isOwn = isOwn;
    if (isOwn) { for (const { model } of parts) model.unheard = 0; }
  }

  /** That of the first one. */
  get model(): GovernorModel {
    return this.parts[0]!.model;
  }

  /** The way of the group, which holds so much. */
  way(host: GovernorHost, held: () => number): Way {
    return this.isOwn
      ? this.#own(this.real, this.parts, held)
      : new WatchedGovernor(this, host, held);
  }

  /** The way of another group, to the first one alone. */
  guestWay(host: GovernorHost, held: () => number): Way {
    const [first] = this.parts;
    return this.isOwn
      ? this.#own(first!.real, [first!], held)
      : new WatchedGovernor(this, host, held);
  }

  #own(real: Governor, parts: readonly Part[], held: () => number): Way {
    const way = new OwnWay(real, parts, held);
    for (const part of parts) part.ways.push(way);
    return way;
  }

  /** Nothing moves any more, and the groups have said so. */
  standsStill(): void {
    for (const { model, ways } of this.parts) {
      model.standsStill();
      for (const way of ways) way.isServed();
    }
  }

  checkEnd(): void {
    for (const part of this.parts) part.checkEnd();
  }
}

/** The governor of a program, if it has one. */
export function govern(
  mod: typeof import("../../mod.ts"),
  spec: GovernorSpec,
): Governed | undefined {
  if (spec.type === "none") return undefined;
  const isOwn = spec.way === "own";
  const semaphore = (limit: number) => {
    const model = new SemaphoreModel(limit);
    const real = new mod.Semaphore(limit);
    return new Part(real, model, (n) => {
      model.limit = n;
      model.admit();
      real.limit = n;
    });
  };
  switch (spec.type) {
    case "semaphore":
      return new Governed(isOwn, [semaphore(spec.limit)]);
    case "all": {
      const parts = [semaphore(spec.limit), semaphore(spec.other)];
      const real = mod.allOf(...parts.map(({ real }) => real));
      if (isOwn) return new Governed(isOwn, parts, real);
      // Where nobody else has them, they are like the smaller one.
      const model = new SemaphoreModel(Math.min(spec.limit, spec.other));
      const setLimit = (n: number) => {
        model.limit = Math.min(n, spec.other);
        model.admit();
        parts[0]!.setLimit!(n);
      };
      return new Governed(isOwn, [new Part(real, model, setLimit)]);
    }
    case "rate": {
      const now = () => clock.now + (spec.knowsWork ? clock.worked : 0);
      const model = new RateModel(spec, now);
      return new Governed(isOwn, [new Part(mod.rateLimit(spec), model)]);
    }
    case "adaptive": {
      const real = mod.adaptiveLimit(spec);
      const limit = () => real.limit;
      const model = new AdaptiveModel(spec.min, spec.max, limit);
      return new Governed(isOwn, [new Part(real, model)]);
    }
  }
}
