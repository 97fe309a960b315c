/**
 * The laws under random programs, played against a reference that is told of
 * everything in the moment before the group hears of it. A failure prints the
 * shortest program that shows it, and what plays the same again.
 *
 * @module
 */

import { playAll } from "../model/play.ts";
import { playChannels } from "../model/channel.ts";
import { seed } from "../support/seed.ts";
import { test } from "../support/test.ts";

test("Laws 1 to 13 hold, and the group does what the model does, in 2,000 random programs", async () => {
  await playAll(seed, 2000);
});

test("Channel and select() do what the model does, in 2,000 random programs", async () => {
  await playChannels(seed, 2000);
});
