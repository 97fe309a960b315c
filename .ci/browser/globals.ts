/**
 * What the tests find on every other runtime, and browsers don't have.
 *
 * @module
 */

import { Absent } from "./absent.ts";

const { port1, port2 } = new MessageChannel();
const callbacks: (() => void)[] = [];
port1.onmessage = () => callbacks.shift()!();

/** Calls back after a turn of the event loop. It is no timer that a test may fake. */
export function turn(callback: () => void): void {
  callbacks.push(callback);
  port2.postMessage(undefined);
}

const timers = ["setTimeout", "clearTimeout", "setInterval", "clearInterval"];
const globals = globalThis as unknown as Record<string, unknown>;
// The tests call these without a window.
for (const name of timers) {
  globals[name] = (globals[name] as () => void).bind(globalThis);
}
// They take Deno for the runtime whose globals are those of the web.
globals.Deno = {};
// Enough to let things settle. It does not count turns: between two messages
// any number of timers may go off.
globals.setImmediate = turn;

/** Whoever asks for it from now on wants to count turns. */
export function withdrawImmediates(): void {
  globals.setImmediate = () => {
    throw new Absent("not in a browser");
  };
}
