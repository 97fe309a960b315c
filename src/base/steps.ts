/**
 * The base of every async iterator of the library: it inherits from
 * `%AsyncIteratorPrototype%`, as an async generator does, and ends as one does.
 *
 * @module
 */

/** The step after the last one. */
export const DONE: IteratorResult<never> = { value: undefined, done: true };

/** No async generator: that makes three promises for every value. */
export abstract class Steps<T>
  implements AsyncIterableIterator<T>, AsyncDisposable {
  /** Gives the iterator itself. Inherited. */
  declare readonly [Symbol.asyncIterator]: () => this;

  abstract next(): Promise<IteratorResult<T>>;

  /**
   * The reader has left: from now on there is nothing but the end. Settles each
   * `next` that waits, or returns a promise that resolves after them.
   */
  abstract leave(): void | Promise<unknown>;

  async return(value?: unknown): Promise<IteratorResult<T>> {
    await this.leave();
    return { value: await value, done: true };
  }

  async throw(reason?: unknown): Promise<IteratorResult<T>> {
    await this.leave();
    throw reason;
  }

  /** Defined here, since Node 20 has none to inherit. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

const { getPrototypeOf, setPrototypeOf } = Object;
const ofGenerators = getPrototypeOf(getPrototypeOf((async function* () {})()));
setPrototypeOf(Steps.prototype, getPrototypeOf(ofGenerators));
