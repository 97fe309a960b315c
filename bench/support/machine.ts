/**
 * What the figures come from.
 *
 * @module
 */

import { cpus } from "node:os";
import process from "node:process";

interface DenoLike {
  version: { deno: string };
  permissions: {
    querySync(what: { name: "sys"; kind: string }): { state: string };
  };
}

const { Deno, Bun } = globalThis as {
  Deno?: DenoLike;
  Bun?: { version: string };
};

/** The runtime and its version. */
export const runtime: string = Deno !== undefined
  ? `Deno ${Deno.version.deno}`
  : Bun !== undefined
  ? `Bun ${Bun.version}`
  : `Node ${process.versions.node}`;

/** How many cores of what kind; Deno tells the kind with --allow-sys=cpus. */
export function machine(): string {
  const cores = navigator.hardwareConcurrency;
  const kind = mayAskForKind() ? cpus()[0]?.model.trim() : undefined;
  return `${cores} cores ${kind ?? process.arch}, ${process.platform}`;
}

function mayAskForKind(): boolean {
  return Deno === undefined ||
    Deno.permissions.querySync({ name: "sys", kind: "cpus" }).state ===
      "granted";
}
