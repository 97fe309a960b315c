/**
 * The fakes that people bring to Node by hand: sinon's, and those of node:test.
 *
 * @module
 */

import type { Answer, Platform } from "./rig.ts";

export const nodeFakes: Platform = {
  title: "fake timers on Node",
  packages: ["sinon@22.1.0"],
  async ask(project) {
    const answers: Answer[] = [];
    for (const fake of ["sinon", "mock.timers"]) {
      const args = ["node_fakes.js", fake];
      for (const answer of await project.answer(project.node, args)) {
        answers.push({ ...answer, title: `${fake}: ${answer.title}` });
      }
    }
    return answers;
  },
};
