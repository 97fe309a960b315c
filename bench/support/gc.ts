/**
 * Garbage collection on demand, without a flag or a permission, and how much
 * of the heap is in use.
 *
 * @module
 */

import { memoryUsage } from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { Bun } = globalThis as { Bun?: { gc(isSync: boolean): void } };

function exposed(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

/** Collects all garbage there is. */
export const collect: () => void = Bun === undefined
  ? exposed()
  : () => Bun.gc(true);

/** Bytes of heap in use when the garbage is gone. */
export function heapInUse(): number {
  collect();
  collect();
  return memoryUsage().heapUsed;
}
