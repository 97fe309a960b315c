// deno-coverage-ignore-file

/**
 * A server on 127.0.0.1 that does what servers do on a bad day.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";

/** A server that answers each path as its handler says; the nth time with n. */
export class BadServer {
  readonly requests: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(handle: (path: string, socket: Socket, n: number) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (data) => {
        const path = data.toString().split(" ")[1]!;
        this.requests.push(path);
        const n = this.requests.filter((request) => request === path).length;
        handle(path, socket, n);
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) =>
      this.#server.listen(0, "127.0.0.1", resolve)
    );
    const { port } = this.#server.address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function answer(
  socket: Socket,
  status: number,
  body: string,
  head = "",
): void {
  socket.end(
    `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n${head}\r\n${body}`,
  );
}
