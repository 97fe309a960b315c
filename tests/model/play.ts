// deno-coverage-ignore-file

/**
 * Plays random programs, one after the other, and cuts one that breaks a law
 * down to the shortest that still does.
 *
 * @module
 */

import process from "node:process";
import { clock } from "./clock.ts";
import { Driver } from "./driver.ts";
import { randomProgram } from "./author.ts";
import { type Program, show } from "./program.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import { type Subject, unhandled } from "./world.ts";

// Time is taken over before src/ is loaded, which binds some of it then.
clock.install();
/** The library, which sees that time. */
export const mod: typeof import("../../mod.ts") = await import("../../mod.ts");
const { Turn } = await import("../../src/base/turn.ts");
const subject: Subject = { mod, isBlocked: () => clock.immediates > 0 };
clock.uninstall();

/** What one program has left behind is nothing to the next one. */
function begin(): void {
  clock.clear();
  // The credit of starts is the only thing that outlives a turn of the loop.
  for (let round = 0; round < 2; round++) {
    const { looks } = clock;
    const turn = new Turn(10);
    while (clock.looks === looks) turn.mayStart();
    clock.turn();
  }
}

/** A program that broke a law. */
export class Broken extends Error {
  override name = "Broken";

  /** Of that seed; `why` has the shortest program that shows it. */
  constructor(seed: number, why: string, options: ErrorOptions) {
    super(
      `seed ${seed}: ${why}\n` +
        `Again: deno task test:soak --programs 1 --seed ${seed}`,
      options,
    );
  }
}

/** What was played. */
export interface Played {
  programs: number;
  steps: number;
}

const onEvent = (event: Event) => {
  event.preventDefault();
  unhandled.push((event as PromiseRejectionEvent).reason);
};
const onReason = (reason: unknown) => void unhandled.push(reason);

/** Plays one. The error of the law that it breaks, if it does. */
export async function play(
  program: Program,
  played?: Played,
): Promise<unknown> {
  begin();
  const { governor } = program.group;
  clock.fake(!(governor.type === "rate" && governor.knowsWork));
  let driver: Driver | undefined;
  try {
    driver = new Driver(program, subject);
    await driver.play();
  } catch (error) {
    return error;
  } finally {
    if (played !== undefined) played.steps += driver?.steps ?? 0;
    clock.clear();
  }
  return undefined;
}

/** Plays programs of one seed after the other; throws at the first that breaks a law. */
export async function playAll(
  first: number,
  count: number,
  onProgress?: (played: Played) => boolean | void,
): Promise<Played> {
  const played: Played = { programs: 0, steps: 0 };
  const isDeno = "Deno" in globalThis;
  if (isDeno) globalThis.addEventListener("unhandledrejection", onEvent);
  else process.on("unhandledRejection", onReason);
  clock.install();
  try {
    for (let seed = first; seed < first + count; seed++) {
      const program = randomProgram(new Random(seed));
      const error = await play(program, played);
      if (error !== undefined) await report(seed, program, error);
      played.programs++;
      if (onProgress?.(played) === false) break;
    }
  } finally {
    clock.uninstall();
    if (isDeno) globalThis.removeEventListener("unhandledrejection", onEvent);
    else process.off("unhandledRejection", onReason);
  }
  return played;
}

async function report(
  seed: number,
  program: Program,
  error: unknown,
): Promise<never> {
  const shortest = await shrink(program, play);
  const last = await play(shortest) ?? error;
  throw new Broken(
    seed,
    `${last instanceof Error ? last.message : last}\n  ${show(shortest)}`,
    { cause: error },
  );
}
