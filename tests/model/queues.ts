// deno-coverage-ignore-file

/**
 * The queues of programs, and what each of them should do.
 *
 * @module
 */

import type { Governor, Queue, QueuedTask, Semaphore } from "../../mod.ts";
import { FifoModel } from "./fifo_reference.ts";
import { KeyedModel } from "./keyed_reference.ts";
import { PriorityModel } from "./priority_reference.ts";
import type { QueueSpec } from "./program.ts";
import type { Placed, QueueModel } from "./queue_reference.ts";

/** What a queue should do. */
export function queueModel<J extends Placed>(
  spec: QueueSpec,
): QueueModel<J> {
  switch (spec.order) {
    case "fifo":
      return new FifoModel("wait");
    case "priority":
      return new PriorityModel();
    case "keyed":
      return new KeyedModel(spec);
    case "sliding":
      return new FifoModel("evict");
    case "dropping":
      return new FifoModel("refuse");
  }
}

/** The queue itself, or a capacity that is one. */
export function queueOption(
  mod: typeof import("../../mod.ts"),
  { order, capacity, perKey, keys, isChecked }: QueueSpec,
  onEvict: (value: QueuedTask) => void,
  /** Every semaphore of a key. */
  semaphores: Semaphore[],
): { capacity: number } | { queue: Queue<QueuedTask> } {
  const checked = (queue: Queue<QueuedTask>) => ({
    queue: isChecked ? mod.checkedQueue(queue) : queue,
  });
  switch (order) {
    case "fifo":
      return { capacity };
    case "priority":
      return checked(mod.priorityQueue({ capacity }));
    case "keyed": {
      const governor = keys && governorOfKeys(mod, keys, semaphores);
      return checked(mod.keyedQueue({ capacity, perKey, governor }));
    }
    case "sliding":
      return { queue: mod.slidingQueue(capacity, { onEvict }) };
    case "dropping":
      return { queue: mod.droppingQueue(capacity, { onEvict }) };
  }
}

/** Makes the governor of a key: another one each time, or the same for all. */
function governorOfKeys(
  mod: typeof import("../../mod.ts"),
  { limit, way, isShared }: NonNullable<QueueSpec["keys"]>,
  semaphores: Semaphore[],
): (key: unknown) => Governor {
  return () => {
    if (!isShared || semaphores.length === 0) {
      semaphores.push(new mod.Semaphore(limit));
    }
    const semaphore = semaphores.at(-1)!;
    return way === "own" ? semaphore : {
      tryAcquire: (options) => semaphore.tryAcquire(options),
      acquire: (options) => semaphore.acquire(options),
    };
  };
}
