/**
 * Asks an edge worker for what worker.js can answer: on workerd, the runtime
 * itself, as it is on several dates. Prints what came of it, as JSON.
 */

import { readdirSync, readFileSync } from "node:fs";

const { Miniflare } = await import("miniflare");
const REQUESTS = 20;
/** The numbers from 0 to 39. */
const SUM = "780";
/** Milliseconds that a request may take, where workerd doesn't see that it hangs. */
const TOO_LONG = 10_000;
const LIBRARY = "node_modules/@cogroup/cogroup/";
/** What it is imported by; what it imports is named beside that. */
const NAMES = { "mod.js": "@cogroup/cogroup" };
/** Which means to wait for the loop's turn there are. */
const DATES = [
  { date: "2023-03-01", flags: [], has: "neither immediates nor ports" },
  { date: "2024-09-23", flags: ["nodejs_compat"], has: "immediates" },
  { date: "2025-09-01", flags: [], has: "ports" },
  { date: "2026-07-28", flags: ["nodejs_compat"], has: "both" },
];

const file = (path, from = path) => ({
  type: "ESModule",
  path,
  contents: readFileSync(from, "utf8"),
});
const library = readdirSync(LIBRARY, { recursive: true })
  .filter((path) => path.endsWith(".js"))
  .map((path) => file(NAMES[path] ?? `@cogroup/${path}`, LIBRARY + path));
const clocks = {
  "clocks that stand still": file("clock.js"),
  "clocks that go": {
    ...file("clock.js"),
    contents: "export const thaw = () => {};",
  },
};

/**
 * A module-level group is asked for one request at a time. With I/O of several
 * at once it can't work there, whatever the library does: the worker that runs
 * a task belongs to one request, and ends with it. So does a bare loop's.
 */
const CHECKS = {
  [`${REQUESTS} requests at once, with a group each`]: async (
    get,
  ) => (await Promise.all(Array.from({ length: REQUESTS }, () => get("/own")))),
  "requests after one that left its group unfinished": async (get) => {
    await get("/leave");
    return [
      await get("/own"),
      ...await Promise.all([get("/own"), get("/own")]),
    ];
  },
  "requests that wait for a permit, after one that is over when it is given one":
    async (get) => {
      await get("/lose-permit");
      return [await get("/permit"), await get("/permit")];
    },
  "a request that waits for a task that one before it, which is over, has delayed":
    async (get) => {
      await get("/delay");
      return [await get("/idle")];
    },
  "requests that share a group of the module, one after the other": async (
    get,
  ) => [await get("/shared"), await get("/shared"), await get("/shared")],
};

// Each check has a worker of its own: what one spoils, no other sees.
const workers = DATES.flatMap(({ date, flags, has }) =>
  Object.entries(clocks).flatMap(([clock, module]) =>
    Object.keys(CHECKS).map((check) => ({
      check,
      title: `${date} (${has}), ${clock}: ${check}`,
      options: {
        compatibilityDate: date,
        compatibilityFlags: flags,
        modules: [file("worker.js"), module, ...library],
        serviceBindings: { ECHO: () => new Response("ok") },
      },
    }))
  )
);
const miniflare = new Miniflare({
  workers: workers.map(({ options }, i) => ({ ...options, name: `w${i}` })),
  // It says of each request that hangs where it does.
  handleRuntimeStdio: (stdout, stderr) =>
    [stdout, stderr].map((s) => s.resume()),
});

const answers = [];
for (const [i, { check, title }] of workers.entries()) {
  const worker = await miniflare.getWorker(`w${i}`);
  const get = (path) =>
    Promise.race([
      worker.fetch(`http://worker${path}`).then((response) => response.text()),
      new Promise((done) => setTimeout(done, TOO_LONG, "no answer")),
    ]).catch(({ message }) => message);
  const wrong = (await CHECKS[check](get)).filter((answer) => answer !== SUM);
  const error = `${wrong.length} not answered, the first: ${wrong[0]}`;
  answers.push({ title, error: wrong.length > 0 ? error : undefined });
}
console.log(JSON.stringify(answers));
await miniflare.dispose();
process.exit();
