/**
 * A file that gets the body of an answer: there when it is whole, and else not
 * at all.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { extname, join } from "node:path";

/** The disk, and not the server, is what failed. To fetch again is no help. */
export class NotSaved extends Error {}

let opened = 0;

/** Opened for one attempt. If it is not kept, nothing is left of it. */
export class BodyFile implements AsyncDisposable {
  readonly #path: string;
  /** A URL may be in the list twice, and be fetched twice at once. */
  readonly #part: string;
  readonly #handle: FileHandle;
  #isOpen = true;
  #isKept = false;

  private constructor(path: string, part: string, handle: FileHandle) {
    this.#path = path;
    this.#part = part;
    this.#handle = handle;
  }

  /** Of the body of this URL, in that folder. */
  static async open(folder: string, url: string): Promise<BodyFile> {
    const path = join(folder, nameOf(url));
    const part = `${path}.${++opened}.part`;
    return new BodyFile(path, part, await saving(open(part, "w")));
  }

  /** Appends all of the bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    await saving(this.#handle.writeFile(bytes));
  }

  /** Now the bytes are written. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await saving(this.#handle.close());
  }

  /** Gives the closed file its name, and returns that. Takes no turn: nothing comes between. */
  keep(): string {
    try {
      renameSync(this.#part, this.#path);
    } catch (cause) {
      throw new NotSaved((cause as Error).message, { cause });
    }
    this.#isKept = true;
    return this.#path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen) await this.close().catch(() => {});
    if (!this.#isKept) await rm(this.#part, { force: true }).catch(() => {});
  }
}

/** Readable, and another one for every URL: "example.org_logo-1a2b3c4d.png". */
export function nameOf(url: string): string {
  const { host, pathname, search } = new URL(url);
  const [extension = ""] = /^\.\w{1,8}$/.exec(extname(pathname)) ?? [];
  const path = pathname.slice(0, pathname.length - extension.length);
  const readable = (host + path + search).replaceAll(/[^\w.-]+/g, "_");
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 8);
  return `${readable.slice(0, 100)}-${hash}${extension}`;
}

function saving<T>(work: Promise<T>): Promise<T> {
  return work.catch((cause: Error) => {
    throw new NotSaved(cause.message, { cause });
  });
}
