import { FakeClock } from "./support/fake_clock.ts";
import { anew } from "./support/load_anew.ts";
import { assert } from "./support/std.ts";
import { test } from "./support/test.ts";

// A test has stopped the clock of `performance` before the module is loaded.
const machine = new FakeClock("Date", "performance");
const { Turn } = await load();

async function load(): Promise<typeof import("../src/base/turn.ts")> {
  using _machine = machine.use();
  using _test = new FakeClock("performance").use();
  return await anew(() => import("../src/base/turn.ts"));
}

test("Turn that was loaded while a test had stopped the clock keeps to its slice by the clock that is there after that", () => {
  using _ = machine.use();
  const turn = new Turn(10);
  turn.enter();
  let starts = 0;
  for (; starts < 1000 && turn.mayStart(); starts++) machine.now++;
  turn.leave();
  assert(starts <= 25, `${starts} starts`); // Two handfuls, and a slice of 1 ms each.
});
