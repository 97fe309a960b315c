/**
 * Several permits in a round trip: what becomes of the spares, and what weights, `waive` and `close` do.
 *
 * @module
 */

import { allOf, Semaphore } from "../../mod.ts";
import { redisTokens } from "../../examples/limits/redis_tokens.ts";
import {
  TokenLimit,
  type TokenLimitOptions,
} from "../../examples/limits/token_limit.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
} from "../support/std.ts";
import { connectRedis } from "./support/engines.ts";
import { Server } from "./support/servers.ts";
import { until } from "./support/survival.ts";

const LEASE = 60_000;

/** A limit in Redis; how many of its tokens are in use, and how often the server was asked for some. */
async function open(options: Partial<TokenLimitOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await Server.redis());
  const redis = connectRedis(server.port);
  stack.defer(() => redis.disconnect());
  const tokens = redisTokens(redis, {
    name: "tokens",
    limit: 10,
    lease: LEASE,
  });
  let asked = 0;
  const limit = new TokenLimit((wanted, signal) => {
    asked++;
    return tokens(wanted, signal);
  }, {
    ...{ limit: 10, lease: LEASE, batch: 4, keep: LEASE },
    onError: () => {}, // Of what is in use when the test is over.
    ...options,
  });
  const kept = stack.move();
  return {
    limit,
    server,
    // The server's clock has fractions of a millisecond.
    used: () => redis.zcount("tokens", `(${Date.now() + 1}`, "+inf"),
    asked: () => asked,
    /** When each token is free again. */
    ends: async () =>
      (await redis.zrange("tokens", 0, "-1", "WITHSCORES"))
        .filter((_, i) => i % 2 === 1).map(Number),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

Deno.test("TokenLimit: one round trip brings a batch, tryAcquire hands out the spares, and close gives them back", async () => {
  await using scene = await open();
  const { limit, used, asked } = scene;
  assertEquals(limit.tryAcquire(), undefined); // It never waits.
  const first = await limit.acquire();
  const second = limit.tryAcquire();
  const third = await limit.acquire();
  assert(second);
  assertEquals([await used(), asked()], [4, 1]);
  await limit.close();
  assertEquals(await used(), 3);
  assertEquals(limit.tryAcquire(), undefined);
  for (const permit of [first, second, third]) permit.release();
  await until("the end of all", async () => await used() === 0);
  first.release(); // Does nothing.
});

Deno.test("TokenLimit: close resolves when nothing is left to tell the server: what it was asked for has come, and went back", async () => {
  await using scene = await open();
  const { limit, used } = scene;
  const stop = new AbortController();
  const refused = assertRejects(() => limit.acquire({ signal: stop.signal }));
  stop.abort(); // Too late for the server, which gives four.
  const waiting = assertRejects(() => limit.acquire(), DOMException, "abort");
  await limit.close();
  assertEquals(await used(), 0);
  await Promise.all([refused, waiting]);
  await assertRejects(() => limit.acquire(), DOMException, "abort");
});

Deno.test("TokenLimit: close waits for the starts of a rate to be told of, and no longer than a lease for a server that does not answer", async () => {
  await using scene = await open({ interval: LEASE / 2, batch: 1 });
  await scene.limit.acquire();
  await scene.limit.close();
  const ends = await scene.ends();
  assertEquals(ends.length, 1);
  assert(ends[0]! < Date.now() + LEASE - 1000, "it has a whole lease yet");
  const silent = new TokenLimit(() => new Promise(() => {}), {
    ...{ limit: 1, lease: 50 },
  });
  const refused = assertRejects(() => silent.acquire(), DOMException, "abort");
  await silent.close();
  await refused;
});

Deno.test("TokenLimit: a spare that has no use goes back after keep ms", async () => {
  await using scene = await open({ keep: 50 });
  using _permit = await scene.limit.acquire();
  await until("the end of the spares", async () => await scene.used() === 1);
});

Deno.test("TokenLimit: a permit holds as many tokens as it weighs, all or none, and more than there are is a RangeError", async () => {
  await using scene = await open({ batch: 1 });
  const { limit, used } = scene;
  const heavy = await limit.acquire({ weight: 7 });
  const stop = new AbortController();
  const waiting = limit.acquire({ weight: 4, signal: stop.signal });
  // A lighter one that came later waits behind it.
  assertEquals(limit.tryAcquire({ weight: 1 }), undefined);
  assertEquals(await used(), 7);
  stop.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  const next = limit.acquire({ weight: 4 });
  heavy.release();
  (await next).release();
  await until("the end of all", async () => await used() === 0);
  assertThrows(() => limit.tryAcquire({ weight: 11 }), RangeError);
  assertThrows(() => limit.acquire({ weight: 11 }), RangeError);
});

Deno.test("TokenLimit: a waived permit of a rate counts as no start, and one that was used counts for an interval", async () => {
  await using scene = await open({ interval: LEASE / 2, batch: 1 });
  const { limit, used } = scene;
  (await limit.acquire()).waive!();
  await until("its end", async () => await used() === 0);
  (await limit.acquire()).release();
  const permits = await Promise.all(
    Array.from({ length: 9 }, () => limit.acquire()),
  );
  for (const permit of permits) permit.release();
  const stop = new AbortController();
  const eleventh = limit.acquire({ signal: stop.signal });
  assertEquals(await used(), 10);
  stop.abort(new Error("not before the interval is over"));
  await assertRejects(() => eleventh, Error, "not before");
  await limit.close();
});

Deno.test("TokenLimit: in allOf, it has a permit only together with the others", async () => {
  await using scene = await open({ batch: 1, keep: 50 });
  const { limit, used } = scene;
  const own = new Semaphore(1);
  const both = allOf(own, limit);
  const first = await both.acquire();
  const second = both.acquire();
  await until("only one in use", async () => await used() === 1);
  first.release();
  (await second).release();
  await until("the end of all", async () => await used() === 0);
  await limit.close();
});

Deno.test("TokenLimit: a server that is away is told of, and asked again until it is back", async () => {
  const errors: unknown[] = [];
  await using scene = await open({ batch: 1 });
  const limit = new TokenLimit(
    () =>
      errors.length < 3
        ? Promise.reject(new Error("away"))
        : Promise.resolve([{ beat() {}, free() {} }]),
    {
      limit: 1,
      lease: LEASE,
      pause: 10,
      onError: (error) => errors.push(error),
    },
  );
  (await limit.acquire()).release();
  assertEquals(errors.map(String), Array(3).fill("Error: away"));
  // A real one: Redis keeps its tokens over a crash.
  const held = await scene.limit.acquire();
  await scene.server.kill();
  const other = scene.limit.acquire();
  await scene.server.start();
  const second = await other;
  assertEquals(await scene.used(), 2);
  for (const permit of [held, second]) permit.release();
  await until("the end of both", async () => await scene.used() === 0);
  await scene.limit.close();
});
