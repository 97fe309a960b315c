/** The checks of fake_time.js as tests for Vitest, whose setup file has faked the timers. */

import * as library from "@cogroup/cogroup";
import { faked, real } from "./fake_time.js";

const { beforeAll, describe, test, vi } = await import("vitest");

const advance = (ms) => vi.advanceTimersByTimeAsync(ms);
for (const [title, check] of faked) test(title, () => check(library, advance));
describe("the timers are real again", () => {
  beforeAll(() => void vi.useRealTimers());
  for (const [title, check] of real) test(title, () => check(library));
});
