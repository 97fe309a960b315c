/**
 * `insertAll`: tasks from an iterable, as fast as there is room for them.
 *
 * Invariants:
 * 1. A place is held before the source is asked, and until the task is in it
 *    or is known not to come; so nothing is pulled that there is no room for.
 * 2. On every way out the feed leaves the group and closes the source.
 *
 * @module
 */

import type { Item } from "./attempt.ts";
import type { Core, Feed } from "./core.ts";
import { type Intake, WaitingInsert } from "./intake.ts";
import { type Maybe, NONE } from "./maybe.ts";
import { keep } from "./settlers.ts";
import { type AnyIterable, Source } from "./source.ts";
import type { QueuedTask, Task } from "./task.ts";
import { enter, leave, mayStart, turned } from "./turn.ts";

type Tasks = Source<Task | QueuedTask>;
type Pulled = Maybe<Task | QueuedTask>;

/** How many tasks that are at hand are taken before the workers have a look. */
const AT_ONCE = 8;

/** Feeds the group; resolves with how many tasks were accepted. */
export async function insertAll(
  intake: Intake,
  tasks: AnyIterable<Task | QueuedTask>,
): Promise<number> {
  const source: Tasks = new Source("insertAll", tasks);
  const feed: Feed = { stop: () => source.stop() };
  const { core } = intake;
  const { feeds, settings } = core;
  let accepted = 0;
  let atHand = 0;
  if (core.isClosed) source.stop();
  feeds.add(feed);
  enter(settings.slice);
  try {
    while (!source.isOver) {
      if (!mayStart(settings.slice)) { // Law 10: an endless source at hand.
        await turned();
        // The line has turned away everybody, and will not do so once more.
        if (source.isOver) break;
      }
      if (core.line.reserve() || await place(core)) {
        // Awaited only if it has to be: a task at hand costs no microtask.
        const isIn = fillPlace(intake, source);
        if (isIn === true || await isIn) accepted++;
        // What is at hand would use up every turn, if the workers had none.
        if (++atHand % AT_ONCE === 0) await undefined;
      }
    }
  } finally {
    source.stop();
    feeds.delete(feed);
    leave(settings.slice);
  }
  return accepted;
}

/** Waits for a place to be held; false if there will be none. */
function place(core: Core): Promise<boolean> {
  const isHeld = new Promise<boolean>(keep);
  core.line.join(new WaitingInsert(core, NONE));
  return isHeld;
}

/** Puts the source's next task into the place that is held, or gives it up. */
function fillPlace(
  intake: Intake,
  source: Tasks,
): boolean | Promise<boolean> {
  let value;
  try {
    value = source.pull();
  } catch (error) {
    vacate(intake.core);
    throw error;
  }
  return value instanceof Promise
    ? fillPlaceLater(intake, value)
    : put(intake, value);
}

async function fillPlaceLater(
  intake: Intake,
  promise: Promise<Pulled>,
): Promise<boolean> {
  let value;
  try {
    value = await promise;
  } catch (error) {
    vacate(intake.core);
    throw error;
  }
  return put(intake, value);
}

function put(intake: Intake, value: Pulled): boolean {
  const { core } = intake;
  let item: Maybe<Item> = NONE;
  try {
    if (value !== NONE) item = intake.pulled(value);
    // Now: to look at what was pulled may have run the user's code.
    if (core.isClosed) item = NONE;
  } finally {
    if (item === NONE) vacate(core);
  }
  return item !== NONE && intake.fill(item);
}

function vacate(core: Core): void {
  core.line.vacate();
  core.crew.stir();
}
