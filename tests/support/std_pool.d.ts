/** The types of `pooledMap` of @std/async, which its copy on npm has not. */
export function pooledMap<T, R>(
  limit: number,
  source: Iterable<T> | AsyncIterable<T>,
  fn: (item: T) => Promise<R>,
): AsyncIterableIterator<R>;
