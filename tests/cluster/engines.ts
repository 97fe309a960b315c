/**
 * `consume` over real servers, with workers on every runtime that is here: none of the jobs is
 * lost when workers and servers are killed.
 *
 * @module
 */

import { assert } from "../support/std.ts";
import { type Engine, survive } from "./support/survival.ts";
import { Project } from "./support/workers.ts";

/** What runs when the server is killed may run twice: few of the jobs do at a time. */
const LOADS: Record<Engine, { jobs: number; concurrency: number }> = {
  jetstream: { jobs: 5000, concurrency: 8 },
  redis: { jobs: 1000, concurrency: 4 },
  postgres: { jobs: 1000, concurrency: 4 },
};

const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

for (const engine of ["jetstream", "redis", "postgres"] as const) {
  const load = LOADS[engine];
  const { jobs } = load;
  Deno.test(`consume: over ${engine}, kill -9 of two of three workers and of the server, and Ctrl-C, lose none of ${jobs} jobs`, async () => {
    const twice = await survive(project, engine, load);
    console.log(`${engine}: ${twice} of ${jobs} jobs ran twice`);
    assert(twice <= 0.03 * jobs, `${twice} ran twice`);
  });
}
