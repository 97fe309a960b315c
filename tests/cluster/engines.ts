/**
 * `consume` over real servers, with workers on every runtime that is here: none of the jobs is
 * lost when workers and servers are killed.
 *
 * @module
 */

import { assert } from "../support/std.ts";
import { type Engine, survive } from "./support/survival.ts";
import { Project } from "./support/workers.ts";

const JOBS: Record<Engine, number> = {
  jetstream: 5000,
  redis: 1000,
  postgres: 1000,
};

const project = await Project.make();
Deno.test.afterAll(() => project[Symbol.asyncDispose]());

for (const [engine, jobs] of Object.entries(JOBS) as [Engine, number][]) {
  Deno.test(`consume: over ${engine}, kill -9 of two of three workers and of the server, and Ctrl-C, lose none of ${jobs} jobs`, async () => {
    const twice = await survive(project, engine, jobs);
    console.log(`${engine}: ${twice} of ${jobs} jobs ran twice`);
    assert(twice <= 0.03 * jobs, `${twice} ran twice`);
  });
}
