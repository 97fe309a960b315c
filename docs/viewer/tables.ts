/**
 * The totals beside the timeline, as tables: for whom they are quicker to read, and for
 * readers of screens the trace itself.
 *
 * @module
 */

import { button, fill, make, swatch } from "./dom.ts";
import { count, ms, percent, short } from "./format.ts";
import { culprits, type Row, type Summary } from "./summary.ts";
import type { Group } from "./trace.ts";

/** Which rows of a long table are shown. */
const MOST_ROWS = 12;

const WAITS: Record<string, string> = {
  delayed: "a retry",
  governor: "the governor",
  lent: "what a task lent its worker for",
};

export interface Choices {
  /** Shows the tasks of this key, or error, alone; of undefined: all. */
  only(kind: "key" | "error", number: number): void;
  isOnly(kind: "key" | "error", number: number): boolean;
  choose(task: number): void;
  /** Draws the tables again. */
  again(): void;
}

interface ColumnOf {
  readonly title: string;
  readonly hint: string;
  readonly value: (row: Row) => number;
  readonly text: (value: number) => string;
  /** Of a whole, drawn as a bar; or what makes it stand out. */
  readonly look?: "share" | "bad" | "warn";
}

const KEY_COLUMNS: ColumnOf[] = [
  {
    title: "Attempts",
    hint: "that ended",
    value: (row) => row.attempts,
    text: count,
  },
  {
    title: "Ran",
    hint: "time of workers that it took",
    value: (row) => row.ran,
    text: ms,
    look: "share",
  },
  {
    title: "Waited",
    hint: "in the queue and for retries, all its tasks together",
    value: (row) => row.waited,
    text: ms,
    look: "share",
  },
  {
    title: "Failed",
    hint: "for good",
    value: (row) => row.rejected,
    text: count,
    look: "bad",
  },
  {
    title: "Retried",
    hint: "attempts that were made again",
    value: (row) => row.retried,
    text: count,
    look: "warn",
  },
  {
    title: "Longest",
    hint: "run of all of its attempts",
    value: (row) => row.longest,
    text: ms,
  },
];

/** Draws all the tables into an element. Remembers how they are sorted. */
export class Tables {
  readonly #parent: HTMLElement;
  readonly #choices: Choices;
  #sort = { column: "Ran", isDown: true };
  #isLong = false;
  #areWorkersOpen = false;

  constructor(parent: HTMLElement, choices: Choices) {
    this.#parent = parent;
    this.#choices = choices;
  }

  show(group: Group, summary: Summary, title: string): void {
    fill(
      this.#parent,
      this.#totals(group, summary, title),
      this.#latencies(summary),
      this.#keys(summary),
      this.#waits(group),
      this.#errors(summary),
      this.#slowest(group, summary),
      this.#workers(summary),
    );
  }

  #totals({ incidents }: Group, it: Summary, title: string): HTMLElement {
    const tile = (name: string, value: string, color?: string) =>
      make(
        "div",
        {},
        make("dt", {}, color === undefined ? undefined : swatch(color), name),
        make("dd", {}, value),
      );
    return card(
      "Totals",
      title,
      make(
        "dl",
        { class: "tiles" },
        tile("fulfilled", count(it.fulfilled), "fulfilled"),
        tile("rejected", count(it.rejected), "rejected"),
        tile("retried", count(it.retried), "retried"),
        tile("a second", short(it.attempts / (it.span / 1000))),
        tile("busy", percent(it.utilization)),
        // Of these, the trace says no more than that they were.
        ...[...incidents].map(([name, times]) => tile(name, count(times))),
      ),
    );
  }

  #latencies({ latencies }: Summary): HTMLElement {
    const rows = latencies.map(({ name, p50, p95, p99, max }) => [
      rowHead(name),
      ...[p50, p95, p99, max].map((value) => cell(ms(value))),
    ]);
    return card(
      "Latencies",
      "of one attempt",
      table(["", "p50", "p95", "p99", "max"].map(head), rows),
    );
  }

  #keys({ keys }: Summary): HTMLElement | undefined {
    const named = keys.filter(({ name }) => name !== "");
    if (named.length === 0) return undefined;
    const { column, isDown } = this.#sort;
    const by = KEY_COLUMNS.find(({ title }) => title === column);
    const sorted = [...keys].sort((a, b) => {
      const order = by === undefined
        ? a.name.localeCompare(b.name)
        : by.value(a) - by.value(b);
      return isDown ? -order : order;
    });
    const shown = this.#isLong ? sorted : sorted.slice(0, MOST_ROWS);
    const totals = KEY_COLUMNS.map(({ value }) =>
      keys.reduce((sum, row) => sum + value(row), 0)
    );
    const rows = shown.map((row) => [
      this.#nameOf(row, "key", "no key"),
      ...KEY_COLUMNS.map((it, i) => cellOf(it, row, totals[i]!)),
    ]);
    const element = table(
      [
        this.#sorter("Key"),
        ...KEY_COLUMNS.map((it) => this.#sorter(it.title, it.hint)),
      ],
      rows,
      shown.map(({ number }) => this.#choices.isOnly("key", number)),
    );
    const more = sorted.length > MOST_ROWS
      ? button(
        this.#isLong ? "Show fewer" : `Show all ${count(sorted.length)}`,
        () => {
          this.#isLong = !this.#isLong;
          this.#choices.again();
        },
        { "data-focus": "more", class: "more" },
      )
      : undefined;
    return card(
      "By key",
      several(named.length, "key"),
      hints(keys),
      element,
      more,
    );
  }

  #sorter(title: string, hint?: string): HTMLElement {
    const { column, isDown } = this.#sort;
    const isIt = column === title;
    const act = () => {
      this.#sort = { column: title, isDown: isIt ? !isDown : title !== "Key" };
      this.#choices.again();
    };
    return make(
      "th",
      {
        scope: "col",
        title: hint,
        "aria-sort": isIt ? (isDown ? "descending" : "ascending") : undefined,
      },
      button(title, act, { "data-focus": `sort ${title}` }),
    );
  }

  #nameOf(row: Row, kind: "key" | "error", none: string): HTMLElement {
    const name = row.name === "" ? none : row.name;
    const isOnly = this.#choices.isOnly(kind, row.number);
    return make(
      "th",
      { scope: "row" },
      button(name, () => this.#choices.only(kind, row.number), {
        title: isOnly
          ? "Show all tasks again"
          : `Show these tasks alone: ${name}`,
        "aria-pressed": String(isOnly),
        "data-focus": `${kind} ${row.number}`,
      }),
    );
  }

  #waits({ waits }: Group): HTMLElement | undefined {
    if (waits.size === 0) return undefined;
    const rows = [...waits].map(([name, { count: times, total, open }]) => [
      rowHead(WAITS[name] ?? name),
      cell(count(times)),
      cell(ms(total / 1000)),
      cell(times > open ? ms(total / 1000 / (times - open)) : "–"),
      cell(open > 0 ? count(open) : "–"),
    ]);
    return card(
      "Waits beyond the queue",
      "whole trace",
      table(["For", "Waits", "Total", "Mean", "Still"].map(head), rows),
    );
  }

  #errors({ errors }: Summary): HTMLElement | undefined {
    if (errors.length === 0) return undefined;
    const sorted = [...errors].sort((a, b) => b.attempts - a.attempts);
    const rows = sorted.slice(0, MOST_ROWS).map((row) => [
      this.#nameOf(row, "error", ""),
      cell(count(row.rejected), row.rejected > 0 ? "bad" : undefined),
      cell(count(row.retried), row.retried > 0 ? "warn" : undefined),
    ]);
    return card(
      "Errors",
      several(errors.length, "kind"),
      table(["Error", "Failed", "Retried"].map(head), rows),
    );
  }

  #slowest({ tasks }: Group, { slowest }: Summary): HTMLElement | undefined {
    if (slowest.length === 0) return undefined;
    const rows = slowest.map((task, i) => [
      make(
        "th",
        { scope: "row" },
        button(tasks.names[task]!, () => this.#choices.choose(task), {
          title: tasks.names[task]!,
          "data-focus": `slow ${i}`,
        }),
      ),
      cell(tasks.keys.texts[tasks.key.at[task]!] || "–", "name"),
      cell(ms((tasks.end.at[task]! - tasks.start.at[task]!) / 1000)),
    ]);
    return card(
      "Slowest",
      "",
      table(["Task", "Key", "Ran"].map(head), rows),
    );
  }

  #workers({ workers }: Summary): HTMLElement {
    const rows = workers.map(({ id, attempts, failed, busy, share }) => [
      rowHead(`Worker ${id}`),
      cell(count(attempts)),
      cell(count(failed), failed > 0 ? "warn" : undefined),
      cell(ms(busy)),
      cell(percent(share)),
    ]);
    const titles = ["", "Attempts", "Failed", "Busy", "Share"];
    const element = make(
      "details",
      {},
      make("summary", { "data-focus": "workers" }, "Workers"),
    );
    // Made only when it is looked at: there may be thousands.
    const open = () => {
      this.#areWorkersOpen = element.open;
      if (element.open && element.childElementCount === 1) {
        element.append(table(titles.map(head), rows));
      }
    };
    element.open = this.#areWorkersOpen;
    open();
    element.addEventListener("toggle", open);
    return make("section", { class: "card", id: "workers" }, element);
  }
}

/** Of all waiting nothing is said that is less than this part of all running. */
const NEGLIGIBLE = 0.01;

/** What a look at the table would find, said in a sentence. */
function hints(keys: Row[]): HTMLElement | undefined {
  const says = (what: string, of: (row: Row) => number, enough = 0) => {
    const found = culprits(keys, of, enough);
    if (found === undefined) return undefined;
    const { names, share } = found;
    const verb = names.length > 1 ? "have" : "has";
    return make(
      "li",
      {},
      make("b", {}, names.join(", ")),
      ` ${verb} ${percent(share)} of ${what}`,
    );
  };
  const ran = keys.reduce((sum, row) => sum + row.ran, 0);
  const said = [
    says("the workers’ time", (row) => row.ran),
    says("all waiting", (row) => row.waited, ran * NEGLIGIBLE),
    says("the failed attempts", (row) => row.rejected + row.retried, 4),
  ].filter((it) => it !== undefined);
  return said.length > 0 ? make("ul", { class: "hints" }, ...said) : undefined;
}

function cellOf(it: ColumnOf, row: Row, total: number): HTMLElement {
  const value = it.value(row);
  const isOn = it.look !== "share" && value > 0 ? it.look : undefined;
  const element = cell(
    value === 0 && it.look !== "share" ? "–" : it.text(value),
    it.look === "share" ? "share" : isOn,
  );
  if (it.look === "share") {
    const part = total > 0 ? 100 * value / total : 0;
    element.style.setProperty("--part", `${part.toFixed(1)}%`);
    element.title = `${part.toFixed(1)} %`;
  }
  return element;
}

function several(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

function card(
  title: string,
  about: string,
  ...children: (HTMLElement | undefined)[]
): HTMLElement {
  return make(
    "section",
    { class: "card" },
    make("h2", {}, title, make("small", {}, about)),
    ...children,
  );
}

function head(title: string): HTMLElement {
  return title === "" ? make("td") : make("th", { scope: "col" }, title);
}

function rowHead(text: string): HTMLElement {
  return make("th", { scope: "row" }, make("span", { title: text }, text));
}

function cell(text: string, look?: string): HTMLElement {
  return make("td", { class: look }, text);
}

function table(
  heads: HTMLElement[],
  rows: HTMLElement[][],
  chosen: boolean[] = [],
): HTMLElement {
  const body = rows.map((cells, i) =>
    make("tr", { class: chosen[i] ? "chosen" : undefined }, ...cells)
  );
  return make(
    "div",
    { class: "scroll", tabindex: "-1" },
    make(
      "table",
      {},
      make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...body),
    ),
  );
}
