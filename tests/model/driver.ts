// deno-coverage-ignore-file

/**
 * Plays a program against the group and against the model, and checks after
 * every step that they are in the same state.
 *
 * @module
 */

import { Checks } from "./checks.ts";
import { allMicrotasks, clock, PATIENCE, type Timer } from "./clock.ts";
import type { Step } from "./program.ts";
import { must, Violation } from "./jobs.ts";
import { Failure, isProgress, microtasks, pick, unhandled } from "./world.ts";

/** What can be in line, or has to know who is. */
const queuesUp: ReadonlySet<Step["op"]> = new Set<Step["op"]>([
  "add",
  "go",
  "insert",
  "tryInsert",
  "insertAll",
]);

export class Driver extends Checks {
  /** Plays it to the end. Throws a {@linkcode Violation} if a law is broken. */
  async play(): Promise<void> {
    const { error } = console;
    console.error = () => void this.prints++;
    unhandled.length = 0;
    try {
      for (const step of this.program.steps) {
        // Only a step that is to wait gives anything time to happen.
        const waiting = this.take(step);
        if (waiting !== undefined) await waiting;
        this.check();
      }
      await this.finish();
    } finally {
      console.error = error;
    }
  }

  take(step: Step): Promise<void> | void {
    switch (step.op) {
      case "microtasks":
        return new Promise((resolve) => microtasks(step.n - 1, resolve));
      case "settle":
        return this.settle();
      case "turn":
        return this.turn();
      case "tick":
        return this.tick(step.ms);
      default:
        this.guard(() => this.act(step));
    }
  }

  turn(): void {
    this.lookAtWays();
    this.worked = 0;
    clock.turn();
    for (const then of this.afterTurn.splice(0)) microtasks(2, then);
  }

  async tick(ms: number): Promise<void> {
    clock.now += ms;
    this.turn(); // Time goes by between the turns of the loop.
    for (let timer = clock.next(); timer; timer = clock.next()) {
      await this.goOff(timer);
    }
  }

  async goOff(timer: Timer): Promise<void> {
    if (timer.ms === PATIENCE) {
      // As everywhere, what ends the wait comes first if it is there.
      await allMicrotasks();
      if (!clock.timers.has(timer)) return;
    }
    clock.timers.delete(timer);
    const isPatience = timer.ms === PATIENCE &&
      this.patient.filter((hears) => hears(timer.due)).length > 0;
    if (!isProgress(timer) && !isPatience) {
      this.guard(() => {
        this.sync();
        must(
          timer.isOfDelays
            ? this.model.delaysGoOff()
            : this.model.goesOff(timer.due) ||
              this.governed?.model.goesOff(timer.due) === true,
          `a timer goes off at ${timer.due} that nobody needs`,
        );
      });
    }
    this.turn();
    timer.callback();
    // As everywhere: all microtasks, then the next timer.
    await allMicrotasks();
    this.check();
  }

  /** Nothing moves any more. */
  async settle(): Promise<void> {
    await allMicrotasks();
    for (let turns = 0; clock.immediates > 0; turns++) {
      if (turns > 1000) throw new Violation("law 10: it never comes to rest");
      this.turn();
      await allMicrotasks();
    }
    this.check();
    this.guard(() => this.checkStandstill());
    this.check();
  }

  protected override act(step: Step): void {
    const group = this.group;
    const model = this.model;
    this.sync();
    // Whether a feed is already in line can't be seen; nobody gets in line then.
    if (!model.isLax && model.isLooking && queuesUp.has(step.op)) return;
    switch (step.op) {
      case "add":
        return this.add(step.task);
      case "tryInsert":
        return this.tryInsert(step.task);
      case "insert":
        return this.insert(step.task);
      case "go":
        return this.go(step.task, step.unread === true);
      case "insertAll":
        return this.insertAll(step.source, step.task);
      case "map":
      case "mapSettled":
        return this.map(step);
      case "read":
      case "break":
      case "throw":
        return this.read(step.op, step.which);
      case "answer": {
        const unanswered = pick([...this.unanswered], step.which);
        return unanswered?.answer(step.well);
      }
      case "end": {
        const gate = pick(this.gates, step.which);
        return gate && this.open(gate, step.well);
      }
      case "look":
        return this.look();
      case "withdraw": {
        const live = [...this.own.values()].filter((signal) => !signal.aborted);
        const signal = pick(live, step.which);
        return signal && this.abort(signal);
      }
      case "signal":
        return this.abort(this.signals[step.name]);
      case "resize":
        model.limit = step.n;
        for (const stream of model.streams) stream.resized();
        this.way?.lapses(); // The end of a task may not have been counted yet.
        return this.call("resize", () => {
          group.concurrency = step.n;
        });
      case "abort": {
        const reason = new Failure("abort");
        model.abort({ is: reason });
        this.call("abort", () => group.abort(reason));
        return this.checkSignal();
      }
      case "close":
        model.close();
        return this.call("close", () => group.close());
      case "pause":
      case "resume":
        model.paused = step.op === "pause";
        return this.call(
          step.op,
          () => step.op === "pause" ? group.pause() : group.resume(),
        );
      case "clear":
        return this.clear();
      case "reset":
        return this.reset();
      case "wait":
        return this.wait(undefined);
      case "waitFor":
        return this.wait(this.signals[step.name]);
      case "idle": {
        const waiter = this.waiter("idle", undefined);
        const { isAtRest } = model;
        this.call("idle", () => group.idle()).then(() => {
          waiter.isSettled = true;
          this.guard(() =>
            must(
              isAtRest || model.rests > waiter.rests,
              "idle() resolved, and was never at rest",
            )
          );
        });
        return;
      }
      case "lend":
        return this.lendOne(step.which, step.loan);
      case "back":
        return this.goBack(step.which, step.well);
      case "withdrawId":
        return this.withdrawId(step.id, step.hasReason);
      case "setPriority":
        return this.setPriority(step.id, step.priority);
      case "shutdown":
        return this.shutdown(step.ms);
      case "limit":
        return this.limit(step.n);
      case "pauseFor":
        return this.pauseFor(step.ms);
      case "guest":
        return this.callGuest(step);
      case "progress":
        this.watch();
    }
  }

  async finish(): Promise<void> {
    const model = this.model;
    await this.settle();
    const { finish } = this.spec;
    if (finish !== "wait") this.guard(() => this.act({ op: finish }));
    for (let round = 0;; round++) {
      // A progress that is read every millisecond takes a round for each of them.
      if (round > 20_000) {
        throw new Violation("law 6: it never comes to an end");
      }
      if (model.paused) this.guard(() => this.act({ op: "resume" }));
      // One above the limit waits for ever.
      this.guard(() => this.limit(this.heaviest));
      await this.settle();
      for (const unanswered of [...this.unanswered]) unanswered.answer(true);
      for (const { model } of this.streams) {
        if (!model.isOver) {
          this.guard(() => this.read(round < 50 ? "read" : "break", model.id));
        }
      }
      for (const { open } of this.waits) open?.(true);
      for (const gate of [...this.gates]) this.open(gate, true);
      this.guest?.finish();
      await this.settle();
      const areOver = () => this.streams.every(({ model }) => model.isOver);
      if (areOver() && model.feeds.size === 0) {
        if (!model.isClosed) this.guard(() => this.act({ op: "wait" }));
        // What is done when it closes may have brought another stream.
        const isDone = model.isAtRest && !this.isResetting &&
          model.isClosed && areOver();
        if (isDone && this.guest?.isAtRest !== false) break;
      }
      if (clock.firstDue < Infinity) {
        await this.tick(Math.max(0, Math.ceil(clock.firstDue - clock.now)));
      }
    }
    await this.settle();
    await this.tick(1000);
    await this.settle();
    this.guard(() => this.checkEnd());
    this.check();
  }
}
