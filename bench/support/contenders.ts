/**
 * How contenders are written down: each as the peer that it needs, if any, and
 * what it does with it; so that a section is a list, not code.
 *
 * @module
 */

import type { PeerModules, PeerName, Peers } from "./peers.ts";

/** A way of doing some work; there if its peer is. */
export interface Way<F> {
  readonly name: string;
  readonly from: (peers: Peers) => F | undefined;
}

/** A way that needs no peer. */
export function own<F>(name: string, way: F): Way<F> {
  return { name, from: () => way };
}

/** A way that needs a peer. */
export function using<N extends PeerName, F>(
  peer: N,
  make: (module: PeerModules[N]) => F,
  name: string = peer,
): Way<F> {
  return {
    name,
    from: (peers) => {
      const module = peers.get(peer);
      return module === undefined ? undefined : make(module);
    },
  };
}

/** The ways that are there, each turned into whatever is made of it. */
export function present<F, R>(
  ways: readonly Way<F>[],
  peers: Peers,
  make: (name: string, way: F) => R,
): R[] {
  return ways.flatMap(({ name, from }) => {
    const way = from(peers);
    return way === undefined ? [] : [make(name, way)];
  });
}

/** Tasks that do nothing but say that they ran. */
export interface Batch {
  readonly tasks: (() => Promise<void>)[];
  /** Throws unless every task has run, once; then they may run again. */
  verify(): void;
}

/** A batch of `count` tasks, each a closure of its own, as in a program. */
export function batch(count: number): Batch {
  let ran = 0;
  return {
    tasks: Array.from({ length: count }, () =>
    // deno-lint-ignore require-await -- An async task that has nothing to wait for.
    async () => {
      ran++;
    }),
    verify: () => {
      if (ran !== count) throw new Error(`${ran} of ${count} tasks ran`);
      ran = 0;
    },
  };
}

/** Throws unless a result is what it has to be. */
export function expect(actual: number, wanted: number): void {
  if (actual !== wanted) throw new Error(`${actual} instead of ${wanted}`);
}

const lasting = new Map<unknown, object>();

/**
 * Keeps the last one of its kind. V8 throws away what it has optimized for
 * objects of which none is alive when it collects garbage, and what the next one
 * in a round leaves behind makes it do so; a program that has such an object has
 * it for as long as it needs it.
 */
export function kept<T extends object>(object: T): T {
  lasting.set(object.constructor, object);
  return object;
}
