/**
 * In place of `node:vm`: a frame is another realm, too.
 *
 * @module
 */

// deno-lint-ignore no-explicit-any
const { document } = globalThis as unknown as { document: any };

/** What the code is worth in a realm of its own. */
export function runInNewContext(code: string): unknown {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  try {
    return frame.contentWindow.eval(code);
  } finally {
    frame.remove();
  }
}
