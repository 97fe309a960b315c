/**
 * The messages that can't run for now, as one of their key, or they themselves, failed in
 * place. They take no room of those that can: one customer that is down is not to hold up
 * the others.
 *
 * Invariants:
 * 1. A message is in one line from `enter` to `leave`; those of one key are in one.
 * 2. A line fails from the first failure in place until one of it has succeeded, or it is
 *    empty. WARNING: not only while it waits: the next attempt may take long to fail.
 * 3. `size` is the number of messages in lines that fail.
 *
 * @module
 */

/** The messages of one key, or one message without a key. */
export interface Line {
  readonly key: unknown;
  /** How many messages are in it. */
  held: number;
  isFailing: boolean;
}

export class Aside {
  readonly #lines = new Map<unknown, Line>();
  size = 0;

  enter(key: unknown): Line {
    let line = key === undefined ? undefined : this.#lines.get(key);
    if (line === undefined) {
      line = { key, held: 0, isFailing: false };
      if (key !== undefined) this.#lines.set(key, line);
    }
    line.held++;
    if (line.isFailing) this.size++;
    return line;
  }

  /** One of the line has failed, and waits in place for its next attempt. */
  fail(line: Line): void {
    if (!line.isFailing) this.size += line.held;
    line.isFailing = true;
  }

  /** One of the line has ended. */
  leave(line: Line, isSuccess: boolean): void {
    if (line.isFailing) this.size -= isSuccess ? line.held : 1;
    if (isSuccess) line.isFailing = false;
    if (--line.held === 0) this.#lines.delete(line.key);
  }
}
