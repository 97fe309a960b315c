// deno-coverage-ignore-file

/**
 * How a group has its governor as it is.
 *
 * @module
 */

import type { Governor } from "../../mod.ts";
import type { GovernorModel } from "./governor_reference.ts";
import { must } from "./jobs.ts";

/** What the governor needs of the program. */
export interface GovernorHost {
  guard(check: () => void): void;
  /** What is done in its calls. */
  nest(): void;
  /** Groups that can't go on now may have left their lines. */
  look(): void;
  /** Whether this is the async context of the group. */
  isHome(): boolean;
}

/** A group's way to its governor, as far as the program sees it. */
export interface Way {
  /** What the group is given. */
  readonly governor: Governor;
  /** A task of the group begins, and is counted among those that hold a permit. */
  begins(weight: number): void;
  /** Nothing of the group can begin now, or it may not have been so. */
  lapses(): void;
  /** Nothing moves any more; so heavy is the next task, if there is one. */
  standsStill(next: number | undefined, failures: number): void;
}

/** What a way knows of a governor. */
interface Shared {
  readonly model: GovernorModel;
  readonly ways: readonly OwnWay[];
  readonly held: number;
}

/**
 * As it is. Nothing is heard of it: what can be seen is what begins, what does not,
 * and which group is first.
 */
export class OwnWay implements Way {
  readonly governor: Governor;
  readonly #parts: readonly Shared[];
  readonly #held: () => number;
  #next: number | undefined = undefined;
  /** Whether it has waited since nothing moved. */
  #waits: "yes" | "no" | "perhaps" = "no";

  constructor(
    governor: Governor,
    parts: readonly Shared[],
    held: () => number,
  ) {
    this.governor = governor;
    this.#parts = parts;
    this.#held = held;
  }

  /** What its tasks hold. */
  get held(): number {
    return this.#held();
  }

  begins(weight: number): void {
    for (const { model, ways, held } of this.#parts) {
      model.held = held - weight;
      must(
        model.offer(weight) !== "no",
        "law 16: a task begins above the limit",
      );
      model.take(weight);
      // Of several governors, the other one may have waited for another.
      for (const other of this.#parts.length > 1 ? [] : ways) {
        must(
          this.#waits !== "no" || other.#waits !== "yes" ||
            other.#parts.length > 1,
          "the permit of a group that has waited goes to another",
        );
      }
    }
    this.#waits = "no";
  }

  lapses(): void {
    if (this.#waits === "yes") this.#waits = "perhaps";
  }

  standsStill(next: number | undefined): void {
    this.#next = next;
    this.#waits = next === undefined ? "no" : "yes";
    for (const { model, ways, held } of this.#parts) {
      model.held = held;
      model.unheard = ways.filter((way) => way.#next !== undefined).length;
      model.unheardWeight = next ?? 1;
    }
  }

  /** All groups have said what is next: it waits only for what there is not, or behind one that does. */
  isServed(): void {
    const next = this.#next;
    if (next === undefined) return;
    const isOffered = this.#parts.every(({ model }) =>
      model.offer(next) === "yes"
    );
    const isBehind = this.#parts.some(({ model, ways }) =>
      ways.some((other) =>
        other !== this && other.#next !== undefined &&
        model.offer(other.#next) !== "yes"
      )
    );
    must(!isOffered || isBehind, "a permit that there is, is not used");
  }
}
