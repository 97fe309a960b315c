// deno-coverage-ignore-file

/**
 * A program with failing tasks whose results nobody reads. It prints how many
 * unhandled rejections that was. A program of its own, since the test runners
 * of Bun and Node take an unhandled rejection for a failed test.
 *
 * @module
 */

import { CoGroup } from "../../mod.ts";
import { settled } from "./helpers.ts";
import { unhandled } from "./unhandled.ts";

/** The unhandled rejections of one failure that nobody reads. */
export async function ownFailure(error: unknown): Promise<unknown[]> {
  return await unhandled(async () => {
    const group = new CoGroup(1);
    group.go(() => Promise.reject(error));
    group.go(() => Promise.reject(error), { timeout: 60_000 });
    group.map([1], () => Promise.reject(error)).next();
    await group.idle(); // To wait at once would close it before the item is pulled.
    const fn = (n: number) => n === 1 ? n : Promise.reject(error);
    const stream = group.map([1, 2], fn, { ahead: 1 });
    await stream.next();
    await group.idle();
    stream.next(); // The failure is there already.
    const source = (async function* () {
      yield await Promise.reject(error);
    })();
    group.map(source, () => {}).next();
    group.insertAll([Promise.reject(error) as never]);
    await settled();
    await group.wait();
  });
}

if (import.meta.main) console.log((await ownFailure(new Error("own"))).length);
