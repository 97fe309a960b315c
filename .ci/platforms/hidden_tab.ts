/**
 * A group in a tab behind another one, in Chromium: there timers go off once a
 * second, and once a minute when it has been there for five.
 *
 * @module
 */

import { type Browser, type Page, serve, withChromium } from "./chromium.ts";
import { type Answer, median, type Platform } from "./rig.ts";

const ROUNDS = 3;
/** How much longer it may take behind another tab than in front. */
const MOST = 1.5;
/** Milliseconds after which a group that was given up is not waited for. */
const TOO_LONG = 10_000;
/** Seconds that stand for the five minutes. */
const GRACE = 3;

/** What a page is asked to do, by the name of the function there. */
const WORK = {
  cpu: "300 tasks of 1 ms of CPU",
  io: "400 tasks of 20 ms of I/O",
};

interface Tab {
  readonly title: string;
  /** What the browser is told, so that the tab behind is throttled like this, */
  readonly flags: string[];
  /** how many milliseconds after it went there, */
  readonly after: number;
  /** and how many a chain of timers takes then at least: a few in front. */
  readonly least: number;
  /** It is not followed for longer. */
  readonly limit: number;
  readonly works: (keyof typeof WORK)[];
}

const TABS: Tab[] = [
  {
    title: "a timer a second",
    flags: [],
    after: 0,
    least: 1_500,
    limit: 9_000,
    works: ["cpu", "io"],
  },
  {
    title: "a timer a minute",
    flags: [
      `--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/${GRACE}`,
    ],
    after: GRACE * 1_000 + 500,
    least: 6_000,
    limit: 6_000,
    works: ["cpu"],
  },
];

/** Milliseconds that the page says it took; Infinity if it is not done in time. */
async function timeOf(
  page: Page,
  name: string,
  limit: number,
): Promise<number> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<number>((done) => {
    timer = setTimeout(() => done(Infinity), limit);
  });
  const time = page.evaluate<number>(`${name}()`);
  time.catch(() => {}); // The browser is closed while the page is still at it.
  return await Promise.race([time, late]).finally(() => clearTimeout(timer));
}

/** The median of the rounds; Infinity as soon as one is not done in time. */
async function medianOf(page: Page, name: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push(await timeOf(page, name, TOO_LONG));
    if (times.at(-1) === Infinity) return Infinity;
  }
  return median(times);
}

async function expectState(page: Page, state: string): Promise<void> {
  const is = await page.evaluate("document.visibilityState");
  if (is !== state) throw new Error(`can't tell: the tab is ${is}`);
}

async function askTab(
  browser: Browser,
  origin: string,
  { title, after, least, limit, works }: Tab,
): Promise<Answer[]> {
  const context = browser.contexts()[0]!;
  const open = async () => {
    const page = await context.newPage();
    await page.goto(origin);
    await page.waitForFunction("globalThis.isReady");
    return page;
  };
  // Each kind of work in a tab of its own: one that hangs holds up no other.
  const tabs: { name: keyof typeof WORK; page: Page; inFront: number }[] = [];
  for (const name of works) {
    const page = await open();
    await page.bringToFront();
    await expectState(page, "visible");
    tabs.push({ name, page, inFront: await medianOf(page, name) });
  }
  const front = await open();
  await front.bringToFront();
  await new Promise((done) => setTimeout(done, after));
  const answers: Answer[] = [];
  for (const { name, page, inFront } of tabs) {
    await expectState(page, "hidden");
    const timers = await timeOf(page, "timers", limit);
    if (timers < least) {
      throw new Error(`can't tell: timers took ${timers} ms, not ${least}`);
    }
    const behind = await medianOf(page, name);
    await expectState(page, "hidden");
    const ms = (n: number) => n === Infinity ? `> ${TOO_LONG}` : n.toFixed(0);
    const figures = `${ms(inFront)} ms in front, ${ms(behind)} behind`;
    const isGood = behind <= MOST * inFront;
    answers.push({
      title: `${title}: ${WORK[name]} take as long behind another tab`,
      figures,
      error: isGood ? undefined : `more than ${MOST} times as long`,
    });
  }
  return answers;
}

export const hiddenTab: Platform = {
  title: "a hidden tab in Chromium",
  packages: [],
  async ask(project) {
    const server = serve(project, "/hidden_tab.js");
    const origin = `http://127.0.0.1:${server.addr.port}/`;
    try {
      const answers: Answer[] = [];
      for (const tab of TABS) {
        const ask = (browser: Browser) => askTab(browser, origin, tab);
        answers.push(...await withChromium(project, tab.flags, ask));
      }
      return answers;
    } finally {
      await server.shutdown();
    }
  },
};
