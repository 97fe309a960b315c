/** An edge worker that uses the library: what its requests are answered. */

import { thaw } from "./clock.js"; // First: before the library takes the clocks.
import { CoGroup, rateLimit } from "@cogroup/cogroup";

const shared = new CoGroup(4);
const rate = rateLimit({ limit: 1, interval: 100 });

function burn() {
  let sum = 0;
  for (let i = 0; i < 200_000; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

/** A request to another service: the clocks go on. */
async function ask({ ECHO }) {
  await (await ECHO.fetch("http://echo/")).text();
  thaw();
}

/** Tasks of CPU, each fourth after I/O. Gives the sum of what they return. */
async function work(group, env) {
  const results = Array.from({ length: 40 }, (_, i) =>
    group.go(async () => {
      if (i % 4 === 3) await ask(env);
      burn();
      return i;
    }));
  return (await Promise.all(results)).reduce((a, b) => a + b);
}

const ANSWERS = {
  async "/own"(env) {
    const group = new CoGroup(4);
    const sum = await work(group, env);
    await group.wait();
    return sum;
  },
  /** Its group is still at work when the request is over. */
  async "/leave"(env) {
    work(new CoGroup(4), env).catch(() => {});
    await ask(env);
    return "left";
  },
  /** A permit is on its way to it when it is over. */
  async "/lose-permit"(env) {
    await rate.acquire();
    rate.acquire().catch(() => {});
    await ask(env);
    return "left";
  },
  /** A task of the module's group is delayed when it is over. */
  async "/delay"(env) {
    const retry = { maxAttempts: 2, delay: () => 100 };
    shared.add(({ attempt }) => {
      if (attempt === 1) throw new Error("first");
    }, { retry });
    await ask(env);
    return "left";
  },
  async "/idle"() {
    await shared.idle();
    return shared.stats.fulfilled === 1 ? 780 : JSON.stringify(shared.stats);
  },
  async "/permit"() {
    await rate.acquire();
    return 780;
  },
  "/shared": (env) => work(shared, env),
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    return new Response(String(await ANSWERS[pathname](env)));
  },
};
