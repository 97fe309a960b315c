/**
 * A consumer's file that uses every public type, for `tsc --strict`. It is
 * never run.
 *
 * @module
 */

import {
  type AcquireOptions,
  type AdaptiveLimit,
  adaptiveLimit,
  type AdaptiveLimitOptions,
  allOf,
  Channel,
  ChannelClosedError,
  type ChannelOptions,
  type ChannelReceiveOptions,
  type ChannelReceiveResult,
  type ChannelSendOptions,
  checkedQueue,
  CoGroup,
  CoGroupClosedError,
  type CoGroupOptions,
  type CoGroupStats,
  droppingQueue,
  fifoQueue,
  type Governor,
  type GroupStep,
  type ItemContext,
  keyedQueue,
  type KeyedQueueOptions,
  type LossyQueueOptions,
  type MapOptions,
  type ObservedTask,
  type Observer,
  type Permit,
  priorityQueue,
  type PriorityQueueOptions,
  type ProgressOptions,
  type Queue,
  type QueuedTask,
  type RateLimit,
  rateLimit,
  type RateLimitOptions,
  type RetryOptions,
  select,
  type Selected,
  type SelectOptions,
  Semaphore,
  type SettledItem,
  type ShutdownOptions,
  slidingQueue,
  type Step,
  type Task,
  type TaskContext,
  type TaskFailure,
  type TaskInfo,
  type TaskOptions,
  type TaskStep,
  type WaitOptions,
  type WorkerFunction,
} from "@cogroup/cogroup";
import * as channels from "@cogroup/cogroup/channel";
import {
  consume,
  type ConsumeOptions,
  type ConsumeStats,
  type Consumption,
  type Message,
  type Receive,
} from "@cogroup/cogroup/consume";
import {
  type DiagnosticsMessage,
  diagnosticsObserver,
  type DiagnosticsOptions,
  type NewEvents,
  progressLines,
  type ProgressLinesOptions,
  QUEUE,
  Recorder,
  type RecorderOptions,
  tellAll,
  type Trace,
  type TraceEvent,
  type WithProgress,
} from "@cogroup/cogroup/trace";

const { signal } = new AbortController();

const retry: RetryOptions = {
  maxAttempts: 3,
  minTimeout: 1,
  maxTimeout: 10,
  multiplier: 2,
  jitter: 0,
  isRetriable: (error: unknown) => error instanceof TypeError,
  delay: (_error: unknown, attempt: number) => attempt > 1 ? 1 : undefined,
};
const worker: WorkerFunction = (task, ctx) => task(ctx);
const seen: string[] = [];
const options: CoGroupOptions = {
  concurrency: 2,
  capacity: 4,
  signal,
  grace: 100,
  worker,
  retry,
  timeout: 1000,
  onError: (error: unknown, failure: TaskFailure) =>
    void seen.push(`${failure.workerId} ${failure.attempt} ${error}`),
  slice: 10,
  paused: true,
};

const length: Task<number> = ({ workerId, attempt, signal }: TaskContext) =>
  signal.aborted ? workerId : attempt;
const taskOptions: TaskOptions = { signal, timeout: 10, retry };
/** As a caller writes it that has computed its options: all there, some undefined. */
const maybeOptions: TaskOptions = {
  signal: undefined,
  timeout: undefined,
  retry: undefined,
  id: "a",
  priority: undefined,
  key: undefined,
};
const queued: QueuedTask = { task: length, options: taskOptions };

/** Every member of a group, and what it gives. */
export async function useGroup(): Promise<number> {
  await using group = new CoGroup(options);
  const added: boolean = group.add(length, taskOptions);
  const tried: boolean = group.tryInsert(length);
  const inserted: boolean = await group.insert(length, taskOptions);
  const many: number = await group.insertAll([queued, length]);
  const one: number = await group.go(length, taskOptions);
  const mapOptions: MapOptions = { ordered: false, ahead: 1, timeout: 10 };
  for await (
    const upper of group.map(["a"], (s) => s.toUpperCase(), mapOptions)
  ) {
    seen.push(upper satisfies string);
  }
  const half = (n: number, { index }: ItemContext) => n / 2 + index;
  const each = (n: number, index: number): TaskOptions | undefined =>
    index > n ? maybeOptions : undefined;
  for await (const result of group.mapSettled([1], half, { each })) {
    const { item, index }: SettledItem<number, number> = result;
    seen.push(`${index satisfies number} ${item satisfies number}`);
    if (result.status === "fulfilled") result.value satisfies number;
    else seen.push(String(result.reason));
  }
  const interval: ProgressOptions = { interval: 100 };
  for await (const stats of group.progress(interval)) {
    const { accepted, queued, delayed, inFlight, overdue }: CoGroupStats =
      stats;
    const { fulfilled, rejected, abandoned, retried } = stats;
    seen.push(`${[accepted, queued, delayed, inFlight, overdue]}`);
    seen.push(`${[fulfilled, rejected, abandoned, retried]}`);
  }
  group.concurrency = group.concurrency + 1;
  group.pause();
  group.resume();
  group.close();
  group.abort("why");
  await group.idle();
  const rest: QueuedTask[] = group.clear();
  const { capacity, size, inFlight, closed, paused } = group;
  seen.push(`${[capacity, size, inFlight, closed, paused, group.signal]}`);
  const abandoned: number = await group.reset();
  const waitOptions: WaitOptions = { signal };
  const left: number = await group.wait(waitOptions);
  const shutdownOptions: ShutdownOptions = { grace: 1000 };
  await group.shutdown(shutdownOptions);
  const infos: TaskInfo[] = group.tasks();
  seen.push(`${[...infos, group.closing, group.setPriority(1, 2)]}`);
  seen.push(`${group.withdraw(1, "why")}`);
  const flags = [added, tried, inserted].filter(Boolean).length;
  return many + one + rest.length + abandoned + left + flags;
}

/** Every member of a channel, with a queue of the consumer's own. */
export async function useChannel(): Promise<string> {
  const queue: Queue<string> = fifoQueue<string>(2);
  const channelOptions: ChannelOptions<string> = { queue };
  const channel = new Channel<string>(channelOptions);
  const sending: ChannelSendOptions = { signal };
  const receiving: ChannelReceiveOptions = { signal };
  await channel.send("a", sending);
  const sent: boolean = channel.trySend("b");
  const received: string = await channel.receive(receiving);
  const result: ChannelReceiveResult<string> = channel.tryReceive();
  channel.close();
  for await (const value of channel) seen.push(value satisfies string);
  const stream: ReadableStream<string> = channel.toReadableStream();
  seen.push(`${[channel.size, channel.capacity, channel.closed, stream]}`);
  return result.state === "ok" ? result.value : `${received} ${sent}`;
}

/** The first value of several channels: its type is known where its channel is. */
export async function useSelect(): Promise<string> {
  const lossy: LossyQueueOptions<string> = {
    onEvict: (value: string) => seen.push(value),
  };
  const work = new channels.Channel<string>({ queue: slidingQueue(1, lossy) });
  const control = new Channel<{ fast: boolean }>();
  const quit = new Channel<never>();
  const selecting: SelectOptions = { signal };
  for (;;) {
    const { channel, value, closed } = await select(
      [work, control, quit],
      selecting,
    );
    if (closed === quit) break;
    if (channel === work) seen.push(value satisfies string);
    if (channel === control) seen.push(`${value.fast satisfies boolean}`);
  }
  const last: Selected<Channel<string>> = await channels.select([work]);
  return last.closed ? "over" : last.value;
}

/** What watches a group: an observer of the consumer's own, and those of the package. */
export async function useObservers(): Promise<string> {
  const own: Observer = {
    onStep(step: Step): void {
      if ("task" in step) onTask(step);
      else onGroup(step);
    },
  };
  const onTask = (step: TaskStep) => {
    const { id, number }: ObservedTask = step.task;
    seen.push(`${id ?? number} ${step.type}`);
    if (step.type === "started") {
      seen.push(`worker ${step.workerId satisfies number}`);
    }
    if (step.type === "abandoned") seen.push(step.why);
  };
  const onGroup = (step: GroupStep) => {
    if (step.type === "resized") {
      seen.push(`${step.concurrency satisfies number}`);
    }
  };
  const recorderOptions: RecorderOptions = { name: "observed", steps: 10 };
  const recorder = new Recorder(recorderOptions);
  const named: DiagnosticsOptions = { name: "observed" };
  const observer = tellAll(own, recorder, diagnosticsObserver(named));
  const group = new CoGroup({ concurrency: 1, observer });
  const watched: WithProgress = group;
  const lines: ProgressLinesOptions = { interval: 10, total: 1 };
  group.add(() => {});
  group.close();
  for await (const line of progressLines(watched, lines)) seen.push(line);
  const trace: Trace = recorder.toJSON();
  const inQueue = (event: TraceEvent) => event.tid === QUEUE;
  const { events, cursor, missed }: NewEvents = recorder.eventsSince(0);
  const message = ({ name, step }: DiagnosticsMessage) =>
    `${name} ${step.type}`;
  return `${
    trace.traceEvents.filter(inQueue).length
  } of ${events.length}, ${cursor} ${missed} ${message}`;
}

/** The errors that a caller can tell apart. */
export function explain(error: unknown): string {
  if (error instanceof ChannelClosedError) return `unsent: ${error.value}`;
  if (error instanceof CoGroupClosedError) return error.message;
  return "another";
}

/** Every queue and every governor, and a governor of the consumer's own. */
export async function useSeams(): Promise<number> {
  const priorities: PriorityQueueOptions = {
    capacity: 5,
    compare: (a: QueuedTask, b: QueuedTask) =>
      (a.options?.priority ?? 0) - (b.options?.priority ?? 0),
  };
  const keys: KeyedQueueOptions = { capacity: 5, perKey: 2 };
  const queues: Queue<QueuedTask>[] = [
    slidingQueue<QueuedTask>(1),
    droppingQueue<QueuedTask>(1),
    priorityQueue(priorities),
    keyedQueue(keys),
    checkedQueue(fifoQueue<QueuedTask>()),
  ];
  const semaphore = new Semaphore(2);
  semaphore.limit = 3;
  const rates: RateLimitOptions = { limit: 1, interval: 10, burst: 1 };
  const rate: RateLimit = rateLimit(rates);
  const both: Governor = allOf(rate, rateLimit(rates));
  both.tryAcquire?.({ weight: 2, key: "a" })?.release();
  rate.pauseFor(1);
  const bounds: AdaptiveLimitOptions = { min: 1, max: 9, initial: 2 };
  const adaptive: AdaptiveLimit = adaptiveLimit(bounds);
  const acquiring: AcquireOptions = { signal };
  const own: Governor = {
    tryAcquire: (): Permit | undefined => semaphore.tryAcquire(),
    acquire: (options?: AcquireOptions) => semaphore.acquire(options),
  };
  const permit: Permit = await own.acquire(acquiring);
  permit.release(true);
  const governors: Governor[] = [semaphore, rate, adaptive, own];
  const groups = queues.map((queue, i) => {
    return new CoGroup({ concurrency: 1, queue, governor: governors[i] });
  });
  return groups.length + adaptive.limit;
}

/** The optional properties of a type, each of them there, and undefined. */
type AllUndefined<O> = {
  [K in keyof O as object extends Pick<O, K> ? K : never]-?: undefined;
};

/** Whether each of them takes that: `exactOptionalPropertyTypes` is on. */
type TakesUndefined<O> = AllUndefined<O> extends Partial<O> ? true : false;

type Assert<T extends true> = T;

/** Of every type of options; it is an error here if a property does not. */
export type OptionsTakeUndefined = [
  Assert<TakesUndefined<AcquireOptions>>,
  Assert<TakesUndefined<AdaptiveLimitOptions>>,
  Assert<TakesUndefined<ChannelOptions>>,
  Assert<TakesUndefined<ChannelReceiveOptions>>,
  Assert<TakesUndefined<ChannelSendOptions>>,
  Assert<TakesUndefined<CoGroupOptions>>,
  Assert<TakesUndefined<KeyedQueueOptions>>,
  Assert<TakesUndefined<LossyQueueOptions<string>>>,
  Assert<TakesUndefined<MapOptions>>,
  Assert<TakesUndefined<PriorityQueueOptions>>,
  Assert<TakesUndefined<ProgressOptions>>,
  Assert<TakesUndefined<QueuedTask>>,
  Assert<TakesUndefined<RateLimitOptions>>,
  Assert<TakesUndefined<RetryOptions>>,
  Assert<TakesUndefined<SelectOptions>>,
  Assert<TakesUndefined<ShutdownOptions>>,
  Assert<TakesUndefined<TaskOptions>>,
  Assert<TakesUndefined<WaitOptions>>,
];

/** Messages of a durable queue. */
export async function useConsume(): Promise<number> {
  interface Mine extends Message {
    readonly text: string;
  }
  const mine: Mine = {
    text: "a",
    ack() {},
    nak(_delayMs?: number) {},
    term() {},
    working: () => true,
    ackAck: () => Promise.resolve(true),
    info: { deliveryCount: 1 },
  };
  const receive: Receive<Mine> = (room: number, signal: AbortSignal) =>
    room > 0 && !signal.aborted ? [mine] : Promise.resolve([]);
  const options: ConsumeOptions<Mine> = {
    ahead: 1,
    lease: 1000,
    retry,
    inPlace: true,
    maxDeliveries: 3,
    key: ({ text }) => text,
    priority: ({ text }) => text.length,
    weight: () => 1,
    timeout: 100,
    onDead: ({ text }, error: unknown) => void seen.push(`${text} ${error}`),
    onError: (error: unknown, message?: Mine) =>
      void seen.push(`${message?.text} ${error}`),
  };
  const group = new CoGroup(1);
  const consumption: Consumption = consume(
    group,
    receive,
    ({ text }, { signal, attempt }: TaskContext) => [text, signal, attempt],
    options,
  );
  consumption.close();
  await consumption.wait();
  const stats: ConsumeStats = consumption.stats;
  const { received, held, acked, retried, returned } = stats;
  const { dead, lost, unconfirmed, redelivered } = stats;
  return received + held + acked + retried + returned + dead + lost +
    unconfirmed + redelivered;
}
