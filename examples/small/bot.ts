/**
 * A Telegram bot for news. "/all TEXT" goes to every chat that has ever written,
 * which takes a while: 30 messages a second is what Telegram allows, and one a
 * second to a chat. Answers don't wait for that: five a second are left to them.
 *
 * ```sh
 * deno run --allow-net examples/small/bot.ts https://api.telegram.org/botTOKEN
 * ```
 *
 * @module
 */

import process from "node:process";
import { setTimeout } from "node:timers/promises";
import {
  allOf,
  CoGroup,
  type Governor,
  keyedQueue,
  type RateLimit,
  rateLimit,
} from "../../mod.ts";
import { argumentsFor } from "../support/arguments.ts";

const [api] = argumentsFor("bot.ts https://api.telegram.org/botTOKEN");
const perSecond = (limit: number) => rateLimit({ limit, interval: 1000 });
/** All chats, each with its rate, which both groups share. */
const chats = new Map<number, RateLimit>();
function rateOf(chat: number) {
  const rate = chats.get(chat) ?? perSecond(1);
  chats.set(chat, rate);
  return rate;
}
const all = perSecond(30);
const sending = (governor: Governor) =>
  new CoGroup({
    concurrency: 8,
    queue: keyedQueue({ governor: (chat) => rateOf(chat as number) }),
    governor,
    retry: { maxAttempts: 5 },
  });
const answers = sending(all);
const news = sending(allOf(perSecond(25), all));

async function call(method: string, body: unknown, signal: AbortSignal) {
  const headers = { "content-type": "application/json" };
  const json = JSON.stringify(body);
  const how = { method: "POST", headers, body: json, signal };
  return await (await fetch(`${api}/${method}`, how)).json();
}

function send(group: CoGroup, chat_id: number, text: string) {
  group.add(async ({ signal }) => {
    const reply = await call("sendMessage", { chat_id, text }, signal);
    if (reply.ok) return;
    const seconds = reply.parameters?.retry_after ?? 0; // Too many requests.
    rateOf(chat_id).pauseFor(seconds * 1000); // This chat alone waits.
    throw new Error(reply.description);
  }, { key: chat_id });
}

process.once("SIGINT", () => { // The next one ends the program.
  answers.abort();
  news.abort();
  const running = answers.inFlight + news.inFlight;
  console.error(`bot: finishing ${running}; once more to stop`);
});
for (let offset = 0; !answers.closed;) {
  try {
    // It waits for news for up to so many seconds.
    const query = { offset, timeout: 50, allowed_updates: ["message"] };
    const reply = await call("getUpdates", query, answers.closing);
    if (!reply.ok) throw new Error(reply.description);
    for (const update of reply.result) {
      offset = update.update_id + 1;
      const { text = "", chat } = update.message;
      rateOf(chat.id); // It is one of those that news goes to.
      const [, told] = /^\/all (.+)/s.exec(text) ?? [];
      if (told) { for (const id of chats.keys()) send(news, id, told); }
      else send(answers, chat.id, `You are one of ${chats.size}`);
    }
  } catch (error) {
    if (!answers.closed) console.error(`${error}`), await setTimeout(1000);
  }
}
const left = await answers.wait() + await news.wait();
const sent = answers.stats.fulfilled + news.stats.fulfilled;
console.log(`${sent} sent, ${left} left`);
