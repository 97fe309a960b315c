import { type Caller, PlainCall } from "../src/call.ts";
import type { Traits } from "../src/entry.ts";
import { assertEquals } from "./support/std.ts";
import { test } from "./support/test.ts";

/** Counts the places that it takes among those who were summoned. */
class CountingCall extends PlainCall {
  static places = 0;

  protected override place(): number {
    CountingCall.places++;
    return super.place();
  }
}

test("PlainCall.summon() for the second time does nothing: there is one place for it", async () => {
  const started: number[] = [];
  const caller = {
    start: (place: number) => Promise.resolve(started.push(place)),
  } as Partial<Caller> as Caller;
  const call = new CountingCall(() => {}, { isPlain: true } as Traits, caller);
  call.summon();
  call.summon();
  await call.promise;
  assertEquals([CountingCall.places, started.length], [1, 1]);
});
