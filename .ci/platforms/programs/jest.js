/** The checks of fake_time.js as tests for Jest, which has faked the timers. */

import * as library from "@cogroup/cogroup";
import { faked, real } from "./fake_time.js";

const { beforeAll, describe, jest, test } = await import("@jest/globals");

const advance = (ms) => jest.advanceTimersByTimeAsync(ms);
for (const [title, check] of faked) test(title, () => check(library, advance));
describe("the timers are real again", () => {
  beforeAll(() => void jest.useRealTimers());
  for (const [title, check] of real) test(title, () => check(library));
});
