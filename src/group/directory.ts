/**
 * The tasks that have an id, by their ids; and what a caller is told of a task.
 *
 * Invariant: an entry that has an id is in the directory from its acceptance to its end.
 *
 * @module
 */

import type { Entry, Item } from "./entry.ts";

/**
 * One task, as {@linkcode CoGroup.prototype.tasks} shows it.
 *
 * @example What waits, and how often it was tried
 * ```ts
 * import assert from "node:assert/strict";
 * import { CoGroup, type TaskInfo } from "@cogroup/cogroup";
 *
 * const group = new CoGroup({ concurrency: 1, paused: true });
 * group.add(() => {}, { id: "a.jpg", key: "images" });
 * const [first]: TaskInfo[] = group.tasks();
 * assert.equal(first?.id, "a.jpg");
 * assert.equal(first?.state, "queued");
 * assert.equal(first?.attempt, 0);
 * ```
 */
export interface TaskInfo {
  /** The `id` of its options; undefined if it has none. */
  readonly id: unknown;
  /** Where it is: see the words of `CoGroupStats`. */
  readonly state: "queued" | "delayed" | "running" | "lent";
  /** How many attempts have begun: 0 before the first, but of a message that came again. */
  readonly attempt: number;
  /** The worker that runs it; undefined unless it is running. */
  readonly workerId: number | undefined;
  /** The `key` of its options. */
  readonly key: unknown;
  /** The `priority` of its options; 0 if it has none. */
  readonly priority: number;
  /** The `weight` of its options; 1 if it has none. */
  readonly weight: number;
}

/** The item, as a caller is told of it. A bare function is known by nothing but its state. */
export function infoOf(
  item: Item,
  state: TaskInfo["state"],
  workerId?: number,
): TaskInfo {
  const entry = typeof item === "function" ? undefined : item;
  const { key, priority = 0, weight = 1 } = entry?.options ?? {};
  const id = entry?.traits.id;
  const attempt = entry?.track?.attempt ?? Number(state !== "queued");
  return { id, state, attempt, workerId, key, priority, weight };
}

export class Directory {
  readonly #entries = new Map<unknown, Set<Entry>>();

  add(entry: Entry): void {
    const { id } = entry.traits;
    const entries = this.#entries.get(id);
    if (entries === undefined) this.#entries.set(id, new Set([entry]));
    else entries.add(entry);
  }

  delete(entry: Entry): void {
    const { id } = entry.traits;
    const entries = this.#entries.get(id)!;
    entries.delete(entry);
    if (entries.size === 0) this.#entries.delete(id);
  }

  /** The entries with this id; a copy, for an entry that is withdrawn leaves. */
  get(id: unknown): Entry[] {
    return [...this.#entries.get(id) ?? []];
  }
}
