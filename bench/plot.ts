/**
 * Draws throughput against concurrency, from the JSON of a run.
 *
 * ```sh
 * deno run --allow-read=bench --allow-write=bench bench/plot.ts [JSON] [SVG]
 * ```
 *
 * @module
 */

import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { type Line, spread, ticks } from "./support/chart.ts";
import type { Report } from "./support/report.ts";

const [
  source = "bench/peers.json",
  target = "bench/throughput.svg",
] = process.argv.slice(2);

const WIDTH = 780;
const HEIGHT = 460;
const LEFT = 66;
const RIGHT = 636;
const TOP = 78;
const BOTTOM = 372;
const LABEL_HEIGHT = 17;

/** Ours, the bare loop, and the peers: what can be told apart on either paper. */
const LIGHT = {
  paper: "#ffffff",
  ink: "#1f2328",
  soft: "#59636e",
  grid: "#e3e6ea",
  lines: "#0b57d0 #59636e #b3261e #9a5b00 #1b7f3b #8430ce #a8327a #00707f " +
    "#6b6f00 #4a3aa7 #c2410c #2b6a99",
};
const DARK: typeof LIGHT = {
  paper: "#0d1117",
  ink: "#f0f3f6",
  soft: "#9ea7b3",
  grid: "#272d36",
  lines: "#7cacff #9ea7b3 #ff8a80 #f0b25a #6fdd8b #c99bff #ff9ad2 #5fd4e4 " +
    "#c9cc5a #b3a6ff #ff9d66 #86bfe8",
};

const STYLE = `
  text { font: 13px system-ui, sans-serif; }
  .title { font-size: 17px; font-weight: 600; }
  .soft { font-size: 12px; }
  .way { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
  .lead { opacity: 0.5; }
  .c0 .name { font-weight: 700; }
  .c0 .way { stroke-width: 3.5; }
  .c1 .way { stroke-dasharray: 6 4; }
  ${theme(LIGHT)}
  @media (prefers-color-scheme: dark) {
  ${theme(DARK)}
  }
`;

// No variables: not everything that shows an SVG knows them.
function theme({ paper, ink, soft, grid, lines }: typeof LIGHT): string {
  const rules = [
    `.paper { fill: ${paper}; }`,
    `text { fill: ${ink}; }`,
    `.soft { fill: ${soft}; }`,
    `.grid { stroke: ${grid}; }`,
    ...lines.split(" ").flatMap((color, i) => [
      `.c${i} .way, .c${i} .lead { stroke: ${color}; }`,
      `.c${i} .dot, .c${i} .name { fill: ${color}; }`,
    ]),
  ];
  return rules.join("\n  ");
}

const report = JSON.parse(await readFile(source, "utf8")) as Report;
const lines = linesOf(report);
const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))]
  .sort((a, b) => a - b);
const ys = ticks(lines.flatMap((line) => line.points.map(([, y]) => y)));

const scale = (from: number, to: number, start: number, end: number) => {
  const span = Math.log(to) - Math.log(from);
  return (value: number) =>
    start + (end - start) * (Math.log(value) - Math.log(from)) / span;
};
const x = scale(xs[0]!, xs.at(-1)!, LEFT + 10, RIGHT - 10);
const y = scale(ys[0]!, ys.at(-1)!, BOTTOM, TOP);
const at = (n: number) => n.toFixed(1);

await writeFile(target, draw());

/** Tasks per second of each contender of section a, ours first. */
function linesOf({ rows }: Report): Line[] {
  const lines = new Map<string, Line>();
  for (const { section, contender: name, x, median } of rows) {
    if (section !== "a" || x === undefined) continue;
    const line = lines.get(name) ?? { name, points: [] };
    line.points.push([x, 1e9 / median]);
    lines.set(name, line);
  }
  if (lines.size === 0) throw new Error(`${source} has no section a`);
  return [...lines.values()];
}

function draw(): string {
  const { runtime, machine, rounds, date } = report;
  // Drawn last, and so above the others: ours.
  const drawn = lines.map(drawLine).reverse().join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text id="title" class="title" x="20" y="32">Throughput against concurrency</text>
<text class="soft" x="20" y="54">no-op async tasks per second; higher is better; both axes are logarithmic</text>
${ys.map(drawRow).join("")}${xs.map(drawColumn).join("")}
<text class="soft" x="${at((LEFT + RIGHT) / 2)}" y="${
    BOTTOM + 42
  }" text-anchor="middle">concurrency</text>
${drawn}${drawNames()}
<text class="soft" x="20" y="${HEIGHT - 16}">${
    escape(`${runtime}, ${machine}; median of ${rounds} rounds, ${date}`)
  }</text>
</svg>
`;
}

function drawRow(value: number): string {
  const level = at(y(value));
  return `<path class="grid" d="M${LEFT} ${level}H${RIGHT}"/><text class="soft" x="${
    LEFT - 8
  }" y="${level}" dy="4" text-anchor="end">${amount(value)}</text>\n`;
}

function drawColumn(value: number): string {
  return `<text class="soft" x="${at(x(value))}" y="${
    BOTTOM + 20
  }" text-anchor="middle">${value}</text>\n`;
}

function drawLine({ points }: Line, index: number): string {
  const places = points.map(([a, b]) => [at(x(a)), at(y(b))] as const);
  const dots = places.map(([cx, cy]) =>
    `<circle class="dot" cx="${cx}" cy="${cy}" r="${index === 0 ? 4 : 2.5}"/>`
  );
  return `<g class="c${index}"><path class="way" d="M${
    places.map(([px, py]) => `${px} ${py}`).join("L")
  }"/>${dots.join("")}</g>\n`;
}

/** Each line's name at its end, apart from its neighbours. */
function drawNames(): string {
  const ends = lines.map(({ points }) => y(points.at(-1)![1]));
  const places = spread(ends, LABEL_HEIGHT);
  return lines.map(({ name }, index) => {
    const from = at(ends[index]!);
    const to = at(places[index]!);
    return `<g class="c${index}"><path class="lead" d="M${RIGHT - 4} ${from}L${
      RIGHT + 12
    } ${to}"/><text class="name" x="${RIGHT + 16}" y="${to}" dy="4">${
      escape(name)
    }</text></g>\n`;
  }).join("");
}

function amount(value: number): string {
  return value >= 1e6 ? `${value / 1e6} M` : `${value / 1e3} k`;
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (char) => `&#${char.charCodeAt(0)};`);
}
