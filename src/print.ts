/**
 * Where an error goes that no promise, no stream and no `onError` can take.
 *
 * @module
 */

/** The last resort: an error that nobody wants to hear of is not hidden. */
export function print(error: unknown): void {
  try {
    console.error(error);
  } catch {
    // A console that throws has nothing more to tell.
  }
}
