/**
 * The methods of a group that finds tasks which wait for themselves (see diagnosis.ts):
 * they are put over those of the class, so that other groups pay nothing for it.
 *
 * @module
 */

import { print } from "../base/errors.ts";
import { tell } from "../base/promises.ts";
import type { Group, WaitOptions } from "./group.ts";

/** The methods whose answers tasks may await, as the public class has them. */
interface Methods {
  wait(options?: WaitOptions): Promise<number>;
  idle(options?: WaitOptions): Promise<void>;
  reset(): Promise<number>;
  shutdown(options?: object): Promise<number>;
  insertAll(tasks: never): Promise<number>;
  map(...args: never): AsyncIterableIterator<unknown>;
  mapSettled(...args: never): AsyncIterableIterator<unknown>;
}

/** Has the diagnosis of the group see who awaits them. */
export function watchOwnCalls(methods: Methods, group: Group): void {
  const diagnosis = group.diagnosis!;
  const { backlog, attempts } = group;
  for (const doing of ["wait", "idle", "reset", "shutdown"] as const) {
    const call = methods[doing] as (options?: WaitOptions) => Promise<unknown>;
    put(methods, doing, (options?: WaitOptions) => {
      const answer = call.call(methods, options);
      return options?.signal === undefined
        ? diagnosis.watchAnswer(doing, answer, () => "end")
        : answer;
    });
  }
  const { insertAll } = methods;
  put(methods, "insertAll", (tasks: never) => {
    const answer = insertAll.call(methods, tasks);
    const lack = () => backlog.waiting > 0 ? "worker" : "nothing";
    return diagnosis.watchAnswer("insertAll", answer, lack);
  });
  for (const doing of ["map", "mapSettled"] as const) {
    const call = methods[doing];
    put(methods, doing, (...args: never) => {
      const results = call.apply(methods, args);
      const { next } = results;
      // An item that is queued; else the source is what it waits for.
      const lack = () =>
        backlog.size + attempts.delays.size > 0 ? "worker" : "nothing";
      put(
        results,
        "next",
        () =>
          diagnosis.watchAnswer(
            doing,
            next.call(results),
            lack,
            () => tell(() => results.return!(), print),
          ),
      );
      return results;
    });
  }
}

function put(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value });
}
