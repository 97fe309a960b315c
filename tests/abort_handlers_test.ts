/**
 * Handlers of abort signals that use the group as they are called, which is all
 * legal. The books balance before and after what they do, and in the end every
 * promise has settled, and no listener is left.
 */

import { CoGroup } from "../mod.ts";
import {
  assertBooks,
  CountingController,
  gate,
  microtasks,
  range,
} from "./support/helpers.ts";
import { assertEquals, FakeTime } from "./support/std.ts";
import { test } from "./support/test.ts";

/** A group at work, and the handler of one of its signals. */
interface Scene {
  readonly group: CoGroup;
  /** Aborts the group. */
  readonly upstream: CountingController;
  /** The signal of one task in flight, of tasks that are queued, and of an insert that waits. */
  readonly own: CountingController;
  /** The signal of other queued tasks. */
  readonly other: CountingController;
  /** Brings a task, which writes down that it has started. */
  readonly task: () => void;
  readonly handler: () => void;
}

/** What a handler does; and what it is promised. */
const uses: Record<string, (scene: Scene) => unknown> = {
  "add()": ({ group, task }) => group.add(task),
  "add() with that signal": ({ group, task, own }) =>
    group.add(task, { signal: own.signal }),
  "tryInsert()": ({ group, task }) => group.tryInsert(task),
  "insert()": ({ group, task, own }) =>
    Promise.all([
      group.insert(task),
      group.insert(task, { signal: own.signal }),
    ]),
  "insertAll()": ({ group, task }) => group.insertAll([task, task]),
  "go()": ({ group, task }) =>
    Promise.allSettled([group.go(task), group.go(task, { timeout: 60_000 })]),
  "map()": ({ group, task }) => group.map([1, 2], task).next().catch(() => {}),
  "clear()": ({ group }) => group.clear(),
  "abort()": ({ group }) => group.abort("by the handler"),
  "an abort of the upstream signal": ({ upstream }) => upstream.abort(),
  "an abort of another task's signal": ({ other }) => other.abort(),
  "close()": ({ group }) => group.close(),
  "wait()": ({ group }) => group.wait(),
  "idle()": ({ group }) => group.idle(),
  "reset()": ({ group }) => group.reset(),
  "a larger concurrency": ({ group }) => void (group.concurrency = 5),
  "a smaller concurrency": ({ group }) => void (group.concurrency = 1),
  "resume()": ({ group }) => group.resume(),
  "everything": (scene) =>
    Promise.all(
      Object.entries(uses).map(([name, use]) =>
        name === "everything" ? undefined : use(scene)
      ),
    ),
};

/** Whose handler it is, and what has it called. */
interface Place {
  /** Before the group listens to its signals. */
  early?: (scene: Omit<Scene, "group">) => void;
  /** Before it has tasks, */
  before?: (scene: Scene) => void;
  /** in a task that is in flight, */
  inTask?: (scene: Scene, signal: AbortSignal) => void;
  /** and when it has them all. */
  after?: (scene: Scene) => void;
  call: (scene: Scene, time: InstanceType<typeof FakeTime>) => void;
  /** Whether nothing may start any more (law 5). */
  isAborted?: true;
}

function listen({ handler }: { handler: () => void }, signal: AbortSignal) {
  const listener = () => {
    signal.removeEventListener("abort", listener);
    handler();
  };
  signal.addEventListener("abort", listener);
}

const abortUpstream = ({ upstream }: Scene) => upstream.abort("stop");
const abortOwn = ({ own }: Scene) => own.abort("withdrawn");

const places: Record<string, Place> = {
  "the upstream signal, called before the group hears of it": {
    early: (scene) => listen(scene, scene.upstream.signal),
    call: abortUpstream,
    isAborted: true,
  },
  "the upstream signal, called when the group has heard of it": {
    after: (scene) => listen(scene, scene.upstream.signal),
    call: abortUpstream,
    isAborted: true,
  },
  "group.signal": {
    before: (scene) => listen(scene, scene.group.signal),
    call: ({ group }) => group.abort("stop"),
    isAborted: true,
  },
  "ctx.signal, called at the group's abort": {
    inTask: listen,
    call: abortUpstream,
    isAborted: true,
  },
  "ctx.signal, called when the task is withdrawn": {
    inTask: listen,
    call: abortOwn,
  },
  "ctx.signal, called when the task's time is over": {
    inTask: listen,
    call: (_, time) => time.tick(100),
  },
  "the tasks' signal, called before the group hears of it": {
    early: (scene) => listen(scene, scene.own.signal),
    call: abortOwn,
  },
  "the tasks' signal, called when the group has heard of it": {
    after: (scene) => listen(scene, scene.own.signal),
    call: abortOwn,
  },
};

/** What is wrong; written down, for what a handler throws reaches no test. */
async function play(
  place: Place,
  use: (scene: Scene) => unknown,
): Promise<string[]> {
  using time = new FakeTime();
  const wrong: string[] = [];
  const check = (when: string) => {
    try {
      assertBooks(scene.group);
    } catch (error) {
      wrong.push(`${when}: ${(error as Error).message}`);
    }
  };
  let promised: unknown;
  let isCalled = false;
  let isOver = false;
  const upstream = new CountingController();
  const own = new CountingController();
  const other = new CountingController();
  const parts = {
    upstream,
    own,
    other,
    task: () => {
      if (isOver && place.isAborted) wrong.push("a task started");
    },
    handler: () => {
      isCalled = true;
      check("before");
      try {
        promised = use(scene);
      } catch (error) {
        wrong.push(`thrown: ${error}`);
      }
      check("after");
    },
  };
  place.early?.(parts);
  const group = new CoGroup({
    concurrency: 3,
    capacity: 6,
    signal: upstream.signal,
    grace: 0,
    slice: Infinity,
    onError: (error) => {
      if (error !== "fails") wrong.push(`reported: ${error}`);
    },
  });
  const scene: Scene = { ...parts, group };
  place.before?.(scene);

  const end = gate();
  const results: Promise<unknown>[] = [];
  const retry = { minTimeout: 1000, jitter: 0, maxAttempts: 2 };
  // Two that are delayed, three in flight, six queued, two that wait for room.
  group.add(() => Promise.reject("fails"), { signal: own.signal, retry });
  results.push(group.go(() => Promise.reject("fails"), { retry }));
  await microtasks();
  results.push(group.go(({ signal }) => {
    place.inTask?.(scene, signal);
    return end.promise;
  }, { signal: own.signal, timeout: 100 }));
  for (const _ of range(2)) group.add(() => end.promise);
  for (const signal of [own.signal, other.signal]) {
    group.add(scene.task, { signal });
    group.add(scene.task);
    results.push(group.go(scene.task, { signal }));
  }
  await microtasks();
  results.push(group.insert(scene.task, { signal: own.signal }));
  results.push(group.insert(scene.task));
  const { queued, delayed, inFlight } = group.stats;
  assertEquals([queued, delayed, inFlight], [6, 2, 3]);
  place.after?.(scene);
  for (const result of results) result.catch(() => {}); // It is read below.

  isOver = true;
  place.call(scene, time);
  check("later");
  if (!isCalled) wrong.push("the handler was not called");
  await microtasks();
  check("a turn later");
  end.open();
  for (const _ of range(3)) {
    await microtasks();
    time.tick(1000); // For what is delayed.
  }
  await group.wait();
  await Promise.allSettled(results);
  await promised;
  check("at the end");
  const { stats } = group;
  if (stats.queued + stats.delayed + stats.inFlight + stats.overdue > 0) {
    wrong.push(`not at rest: ${JSON.stringify(stats)}`);
  }
  const left = [upstream, own, other].map(({ listeners }) => listeners);
  if (Math.max(...left) > 0) wrong.push(`${left} listeners`);
  if (time.next()) wrong.push("a timer is left");
  return wrong;
}

for (const [where, place] of Object.entries(places)) {
  test(`A handler of ${where}, may use the group in every way, and the books balance`, async () => {
    for (const [what, use] of Object.entries(uses)) {
      assertEquals(await play(place, use), [], what);
    }
  });
}
