// deno-coverage-ignore-file

/**
 * Unhandled rejections, on Deno, Bun and Node.
 *
 * @module
 */

import process from "node:process";
import { settled } from "./helpers.ts";

/** The reasons of the rejections that nobody handled while `run` ran, or soon after. */
export async function unhandled(run: () => Promise<void>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const isDeno = "Deno" in globalThis;
  const onEvent = (event: Event) => {
    event.preventDefault();
    seen.push((event as PromiseRejectionEvent).reason);
  };
  const onReason = (reason: unknown) => void seen.push(reason);
  if (isDeno) globalThis.addEventListener("unhandledrejection", onEvent);
  else process.on("unhandledRejection", onReason);
  try {
    await run();
    await settled();
  } finally {
    if (isDeno) globalThis.removeEventListener("unhandledrejection", onEvent);
    else process.off("unhandledRejection", onReason);
  }
  return seen;
}
