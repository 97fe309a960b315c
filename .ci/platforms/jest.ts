/**
 * Jest with faked timers in every test file (`enableGlobally`): they are fake
 * before the library is loaded, `performance.now` included, or not.
 *
 * @module
 */

import {
  type Answer,
  answersOf,
  type Platform,
  type TestReport,
} from "./rig.ts";

/** Of `fakeTimers`, beside `enableGlobally`. */
const CONFIGURATIONS: Record<string, object> = {
  "all faked": {},
  "performance real": { doNotFake: ["performance"] },
};

export const jest: Platform = {
  title: "Jest",
  packages: ["jest@30.5.2"],
  async ask(project) {
    await project.write(
      "jest.test.js",
      await Deno.readTextFile(`${project.path}/jest.js`),
    );
    const answers: Answer[] = [];
    for (const [title, options] of Object.entries(CONFIGURATIONS)) {
      const config = {
        fakeTimers: { enableGlobally: true, ...options },
        testMatch: ["**/jest.test.js"],
        transform: {}, // The library is an ES module, and stays one.
      };
      const report = await project.answer<TestReport>(
        project.node,
        [
          ...["--experimental-vm-modules", "node_modules/jest/bin/jest.js"],
          ...["--json", "--forceExit", "--config", JSON.stringify(config)],
        ],
      );
      answers.push(...answersOf(report, title));
    }
    return answers;
  },
};
