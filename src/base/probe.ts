/**
 * Probes of the event loop: each goes off when the loop has turned, and has let
 * timers, sockets and signals through.
 *
 * - Where there is `setImmediate` (Deno, Bun, Node) a probe is a moment's sleep, and
 *   three immediates after it. Immediates alone keep a server of the same process
 *   waiting on Deno and Bun, timers alone do on Node; and on Deno an immediate, or
 *   a message, that is laid *before* the sleep is over does so, too.
 * - Elsewhere (browsers) it is a message: timers are throttled in a hidden tab. So it is
 *   where a library has brought a `setImmediate` along, and a timer would be the sleep.
 *
 * The functions that they use are looked up when this module is loaded, so that a
 * test's fake time does not stop them. They may be fake already by then, or throw,
 * or never call back: so a probe that a group waits for is watched.
 *
 * @module
 */

import { ignore } from "./promises.ts";

type Callback = () => void;

interface Loop {
  setTimeout(callback: Callback, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  setImmediate?: (callback: Callback) => void;
  process?: { getBuiltinModule?: (name: string) => Loop | undefined };
}

const loop = globalThis as unknown as Loop;
// Most libraries that fake the globals leave those of the module alone.
const timers = loop.process?.getBuiltinModule?.("node:timers");
const { setTimeout, clearTimeout, setImmediate } = timers ?? loop;
/** Whether each promise and each callback belongs to a request, and ends with it: on workerd. */
export const HAS_REQUESTS: boolean = "WebSocketPair" in loop;

// There such a sleep ends outside of all requests, where nothing may be done.
const waitAsync = typeof SharedArrayBuffer === "function" && !HAS_REQUESTS
  ? Atomics.waitAsync
  : undefined;

// In a browser `setImmediate` is a library's.
const hasImmediates = setImmediate !== undefined &&
  (timers !== undefined || waitAsync !== undefined ||
    typeof MessageChannel !== "function");

/** How many immediates: Deno's `node:http` takes three turns to answer a request. */
const HOPS = 3;

/** Milliseconds after which a probe that a group waits for is given up. */
const WATCH = 20;

/** How many probes that groups waited for were given up, in a row. */
let lost = 0;
/** Whether a probe ever went off: until then all timers may be fake, and keep no process alive. */
let isProven = false;
let cell: Int32Array<SharedArrayBuffer> | undefined;

/** Lays a probe; a quick one where it only has to tell whether the loop turns at all. */
export function probe(onTurn: Callback, isQuick: boolean): void {
  if (hasImmediates) {
    const isLost = lost > 1;
    if (isQuick && !isLost) hop(onTurn, 1);
    else sleep(1, () => hop(onTurn, isLost ? 0 : HOPS));
  } else if (typeof MessageChannel === "function") {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      onTurn();
    };
    port2.postMessage(undefined);
  } else sleep(0, onTurn);
}

function hop(onTurn: Callback, hops: number): void {
  if (hops === 0) return onTurn();
  try {
    setImmediate!(() => {
      lost = 0;
      isProven = true;
      hop(onTurn, hops - 1);
    });
  } catch {
    sleep(1, onTurn); // Some edge runtimes have one that throws.
  }
}

/**
 * Sleeps by a timer that no library fakes, no tab throttles, no test counts as a leak,
 * and no process waits for; where there is none, by an ordinary one.
 */
export function sleep(ms: number, callback: Callback): void {
  if (waitAsync === undefined) {
    setTimer(callback, ms);
    return;
  }
  cell ??= new Int32Array(new SharedArrayBuffer(4));
  Promise.resolve(waitAsync(cell, 0, 0, ms).value).then(callback);
}

function setTimer(callback: Callback, ms: number): unknown {
  try {
    return setTimeout(callback, ms);
  } catch {
    return undefined; // As on some edge runtimes.
  }
}

/** Keeps the process alive while a group waits for a probe, and ends a wait that is too long. */
export class Watch {
  readonly #letGo = keepAlive();
  #isOver = false;

  constructor(onLost: Callback) {
    sleep(WATCH, () => {
      if (this.#isOver) return;
      lost++;
      onLost();
    });
  }

  end(): void {
    this.#isOver = true;
    this.#letGo();
  }
}

/** Keeps the process alive, until what it returns is called. */
function keepAlive(): Callback {
  const timer = setTimer(ignore, 2 ** 31 - 1);
  const port = isProven ? undefined : openPort();
  return () => {
    clearTimeout(timer);
    port?.close();
  };
}

function openPort(): MessagePort | undefined {
  try {
    const { port1 } = new MessageChannel();
    port1.onmessage = ignore;
    return port1;
  } catch {
    return undefined;
  }
}
