/**
 * k. Semaphores and rates by themselves: a permit that is free, and one that is waited
 * for; a rate that is never reached.
 *
 * @module
 */

import { rateLimit, Semaphore } from "../../mod.ts";
import {
  expect,
  kept,
  own,
  present,
  using,
  type Way,
} from "../support/contenders.ts";
import {
  type Case,
  type Kit,
  type Section,
  timed,
} from "../support/harness.ts";

/** Takes a permit, runs the job, and gives the permit back. */
type Locked = (job: () => void) => Promise<void>;
type MakeLock = (limit: number) => Locked;

/** The way that those have whose permits are counts. */
function counted(
  acquire: () => Promise<unknown>,
  release: () => void,
): Locked {
  return async (job) => {
    await acquire();
    job();
    release();
  };
}

const locks: readonly Way<MakeLock>[] = [
  own("cogroup Semaphore", (limit) => {
    const semaphore = kept(new Semaphore(limit));
    return async (job) => {
      const permit = await semaphore.acquire();
      job();
      permit.release();
    };
  }),
  using("es-toolkit", ({ Semaphore }) => (limit) => {
    const semaphore = kept(new Semaphore(limit));
    return counted(() => semaphore.acquire(), () => semaphore.release());
  }),
  using("@esfx/async-semaphore", ({ AsyncSemaphore }) => (limit) => {
    const semaphore = kept(new AsyncSemaphore(limit));
    return counted(() => semaphore.wait(), () => semaphore.release());
  }),
  using("@henrygd/semaphore", ({ getSemaphore }) => (limit) => {
    const semaphore = kept(getSemaphore(Symbol(), limit));
    return counted(() => semaphore.acquire(), () => semaphore.release());
  }),
  using("async-sema", ({ Sema }) => (limit) => {
    const semaphore = kept(new Sema(limit));
    return counted(() => semaphore.acquire(), () => semaphore.release());
  }),
];

/** Takes a permit if one is free, and gives it back; whether there was one. */
type Try = () => boolean;

const tries: readonly Way<() => Try>[] = [
  own("cogroup Semaphore", () => {
    const semaphore = kept(new Semaphore(8));
    return () => {
      const permit = semaphore.tryAcquire();
      permit?.release();
      return permit !== undefined;
    };
  }),
  using("async-sema", ({ Sema }) => () => {
    const semaphore = kept(new Sema(8));
    return () => {
      const isFree = semaphore.tryAcquire() !== undefined;
      if (isFree) semaphore.release();
      return isFree;
    };
  }),
  using("semaphore-async-await", ({ default: module }) => () => {
    const semaphore = kept(new (module.default ?? module)(8));
    return () => {
      const isFree = semaphore.tryAcquire();
      if (isFree) semaphore.release();
      return isFree;
    };
  }),
];

/** Starts a job when the rate allows it. */
type Paced = (job: () => Promise<void>) => Promise<unknown>;

const rates: readonly Way<() => Paced>[] = [
  own("cogroup rateLimit", () => {
    const rate = kept(rateLimit({ limit: 1e9, interval: 1000 }));
    return async (job) => {
      const permit = await rate.acquire();
      await job();
      permit.release();
    };
  }),
  using("p-throttle", ({ default: pThrottle }) => () => {
    let next: () => Promise<void>;
    const throttle = pThrottle({ limit: 1e9, interval: 1000 });
    const throttled = kept(throttle(() => next()));
    return (job) => {
      next = job;
      return throttled();
    };
  }),
  using("bottleneck", ({ default: Bottleneck }) => () => {
    const limiter = kept(new Bottleneck({ reservoir: 1e9 }));
    return (job) => limiter.schedule(job);
  }),
];

function free(count: number, { peers }: Kit): Case {
  return {
    title: "a free permit, acquire and release",
    unit: "ns/permit",
    base: "cogroup Semaphore",
    contenders: present(locks, peers, (name, make) => ({
      name,
      measure: timed(count, async () => {
        const locked = make(8);
        let ran = 0;
        const job = () => void ran++;
        for (let i = 0; i < count; i++) await locked(job);
        expect(ran, count);
      }),
    })),
  };
}

function contended(count: number, { peers }: Kit): Case {
  return {
    title: `8 permits, ${count.toLocaleString("en")} waiting`,
    unit: "ns/permit",
    base: "cogroup Semaphore",
    contenders: present(locks, peers, (name, make) => ({
      name,
      measure: timed(count, async () => {
        const locked = make(8);
        let ran = 0;
        const job = () => void ran++;
        await Promise.all(Array.from({ length: count }, () => locked(job)));
        expect(ran, count);
      }),
    })),
  };
}

function tried(count: number, { peers }: Kit): Case {
  return {
    title: "a free permit, tryAcquire and release",
    unit: "ns/permit",
    base: "cogroup Semaphore",
    contenders: present(tries, peers, (name, make) => ({
      name,
      measure: timed(count, () => {
        const attempt = make();
        let got = 0;
        for (let i = 0; i < count; i++) if (attempt()) got++;
        expect(got, count);
      }),
    })),
  };
}

function paced(count: number, { peers }: Kit): Case {
  return {
    title: "a rate that is never reached",
    unit: "ns/start",
    base: "cogroup rateLimit",
    contenders: present(rates, peers, (name, make) => ({
      name,
      measure: timed(count, async () => {
        const start = make();
        let ran = 0;
        const job = () => Promise.resolve(void ran++);
        for (let i = 0; i < count; i++) await start(job);
        expect(ran, count);
      }),
    })),
  };
}

export const limits: Section = {
  letter: "k",
  title: "semaphores and rates",
  cases: (kit) => {
    const count = kit.quick ? 10_000 : 100_000;
    return [
      free(count, kit),
      tried(count, kit),
      contended(count / 2, kit),
      paced(count / 200, kit), // Bottleneck takes milliseconds for each.
    ];
  },
};
