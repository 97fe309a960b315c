/**
 * What a chart needs to know before it is drawn.
 *
 * @module
 */

/** A contender's points, from left to right. */
export interface Line {
  readonly name: string;
  readonly points: [x: number, y: number][];
}

/** Round values for a logarithmic axis, from just below the least to just above the most. */
export function ticks(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power < 12; power++) {
    for (const digit of [1, 2, 5]) steps.push(digit * 10 ** power);
  }
  const first = steps.findLastIndex((step) => step <= least);
  const last = steps.findIndex((step) => step >= most);
  return steps.slice(first, last + 1);
}

/** Moves places apart until there are `gap` between them, none farther than needed. */
export function spread(places: readonly number[], gap: number): number[] {
  // Neighbours that are too close are one block, around the middle of theirs.
  const blocks: { members: number[]; start: number }[] = [];
  const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
  const end = (block: { members: number[]; start: number }) =>
    block.start + block.members.length * gap;
  for (const index of order) {
    let block = { members: [index], start: places[index]! - gap / 2 };
    for (
      let above = blocks.at(-1);
      above !== undefined && end(above) > block.start;
      above = blocks.at(-1)
    ) {
      blocks.pop();
      const members = [...above.members, ...block.members];
      const middle = members.reduce((sum, i) => sum + places[i]!, 0) /
        members.length;
      block = { members, start: middle - members.length * gap / 2 };
    }
    blocks.push(block);
  }
  const spread = [...places];
  for (const { members, start } of blocks) {
    members.forEach((member, i) => spread[member] = start + (i + 0.5) * gap);
  }
  return spread;
}
