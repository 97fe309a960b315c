/**
 * The event loop's turns, which all groups of a program share (law 10).
 *
 * Tasks that never leave the microtask queue keep the loop from turning, and
 * nothing in the language tells that they do. So when a turn has lasted a while
 * a probe is laid, which goes off in the next turn. If a slice goes by before it
 * does, nothing starts until the loop has turned. Tasks that really wait never
 * notice: the loop turns, the probe goes off, and no group has to wait.
 *
 * A group that has to wait lays a probe of its own, and goes on by that alone:
 * a probe that another group, request or test has laid may never go off.
 *
 * Invariants:
 * 1. At most `CREDIT` starts go by between two looks; and at most `TRUST` looks,
 *    or a millisecond, between two looks that read the clock itself.
 * 2. The loop is known to have turned at `since`, or nothing is known and
 *    `since` lies less than a slice back. Where the loop has not turned since,
 *    a probe is laid before a slice has gone by, and no task starts after the slice.
 *    That is a comparison of times: a probe that never goes off blocks nothing.
 * 3. Probes are numbered. A probe that was laid after `taken` proves, when it goes
 *    off, that the loop has turned since a group was last let go on. Several
 *    probes may go off in one turn: only the first of them is a proof.
 * 4. The groups that wait are in `line`, the one that has waited longest first,
 *    and the first group goes on. A group whose probe is late loses its place: it has
 *    the last one from when that goes off.
 * 5. `smallest` is the smallest slice of the groups at work, Infinity if there are
 *    none; or it is smaller, and `isStale`, until the clock is read again.
 *
 * @module
 */

import { Link, List } from "./list.ts";
import { probe, Watch } from "./probe.ts";

/**
 * How many starts go by without a look at the clock. With the one that a look
 * itself allows this is the handful (eight) that law 10 allows above a slice.
 */
const CREDIT = 7;

/** How many looks at most use the tick alone; with 7 a task takes 2 ns more on Deno. */
const TRUST = 31;

/** So many slices are listed, most of them of groups that are at rest, without a clean-up. */
const MANY = 16;

// Bound now, so that a test's fake time does not stop the loop's own.
let clock = performance.now;
let now = clock.bind(performance);
// To ask whether a millisecond has gone by costs half of what the time does on Deno.
const tick = Date.now;

let credit = CREDIT;
/** How many starts the last look that read the clock granted, */
let granted = CREDIT;
/** and how many the looks after it did. */
let more = 0;
/** How many looks may yet use the tick alone. */
let trust = 0;
let lastTick = tick();
/** Whether the tick is known to go on: a test may have stopped the clock of `Date`. */
let isTicking = false;
let since = now();
let lastLook = since;
/** The number of the probe that was laid since `since`; 0 if there is none. */
let probing = 0;
/** How many probes were laid. */
let laid = 0;
let taken = 0;
let smallest = Infinity;
let isStale = false;
const slices = new Map<number, Slice>();
const line = new List<Turn>();

/** The groups at work that have the same slice. */
class Slice {
  groups = 0;
  /** Whether `slices` has it. A group keeps it: to look it up at each task took a tenth of `go`. */
  isListed = false;
}

/** The turns of one group, or of another part that keeps the loop busy. */
export class Turn extends Link {
  readonly #slice: number;
  #peers: Slice | undefined = undefined;
  readonly #onTurn: (() => void) | undefined;
  #isAtWork = false;
  #isWaiting = false;
  /** The number of its last probe. */
  #number = 0;
  /** When that was laid. */
  #laidAt = 0;
  #watch: Watch | undefined = undefined;
  #resolves: (() => void)[] = [];

  /** `onTurn` is called after each wait, when it may go on. */
  constructor(slice: number, onTurn?: () => void) {
    super();
    this.#slice = slice;
    this.#onTurn = onTurn;
  }

  /**
   * Whether one more task may start in this turn. Each yes counts as a start. After a
   * no it waits until the loop has turned.
   */
  mayStart(): boolean {
    return --credit >= 0 || this.#look();
  }

  /** Whether it waits for the loop to turn. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Resolves when it may go on; at once if it need not wait. */
  turned(): Promise<void> {
    return this.#isWaiting
      ? new Promise((resolve) => this.#resolves.push(resolve))
      : Promise.resolve();
  }

  /** Its slice counts from now on. */
  enter(): void {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    const slice = this.#slice;
    if (!this.#peers?.isListed) this.#peers = listed(slice);
    this.#peers.groups++;
    if (slice > smallest) return;
    isStale = false;
    if (slice === smallest) return;
    smallest = slice;
    trust = 0; // It was given for a longer one.
  }

  /** It has nothing to start and nothing in flight: its slice counts no more. */
  leave(): void {
    if (this.#isWaiting) this.#end();
    if (!this.#isAtWork) return;
    this.#isAtWork = false;
    // The smallest is not looked for now: most often this one is back before that is needed.
    if (--this.#peers!.groups === 0) isStale = true;
  }

  #look(): boolean {
    if (this.#isWaiting) return this.#lookWhileWaiting();
    const ms = tick();
    if (ms !== lastTick || --trust < 0) return this.#read(ms);
    more += CREDIT;
    credit = CREDIT - 1;
    return true;
  }

  #read(ms: number): boolean {
    if (isStale && smallest < this.#slice) findSmallest();
    const slice = Math.min(this.#slice, smallest);
    const time = read();
    const held = time - since;
    if (probing === 0 && held > slice / 4) {
      // Nothing is known for longer than a slice. Most often the loop was idle. Or it
      // is still the same turn: a quarter of a slice of it was known, and the starts
      // since the last look are the handful that a slice may be exceeded by.
      const isUnknown = held >= slice;
      if (isUnknown) since = time - 3 * slice / 4;
      this.#lay(time, isUnknown);
    } else if (probing > 0 && held >= slice) {
      this.#wait(time);
      return false;
    }
    grant(ms, time, slice);
    return true;
  }

  #wait(time: number): void {
    this.enter(); // A task that waits to start counts, too.
    this.#isWaiting = true;
    line.push(this);
    // Its own probe that was laid in good time is due by now. WARNING: another group's
    // would not do, nor an older one: the request that has laid it may be over.
    const isOld = time - this.#laidAt > 2 * Math.min(this.#slice, smallest);
    if (isOld || this.#number <= taken) this.#lay(time, false);
    this.#keepWatch();
  }

  #keepWatch(): void {
    this.#watch?.end();
    this.#watch = new Watch(() => this.#arrive(this.#number));
  }

  /** The caller may be another request: then the probe of an earlier one may never go off. */
  #lookWhileWaiting(): false {
    const time = now();
    if (time - this.#laidAt >= 1) this.#layOneMore(time, false);
    return false;
  }

  #lay(time: number, isQuick: boolean): void {
    this.#number = probing = ++laid;
    this.#layOneMore(time, isQuick);
  }

  #layOneMore(time: number, isQuick: boolean): void {
    const number = this.#number;
    this.#laidAt = time;
    probe(() => this.#arrive(number), isQuick);
  }

  /** A probe of its own has gone off. */
  #arrive(number: number): void {
    if (number !== this.#number) return;
    if (this.#isWaiting) return this.#goOn();
    if (number <= taken) return;
    granted = CREDIT; // Not in `#goOn`: a slice was used up, so few may fit in again.
    begin();
  }

  #goOn(): void {
    if (this.list === undefined) line.push(this); // It was late, and lost its place.
    const isProof = this.#number > taken;
    if (isProof) this.#passLate();
    const mayGoOn = isProof
      ? line.first === this
      : now() - since < Math.min(this.#slice, smallest);
    if (!mayGoOn) { // It is another group's turn.
      this.#lay(now(), false);
      return this.#keepWatch();
    }
    if (isProof) begin();
    this.#lay(since, false); // It may well have to wait again: then this is due.
    this.#end();
    this.#onTurn?.();
  }

  /** Waits no longer. */
  #end(): void {
    line.delete(this);
    this.#isWaiting = false;
    this.#watch!.end();
    const resolves = this.#resolves;
    this.#resolves = [];
    for (const resolve of resolves) resolve();
  }

  /** Keeps invariant 4: of two probes the one that was laid first goes off first. */
  #passLate(): void {
    for (let first = line.first!; first !== this; first = line.first!) {
      if (first.#number > this.#number) return;
      line.shift();
    }
  }
}

/**
 * The time. A clock that stands still may be that of a test which had begun when this
 * module was loaded, and is over by now.
 */
function read(): number {
  const time = now();
  if (time !== lastLook || performance.now === clock) return time;
  clock = performance.now;
  now = clock.bind(performance);
  return since = lastLook = now();
}

function findSmallest(): void {
  isStale = false;
  smallest = Infinity;
  for (const [slice, peers] of slices) {
    if (peers.groups === 0) {
      slices.delete(slice);
      peers.isListed = false;
    } else if (slice < smallest) smallest = slice;
  }
}

function listed(slice: number): Slice {
  let peers = slices.get(slice);
  if (peers === undefined) {
    if (slices.size >= MANY) findSmallest(); // Lets go of those that no group has.
    slices.set(slice, peers = new Slice());
  }
  peers.isListed = true;
  return peers;
}

/** Grants as many starts as fit into the rest of the slice, if each takes as long as before. */
function grant(ms: number, time: number, slice: number): void {
  const each = (time - lastLook) / (granted + more);
  const left = slice - (time - since);
  const most = Math.min(CREDIT, 2 * (granted + more)); // One tells little of the next seven.
  granted = left <= 0
    ? 1
    : left >= each * most
    ? most
    : Math.max(1, Math.floor(left / each));
  more = 0;
  credit = granted - 1;
  if (ms !== lastTick) isTicking = true;
  else if (time - lastLook > 2) isTicking = false;
  lastTick = ms;
  lastLook = time;
  // As many as fit into a millisecond: then the clock is to be read.
  trust = isTicking && left > 2
    ? Math.min(TRUST, Math.floor(1 / (each * CREDIT)))
    : 0;
}

/** The loop has just turned. */
function begin(): void {
  taken = laid;
  probing = 0;
  since = lastLook = now();
  credit = granted;
  more = 0;
}
