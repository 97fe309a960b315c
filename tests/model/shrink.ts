// deno-coverage-ignore-file

/**
 * Cuts a program that breaks a law down to the shortest that still does:
 * without steps, in halves, quarters and so on; then each part of what is left
 * as plain as it can be.
 *
 * @module
 */

import type { GovernorSpec, Program, Step } from "./program.ts";

type Play = (program: Program) => Promise<unknown>;

const none: GovernorSpec = { type: "none" };

/** What every option of a group is, if nothing else is needed. */
const plain: Record<string, readonly unknown[]> = {
  concurrency: [1, 2, 3],
  order: ["fifo"],
  governor: [none],
  does: ["add", "end"],
  capacity: [Infinity, 0, 1],
  perKey: [1],
  paused: [false],
  isObserved: [false],
  grace: [Infinity, 0],
  upstream: ["none", "live"],
  slice: [10, Infinity],
  worker: ["none", "passes"],
  onError: ["hears"],
  feeds: ["one"],
  finish: ["wait", "abort"],
  ends: ["gate", "now", 1],
  fails: [0, 1],
  which: [0, 1, 2],
  n: [1, 2],
  ms: [0, 1, 10],
  maxAttempts: [1, 2],
  items: [0, 1, 2],
  ahead: [0],
  reads: [0, 1],
  kind: ["sync", "async"],
  end: ["done"],
  closes: ["well"],
  well: [true],
  ordered: [true],
  name: ["a"],
  until: ["gate", 1],
  id: [0],
  priority: [0, 1],
  hasReason: [true],
  isChecked: [undefined],
  isShared: [false],
  unread: [undefined],
};

/** The shortest program that the same happens to. */
export async function shrink(program: Program, play: Play): Promise<Program> {
  let best = program;
  for (let before = Infinity; size(best) < before;) {
    before = size(best);
    best = await withoutSteps(best, play);
    best = await plainer(best, play);
  }
  return best;
}

const size = (program: Program) => JSON.stringify(program).length;

async function withoutSteps(program: Program, play: Play): Promise<Program> {
  let { steps } = program;
  for (let length = Math.max(1, steps.length >> 1); length >= 1; length >>= 1) {
    for (let at = steps.length - length; at >= 0; at -= length) {
      const fewer: Step[] = steps.toSpliced(at, length);
      if (await play({ ...program, steps: fewer }) !== undefined) steps = fewer;
    }
  }
  return { ...program, steps };
}

/** Tries every part of the program as something plainer, or left out. */
async function plainer(program: Program, play: Play): Promise<Program> {
  let best = program;
  for (const path of paths(program)) {
    const name = String(path.at(-1));
    const values = name in plain ? plain[name]! : [undefined];
    for (const value of values) {
      if (at(best, path) === value || !has(best, path)) break;
      const other = changed(best, path, value) as Program;
      if (await play(other) === undefined) continue;
      best = other;
      break;
    }
  }
  return best;
}

function* paths(value: unknown, path: string[] = []): Iterable<string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const here = [...path, key];
    const isPart = Array.isArray(value) ||
      ["op", "group", "queue", "steps"].includes(key);
    if (!isPart && !["task", "source", "loan"].includes(key)) yield here;
    if (key === "governor" || key === "keys") continue; // As it is, or not at all.
    yield* paths((value as Record<string, unknown>)[key], here);
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    value,
  );
}

function has(value: unknown, path: readonly string[]): boolean {
  const parent = at(value, path.slice(0, -1));
  return typeof parent === "object" && parent !== null &&
    path.at(-1)! in parent;
}

function changed(value: unknown, path: string[], to: unknown): unknown {
  const [key, ...rest] = path as [string, ...string[]];
  const copy =
    (Array.isArray(value) ? [...value] : { ...value as object }) as Record<
      string,
      unknown
    >;
  if (rest.length > 0) copy[key] = changed(copy[key], rest, to);
  else if (to === undefined) delete copy[key];
  else copy[key] = to;
  return copy;
}
