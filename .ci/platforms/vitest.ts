/**
 * Vitest with `vi.useFakeTimers()` in a setup file: the timers are fake before
 * the library is loaded, `performance.now` included (as since Vitest 3), or not.
 *
 * @module
 */

import {
  type Answer,
  answersOf,
  type Platform,
  type TestReport,
} from "./rig.ts";

const TIMERS = ["Timeout", "Interval", "Immediate"].flatMap((name) => [
  `set${name}`,
  `clear${name}`,
]);
/** The arguments of `vi.useFakeTimers`. */
const CONFIGURATIONS: Record<string, object[]> = {
  "all faked": [],
  "performance real": [{ toFake: [...TIMERS, "Date"] }],
};

export const vitest: Platform = {
  title: "Vitest",
  packages: ["vitest@4.1.12"],
  async ask(project) {
    await project.write(
      "vitest.config.js",
      `export default {
        test: { setupFiles: ["./setup.js"], include: ["vitest.js"] },
      };`,
    );
    const answers: Answer[] = [];
    for (const [title, args] of Object.entries(CONFIGURATIONS)) {
      await project.write(
        "setup.js",
        `import { vi } from "vitest";
        vi.useFakeTimers(${args.map((arg) => JSON.stringify(arg))});`,
      );
      const report = await project.answer<TestReport>(
        project.node,
        ["node_modules/vitest/vitest.mjs", "run", "--reporter=json"],
      );
      answers.push(...answersOf(report, title));
    }
    return answers;
  },
};
