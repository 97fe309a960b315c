/**
 * Measures contenders against each other: after a warm-up, in interleaved
 * rounds, each of which has every contender's turn once, in rotated order. On a
 * shared machine a figure drifts by half; a ratio between neighbours of one
 * round does not. So what counts is the median of the rounds' ratios; the times
 * are there to give an idea. A contender that takes 30 times as long as the base has a turn in every
 * third round: that is enough to tell, and the others get on.
 *
 * Garbage is collected before each case and not between the rounds: V8 throws
 * away code that was optimized for objects of which none is alive at that
 * moment, and it takes half a million tasks until everybody is back at his
 * speed (seen: 650 ns a task in the first run after, 95 in the seventh).
 *
 * @module
 */

import process from "node:process";
import { collect } from "./gc.ts";

/** What one turn of a contender has taken, for each task. */
export interface Figure {
  /** By the clock. */
  readonly time: number;
  /** The processor's own time of the whole process, the collector's threads included. */
  readonly cpu: number;
}

/** One of the libraries that are compared. */
export interface Contender {
  readonly name: string;
  /** Does the work once, verifies it, and returns the figure. */
  readonly measure: () => number | Figure | Promise<number | Figure>;
  /** Finds out which laws it does not keep: see laws.ts. */
  readonly laws?: () => Promise<string>;
}

/** Contenders at the same work. */
export interface Case {
  readonly title: string;
  /** Where it stands in a plot. */
  readonly x?: number;
  readonly unit: string;
  /** The contender that the ratios are against. */
  readonly base: string;
  readonly contenders: readonly Contender[];
}

/** Cases that belong together. */
export interface Section {
  readonly letter: string;
  readonly title: string;
  /** For work of seconds: more rounds than these are not worth the wait. */
  readonly maxRounds?: number;
  /** A tenth of the work if `quick`. */
  readonly cases: (kit: Kit) => readonly Case[];
}

/** What a section is made from. */
export interface Kit {
  readonly peers: import("./peers.ts").Peers;
  readonly quick: boolean;
}

/** The figures of one contender. */
export interface Row {
  section: string;
  title: string;
  case: string;
  x?: number;
  contender: string;
  unit: string;
  median: number;
  least: number;
  /** Median of the rounds' ratios to the case's base. */
  ratio: number;
  /** The same of the processor's time, where it was taken. */
  cpuRatio?: number;
  /** The laws that it does not keep, of those that were tried. */
  laws?: string;
}

/**
 * The time of `run`, in ns for each of `count` tasks. It runs once before the
 * clock starts, so that what the one before left behind is not on its account.
 */
export function timed(
  count: number,
  run: () => unknown,
): () => Promise<Figure> {
  return async () => {
    await run();
    const before = process.cpuUsage();
    const start = performance.now();
    await run();
    const time = (performance.now() - start) * 1e6 / count;
    const { user, system } = process.cpuUsage(before);
    return { time, cpu: (user + system) * 1e3 / count };
  };
}

/** Measures a section, and hands over each case's rows as soon as they are there. */
export async function measure(
  section: Section,
  kit: Kit,
  rounds: number,
  onCase: (rows: Row[]) => void,
): Promise<void> {
  rounds = Math.min(rounds, section.maxRounds ?? Infinity);
  for (const work of section.cases(kit)) {
    const figures = await measureCase(section, work, rounds);
    const laws = await Promise.all(
      work.contenders.map(({ laws }) => laws?.()),
    );
    onCase(rowsOf(section, work, figures, laws));
  }
}

function rowsOf(
  section: Section,
  work: Case,
  figures: ReadonlyMap<string, Figure[]>,
  laws: readonly (string | undefined)[],
): Row[] {
  const base = figures.get(work.base)!;
  return work.contenders.map(({ name }, i) => {
    const own = figures.get(name)!;
    const turns = Object.values(own);
    const times = turns.map(({ time }) => time);
    const ratio = (kind: keyof Figure) =>
      median(
        Object.entries(own).map(([round, figure]) =>
          figure[kind] / base[Number(round)]![kind]
        ),
      );
    return {
      section: section.letter,
      title: section.title,
      case: work.title,
      ...work.x === undefined ? {} : { x: work.x },
      contender: name,
      unit: work.unit,
      median: median(times),
      least: Math.min(...times),
      ratio: ratio("time"),
      ...Number.isNaN(turns[0]!.cpu) ? {} : { cpuRatio: ratio("cpu") },
      ...laws[i] ? { laws: laws[i] } : {},
    };
  });
}

/** The figures of each contender, those of a round at its index; not of those rounds that it sits out. */
async function measureCase(
  { letter }: Section,
  { title, base, contenders }: Case,
  rounds: number,
): Promise<Map<string, Figure[]>> {
  const warmUps = Math.min(3, Math.ceil(rounds / 3));
  const figures = new Map(contenders.map(({ name }) => [name, [] as Figure[]]));
  const firsts = new Map<string, Figure>();
  collect();
  for (let round = -warmUps; round < rounds; round++) {
    progress(
      `${letter}. ${title}: round ${round + warmUps + 1} of ${
        rounds + warmUps
      }`,
    );
    for (let i = 0; i < contenders.length; i++) {
      const at = (i + round + warmUps) % contenders.length;
      const { name, measure } = contenders[at]!;
      const first = firsts.get(name);
      const isFar = first !== undefined &&
        round % Math.ceil(first.time / firsts.get(base)!.time / 10) !== 0;
      if (isFar) continue;
      const taken = await measure();
      const figure = typeof taken === "number"
        ? { time: taken, cpu: NaN }
        : taken;
      if (first === undefined) firsts.set(name, figure);
      if (round >= 0) figures.get(name)![round] = figure;
    }
  }
  progress("");
  return figures;
}

/** One line at a terminal, which the next one replaces. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
