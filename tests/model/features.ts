// deno-coverage-ignore-file

/**
 * What a random program is about: which of everything that can be done it does at all,
 * and how often.
 *
 * @module
 */

import type { GovernorSpec, QueueSpec, Step } from "./program.ts";
import type { Random } from "./random.ts";

/** What a step does. */
export type Op = Step["op"];

/** How often what is done, if it is done at all. */
const weights: [Op, number][] = [
  ["add", 7],
  ["tryInsert", 4],
  ["insert", 7],
  ["go", 7],
  ["insertAll", 2],
  ["map", 2],
  ["mapSettled", 1],
  ["read", 5],
  ["break", 1],
  ["throw", 0.3],
  ["answer", 4],
  ["end", 14],
  ["look", 1],
  ["withdraw", 3],
  ["signal", 0.7],
  ["resize", 2],
  ["abort", 0.5],
  ["close", 0.5],
  ["pause", 1],
  ["resume", 2],
  ["clear", 1],
  ["reset", 0.5],
  ["wait", 0.5],
  ["idle", 1],
  ["progress", 0.3],
  ["settle", 4],
  ["turn", 1],
  ["waitFor", 0.5],
  ["microtasks", 8],
  ["tick", 4],
  ["limit", 1],
  ["pauseFor", 0.7],
  ["guest", 5],
  ["lend", 4],
  ["back", 4],
  ["withdrawId", 2],
  ["setPriority", 2],
  ["shutdown", 0.5],
];

/** What can't be done inside a call. */
export const waits: ReadonlySet<Op> = new Set<Op>([
  "settle",
  "turn",
  "microtasks",
  "tick",
]);

/** How often which queue. */
const orders: QueueSpec["order"][] = [
  ...Array(4).fill("fifo"),
  ...Array(2).fill("priority"),
  ...Array(2).fill("keyed"),
  "sliding",
  "dropping",
];

/** And which governor. */
const governors: GovernorSpec["type"][] = [
  ...Array(4).fill("none"),
  ...Array(2).fill("semaphore"),
  "all",
  "rate",
  "adaptive",
];

/** What can go on, or off, for a whole program. */
export interface Features {
  retry: boolean;
  timeout: boolean;
  signals: boolean;
  nested: boolean;
  looks: boolean;
  work: boolean;
  unread: boolean;
  lends: boolean;
  /** Tasks have ids, */
  named: boolean;
  /** or weights. */
  weighs: boolean;
  /** Keys have governors. */
  keys: boolean;
  order: QueueSpec["order"];
  governor: GovernorSpec["type"];
  /** Whether the group has the governor as it is. */
  isOwn: boolean;
}

/** Some of everything. */
export function randomFeatures(random: Random): Features {
  const on = (part: number) => random.chance(part);
  const features: Features = {
    retry: on(0.5),
    timeout: on(0.4),
    signals: on(0.5),
    nested: on(0.4),
    looks: on(0.4),
    work: on(0.1),
    unread: on(0.1),
    lends: on(0.5),
    named: on(0.5),
    weighs: on(0.4),
    keys: on(0.4),
    order: random.pick(orders),
    governor: random.pick(governors),
    isOwn: on(0.6),
  };
  if (knowsWork(features)) features.work = on(0.5);
  return features;
}

/**
 * What is done, and how often. A program that does everything seldom does two things
 * that meet; so each leaves some out (swarm testing).
 */
export function opsOf(random: Random, features: Features): [Op, number][] {
  const { governor, lends, named, work } = features;
  const never = new Set<Op>();
  for (const [op] of weights) {
    const isNeeded = ["add", "end", "microtasks"].includes(op);
    if (!isNeeded && random.chance(0.3)) never.add(op);
  }
  if (work) never.add("insertAll");
  if (governor !== "rate") never.add("pauseFor");
  if (governor !== "semaphore" && governor !== "all") never.add("limit");
  if (!lends) never.add("lend").add("back");
  if (!named) never.add("withdrawId").add("setPriority");
  if (!isShared(features)) never.add("guest");
  return weights.filter(([op]) => !never.has(op));
}

/** Whether time goes by while work is done, as far as the governor knows. */
export function knowsWork({ governor, isOwn }: Features): boolean {
  return governor === "rate" && isOwn;
}

/** Whether there can be another group that has the same governor. */
export function isShared({ governor, isOwn }: Features): boolean {
  return governor === "semaphore" || (governor !== "none" && isOwn);
}

/** Whether tasks have weights. Of several that wait for a rate nobody sees which is first. */
export function mayWeigh(features: Features): boolean {
  const { weighs, governor, order, isOwn } = features;
  if (!weighs || governor === "adaptive") return false;
  return governor !== "rate" || (order !== "keyed" && !isOwn);
}
