/**
 * A server beside CPU work in a group: for how long it is silent, against a bare
 * loop that yields by a timer every 10 ms, in one run.
 *
 * @module
 */

import { type Answer, median, type Platform } from "./rig.ts";

/** How much longer it may be silent than beside the bare loop. */
const MOST = 2;

interface Silences {
  group: number[];
  bare: number[];
}

export const servers: Platform = {
  title: "servers beside CPU work",
  packages: [],
  async ask(project) {
    const { node, bun } = project;
    const deno = [Deno.execPath(), "run", "--quiet", "--allow-all"];
    const SERVERS: Record<string, [command: string[], kind: string]> = {
      "Deno.serve": [deno, "serve"],
      "node:http on Deno": [deno, "http"],
      "node:http on Node": [[node], "http"],
      "Bun.serve": [[bun], "serve"],
    };
    const answers: Answer[] = [];
    for (const [name, [command, kind]] of Object.entries(SERVERS)) {
      const [program, ...args] = [...command, "server.js", kind, node];
      const { group, bare } = await project.answer<Silences>(program!, args);
      const ms = (all: number[]) => all.map((n) => n.toFixed(0)).join(", ");
      const ratio = median(group) / median(bare);
      // A busy machine spoils a round or two. A loop that starves the server
      // does so in each.
      const best = Math.min(...group) / Math.min(...bare);
      const isGood = Math.min(ratio, best) <= MOST;
      answers.push({
        title: `${name} is silent at most ${MOST} times as long as for a timer`,
        figures: `${ms(group)} ms, for a timer ${ms(bare)}: ` +
          `${ratio.toFixed(1)} in the median, ${best.toFixed(1)} at best`,
        error: isGood ? undefined : "the group starves the server",
      });
    }
    return answers;
  },
};
