import type { Queue } from "../../mod.ts";

/** A queue of the user's own: last in, first out; and so `clear` gives them. */
export class Stack<T> implements Queue<T> {
  readonly capacity: number;
  readonly values: T[] = [];

  constructor(capacity: number = Infinity) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.values.length;
  }

  push(value: T): void {
    this.values.push(value);
  }

  peek(): T | undefined {
    return this.values.at(-1);
  }

  shift(): T | undefined {
    return this.values.pop();
  }

  clear(): T[] {
    return this.values.splice(0).reverse();
  }
}
