/**
 * A doubly linked list whose links are the values themselves, so that a waiter
 * leaves from the front, the middle or the end in O(1) (law 9).
 *
 * Invariants:
 * 1. A link is in at most one list, and `link.list` says in which.
 * 2. `size` is the number of links from `#first` to `#last`.
 *
 * @module
 */

/**
 * Something that can be in one {@linkcode List} at a time. A class of which one is made for
 * each task may have these fields of its own: V8 makes a derived class twice as slowly.
 */
export class Link {
  /** The list that this link is in. Only `List` writes the fields of a link. */
  list: List<Link> | undefined = undefined;
  /** The link before this one. */
  before: Link | undefined = undefined;
  /** The link after this one. */
  after: Link | undefined = undefined;
}

/** A first-in, first-out list of links. */
export class List<L extends Link> {
  #first: Link | undefined = undefined;
  #last: Link | undefined = undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): L | undefined {
    return this.#first as L | undefined;
  }

  push(link: L): void {
    link.list = this as unknown as List<Link>;
    link.before = this.#last;
    if (this.#last === undefined) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    this.#size++;
  }

  shift(): L | undefined {
    const link = this.#first;
    if (link === undefined) return undefined;
    const { after } = link;
    this.#first = after;
    if (after === undefined) this.#last = undefined;
    else after.before = undefined;
    link.list = link.after = undefined;
    this.#size--;
    return link as L;
  }

  /** Takes out exactly this link. False if it is not in this list. */
  delete(link: L): boolean {
    if (link.list !== this as unknown as List<Link>) return false;
    const { before, after } = link;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    link.list = link.before = link.after = undefined;
    this.#size--;
    return true;
  }
}
