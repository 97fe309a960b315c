// deno-coverage-ignore-file

/**
 * The library, loaded once more, in a place that lacks something.
 *
 * @module
 */

import { createRequire } from "node:module";

/** The library, as the globals are now. Once in a test file. */
export function loadAnew(): Promise<typeof import("../../mod.ts")> {
  return anew(() => import("../../mod.ts"));
}

/** The same of a part of it, which `load` imports. */
export async function anew<M>(load: () => Promise<M>): Promise<M> {
  forgetModules();
  const library = await load();
  forgetModules();
  return library;
}

/** On Bun all test files share their modules. On Deno and Node none does. */
function forgetModules(): void {
  if (!("Bun" in globalThis)) return;
  const { cache } = createRequire(import.meta.url);
  const root = new URL("../../", import.meta.url).pathname;
  for (const path of Object.keys(cache)) {
    if (path === `${root}mod.ts` || path.startsWith(`${root}src/`)) {
      delete cache[path];
    }
  }
}
