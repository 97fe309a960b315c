/**
 * A Telegram bot for news. "/all TEXT" goes to every chat that has ever written,
 * which takes a while: 30 messages a second is what Telegram allows. Answers to
 * people don't wait for that, for they have a higher priority.
 *
 * ```sh
 * deno run --allow-net examples/small/bot.ts https://api.telegram.org/botTOKEN
 * ```
 *
 * @module
 */

import { setTimeout } from "node:timers/promises";
import { CoGroup, priorityQueue, rateLimit } from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";
import { stopOnInterrupt } from "../support/interrupt.ts";

const [api] = argumentsFor("bot.ts https://api.telegram.org/botTOKEN");
const rate = rateLimit({ limit: 30, interval: 1000 });
const sending = new CoGroup({
  concurrency: 8,
  queue: priorityQueue(),
  governor: rate,
  retry: { maxAttempts: 5 },
});

async function call(method: string, body: unknown, signal: AbortSignal) {
  const headers = { "content-type": "application/json" };
  const json = JSON.stringify(body);
  const how = { method: "POST", headers, body: json, signal };
  const response = await fetch(`${api}/${method}`, how);
  const { ok, result, description, parameters } = await response.json();
  if (ok) return result;
  rate.pauseFor((parameters?.retry_after ?? 0) * 1000); // Too many requests.
  throw new Error(description);
}

function send(chat_id: number, text: string, priority: number) {
  const message = { chat_id, text };
  const task = ({ signal }: { signal: AbortSignal }) =>
    call("sendMessage", message, signal);
  sending.add(task, { priority, id: chat_id });
}

stopOnInterrupt("bot", sending);
const chats = new Set<number>();
for (let offset = 0; !sending.closed;) {
  try {
    // It waits for news for up to so many seconds.
    const query = { offset, timeout: 50, allowed_updates: ["message"] };
    for (const update of await call("getUpdates", query, sending.closing)) {
      offset = update.update_id + 1;
      const { text = "", chat } = update.message;
      chats.add(chat.id);
      const [, news] = /^\/all (.+)/s.exec(text) ?? [];
      if (news) { for (const id of chats) send(id, news, 0); }
      else send(chat.id, `You are one of ${chats.size}`, 1);
    }
  } catch (error) {
    if (!sending.closed) console.error(`${error}`), await setTimeout(1000);
  }
}
const left = await sending.wait();
console.log(`${sending.stats.fulfilled} sent, ${left} left`);
