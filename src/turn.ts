/**
 * The event loop's turn, which all groups of a program share (law 10). Tasks
 * that never leave the microtask queue keep the loop from turning; nothing in
 * the language tells that they do. So once a turn has lasted a while, a probe
 * is laid in the next one, and if `slice` goes by before it goes off, nothing
 * starts until it has. Tasks that really wait never notice: the loop turns,
 * the probe goes off, and nobody is asked to stop.
 *
 * Invariants:
 * 1. At most `CREDIT` starts go by between two looks; and at most `TRUST` of
 *    those, or a millisecond, between two that read the clock itself.
 * 2. The loop is known to have turned at `#since`, or nothing is known and
 *    `#since` lies at most a slice back. Where the loop has not turned since,
 *    a probe is laid before a slice has gone by, and waited for after it.
 * 3. There is at most one probe, it goes off in the next turn, and so it keeps
 *    no process alive. It is an immediate, not a timer: faked timers would
 *    never let it go off, and Deno's sanitizers would count it as a leak.
 * 4. `smallest` is the smallest slice of the groups at work, Infinity if none
 *    has one; or smaller, and `isStale`, until the clock is read again.
 *
 * @module
 */

/**
 * How many starts go by without a look at the clock. With the one that a look
 * itself allows this is the handful (eight) that law 10 allows above a slice.
 */
const CREDIT = 7;

/** At most so many looks go by the tick alone: with 7 it is 2 ns a task more on Deno. */
const TRUST = 31;

// Bound now, so that a test's fake time does not stop the loop's own.
const now = performance.now.bind(performance);
// Whether a millisecond has gone by costs half of what the time does on Deno.
const tick = Date.now;
const { setTimeout, setImmediate } = globalThis as unknown as {
  setTimeout: (callback: () => void, ms: number) => void;
  setImmediate?: (callback: () => void) => void;
};
const nextTurn = setImmediate ?? ((callback) => setTimeout(callback, 0));

let credit = CREDIT;
/** How many starts the last look that read the clock granted, */
let granted = CREDIT;
/** and how many those after it did. */
let more = 0;
/** How many looks may yet go by the tick alone. */
let trust = 0;
let lastTick = tick();
/** Whether the tick goes on, as far as is known: a test may have stopped Date's clock. */
let isTicking = false;
let probing = false;
let blocked = false;
let since = now();
let lastLook = since;
let waiting: (() => void)[] = [];
let first = 0;
let smallest = Infinity;
let isStale = false;
const atWork = new Map<number, number>();

/**
 * Whether one more task of a group with this slice may start in this turn.
 * Each yes is a start.
 */
export function mayStart(slice: number): boolean {
  return --credit >= 0 || look(slice);
}

/** Whether nothing may start before the loop has turned. */
export function isBlocked(): boolean {
  return blocked;
}

/** Resolves when the loop has turned; at once if nobody is to wait for that. */
export function turned(): Promise<void> {
  return blocked
    ? new Promise((resolve) => waiting.push(resolve))
    : Promise.resolve();
}

/** A group with this slice begins to work. */
export function enter(slice: number): void {
  atWork.set(slice, (atWork.get(slice) ?? 0) + 1);
  if (slice >= smallest) return;
  smallest = slice;
  trust = 0; // It was given for a longer one.
}

/** A group with this slice has nothing in flight any more. */
export function leave(slice: number): void {
  const groups = atWork.get(slice)! - 1;
  atWork.set(slice, groups);
  // Not looked for now: it may well be back before anybody has to know.
  if (groups === 0) isStale = true;
}

function findSmallest(): void {
  isStale = false;
  smallest = Infinity;
  for (const [slice, groups] of atWork) {
    if (groups === 0) atWork.delete(slice);
    else if (slice < smallest) smallest = slice;
  }
}

function look(slice: number): boolean {
  if (blocked) return false;
  const ms = tick();
  if (ms !== lastTick || --trust < 0) {
    if (isStale) findSmallest();
    return read(ms, Math.min(slice, smallest));
  }
  more += CREDIT;
  credit = CREDIT - 1;
  return true;
}

function read(ms: number, slice: number): boolean {
  const time = now();
  if (!probing) {
    if (time - since > slice / 4) layProbe(time, slice);
  } else if (time - since >= slice) {
    blocked = true;
    return false;
  }
  // As many as fit into what is left of the slice, if they go on as they did.
  const each = (time - lastLook) / (granted + more);
  const left = slice - (time - since);
  granted = left <= 0
    ? 1
    : left >= each * CREDIT
    ? CREDIT
    : Math.max(1, Math.floor(left / each));
  more = 0;
  credit = granted - 1;
  if (ms !== lastTick) isTicking = true;
  else if (time - lastLook > 2) isTicking = false;
  lastTick = ms;
  lastLook = time;
  // For a millisecond, if they go on as they did: then it is due.
  trust = isTicking && left > 2
    ? Math.min(TRUST, Math.floor(1 / (each * CREDIT)))
    : 0;
  return true;
}

function layProbe(time: number, slice: number): void {
  probing = true;
  // Nothing is known for longer than a slice: that may have been one turn, and
  // what was started since the last look the handful that it may have above it.
  if (time - since >= slice) since = time - slice;
  nextTurn(() => {
    // Those who were held up may well go on as they did.
    if (!blocked) granted = CREDIT;
    probing = blocked = false;
    since = lastLook = now();
    credit = granted;
    more = 0;
    const resolves = waiting;
    waiting = [];
    // Each is the first one in its turn: that one may use up the whole slice.
    first = (first + 1) % Math.max(1, resolves.length);
    for (const resolve of resolves.splice(first)) resolve();
    for (const resolve of resolves) resolve();
  });
}
