// deno-coverage-ignore-file

/**
 * The queues of programs, and what each of them should do.
 *
 * @module
 */

import type { Queue, QueuedTask } from "../../mod.ts";
import { FifoModel } from "./fifo_reference.ts";
import { KeyedModel } from "./keyed_reference.ts";
import { PriorityModel } from "./priority_reference.ts";
import type { QueueSpec } from "./program.ts";
import type { Placed, QueueModel } from "./queue_reference.ts";

/** What a queue should do. */
export function queueModel<J extends Placed>(
  { order, perKey }: QueueSpec,
): QueueModel<J> {
  switch (order) {
    case "fifo":
      return new FifoModel("wait");
    case "priority":
      return new PriorityModel();
    case "keyed":
      return new KeyedModel(perKey);
    case "sliding":
      return new FifoModel("evict");
    case "dropping":
      return new FifoModel("refuse");
  }
}

/** The queue itself, or a capacity that is one. */
export function queueOption(
  mod: typeof import("../../mod.ts"),
  { order, capacity, perKey }: QueueSpec,
  onEvict: (value: QueuedTask) => void,
): { capacity: number } | { queue: Queue<QueuedTask> } {
  switch (order) {
    case "fifo":
      return { capacity };
    case "priority":
      return { queue: mod.priorityQueue({ capacity }) };
    case "keyed":
      return { queue: mod.keyedQueue({ capacity, perKey }) };
    case "sliding":
      return { queue: mod.slidingQueue(capacity, { onEvict }) };
    case "dropping":
      return { queue: mod.droppingQueue(capacity, { onEvict }) };
  }
}
