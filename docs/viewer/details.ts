/**
 * All that is known of one attempt: as a tooltip, and beside the timeline.
 *
 * @module
 */

import { button, byId, fill, make } from "./dom.ts";
import { clock, ms } from "./format.ts";
import { LENT, REJECTED, RETRIED, RUNNING } from "./tasks.ts";
import type { Group } from "./trace.ts";

const OUTCOMES: [text: string, color: string][] = [
  ["fulfilled", "fulfilled"],
  ["failed, and was tried again", "retried"],
  ["rejected", "rejected"],
  ["lent its worker", "other"],
  ["still runs", "running"],
];

/** The facts, by their names, in the order in which they are read. */
export function factsOf(
  { tasks }: Group,
  i: number,
  origin: number,
): Record<string, string> {
  const queued = tasks.queued.at[i]!;
  const start = tasks.start.at[i]! - origin;
  const end = tasks.end.at[i]! - origin;
  const delayed = tasks.delayed.at[i]!;
  const key = tasks.keys.texts[tasks.key.at[i]!]!;
  const error = tasks.errors.texts[tasks.error.at[i]!]!;
  const weight = tasks.weight.at[i]!;
  const runs = tasks.outcome.at[i] === RUNNING;
  return {
    ...key !== "" && { Key: key },
    Attempt: String(tasks.attempt.at[i]),
    Worker: String(tasks.lane.at[i]),
    ...!Number.isNaN(queued) && { Queued: ms(queued) },
    ...delayed > 0 && { Delayed: ms(delayed) },
    [runs ? "Runs for" : "Ran"]: ms((end - start) / 1000),
    Started: `at ${clock(start, (end - start) / 2)}`,
    ...!runs && { Ended: `at ${clock(end, (end - start) / 2)}` },
    ...weight !== 1 && { Weight: String(weight) },
    ...error !== "" && { Error: error },
  };
}

function outcomeOf({ tasks }: Group, i: number): [string, string] {
  return OUTCOMES[tasks.outcome.at[i]!]!;
}

/** In one sentence, to be read out. */
export function sentenceOf(group: Group, i: number, origin: number): string {
  const facts = Object.entries(factsOf(group, i, origin));
  const said = facts.map(([name, value]) => `${name} ${value}`).join(", ");
  return `${group.tasks.names[i]}: ${outcomeOf(group, i)[0]}. ${said}.`;
}

/** Shows the tooltip beside a place; of undefined: hides it. */
export function showTip(
  group: Group,
  i: number | undefined,
  origin: number,
  place: { x: number; y: number },
): void {
  const tip = byId("tip");
  tip.hidden = i === undefined;
  if (i === undefined) return;
  const { Error: error, Key: key, ...facts } = factsOf(group, i, origin);
  const { tasks } = group;
  const ran = facts["Ran"] ?? facts["Runs for"];
  const waited = [
    facts["Queued"] && `queued ${facts["Queued"]}`,
    facts["Delayed"] && `delayed ${facts["Delayed"]}`,
  ].filter((it) => it !== undefined);
  const hasRetry = tasks.attempt.at[i]! > 1;
  fill(
    tip,
    make("b", {}, tasks.names[i]!),
    key === undefined ? undefined : make("p", {}, key),
    make(
      "p",
      {},
      `${outcomeOf(group, i)[0]} after ${ran}` +
        (hasRetry ? `, attempt ${facts["Attempt"]}` : ""),
    ),
    waited.length > 0 ? make("p", {}, waited.join(", ")) : undefined,
    error === undefined ? undefined : make("p", {}, error),
  );
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = place.x + 14 + width > innerWidth
    ? place.x - width - 14
    : place.x + 14;
  const top = Math.min(place.y + 16, innerHeight - height - 6);
  tip.style.left = `${Math.max(6, left)}px`;
  tip.style.top = `${Math.max(6, top)}px`;
}

/** Shows all of it beside the timeline, with the task's other attempts. */
export function showDetails(
  group: Group,
  i: number | undefined,
  origin: number,
  choose: (task: number | undefined) => void,
): void {
  const section = byId("details");
  section.hidden = i === undefined;
  if (i === undefined) return;
  const { tasks } = group;
  const [text, color] = outcomeOf(group, i);
  const badge = make("span", { class: "badge" }, text);
  badge.style.background = `var(--${color})`;
  const facts = Object.entries(factsOf(group, i, origin)).flatMap((
    [name, value],
  ) => [make("dt", {}, name), make("dd", {}, value)]);
  const attempts = tasks.attemptsOf(i);
  const others = attempts.map((other, n) => {
    const isLent = tasks.outcome.at[other] === LENT;
    const name = `${n + 1}: ${
      isLent ? "lent" : outcomeWord(tasks.outcome.at[other]!)
    }`;
    return button(name, () => choose(other), {
      "aria-pressed": String(other === i),
      "data-focus": `attempt ${n}`,
    });
  });
  fill(
    section,
    make("h2", {}, tasks.names[i]!),
    button("×", () => choose(undefined), {
      class: "close",
      "aria-label": "Close",
    }),
    badge,
    make("dl", { class: "facts" }, ...facts),
    others.length > 1
      ? make("div", { class: "attempts" }, ...others)
      : undefined,
  );
}

function outcomeWord(outcome: number): string {
  if (outcome === RETRIED) return "failed";
  if (outcome === REJECTED) return "rejected";
  return outcome === RUNNING ? "runs" : "fulfilled";
}
