// deno-coverage-ignore-file

/**
 * What is put into a file to watch it: probes, which tell what of it a test
 * runs, and guards, which end a loop that goes round for ever. Without those, it
 * would take a process and some seconds to find out about each.
 *
 * @module
 */

import ts from "npm:typescript@5.9.3";

/** A part of a file that has a probe at its start. */
export interface Probe {
  /** Its place in the array of hits. */
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

class Insertions {
  readonly #all: [at: number, text: string][] = [];

  add(at: number, text: string): void {
    this.#all.push([at, text]);
  }

  /** Puts `before` and `after` around; what is within is added later. */
  around(node: ts.Node, before: string, after: string): void {
    this.add(node.getStart(), before);
    // Of two that end at one place, the inner one is closed first.
    this.#all.unshift([node.getEnd(), after]);
  }

  into(source: string): string {
    let text = source;
    const last = this.#all.map(([at, inserted], i) => ({ at, inserted, i }))
      .sort((a, b) => b.at - a.at || b.i - a.i);
    for (const { at, inserted } of last) {
      text = text.slice(0, at) + inserted + text.slice(at);
    }
    return text;
  }
}

function parse(source: string): ts.SourceFile {
  return ts.createSourceFile("", source, ts.ScriptTarget.Latest, true);
}

/** Puts a probe before each statement of a function, and each expression that is one. */
export function probed(
  source: string,
  first: number,
): { text: string; probes: Probe[] } {
  const probes: Probe[] = [];
  const insertions = new Insertions();
  const probe = (node: ts.Node) => {
    const id = first + probes.length;
    probes.push({ id, start: node.getStart(), end: node.getEnd() });
    return `hits[${id}]=1`;
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node)) {
      for (const statement of node.statements) {
        if (ts.isFunctionDeclaration(statement)) continue;
        insertions.add(statement.getStart(), `${probe(statement)};`);
      }
    } else if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      insertions.around(node.body, `(${probe(node.body)},(`, "))");
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return { text: insertions.into(source), probes };
}

/** Has every loop count its rounds. */
export function guarded(source: string): string {
  const insertions = new Insertions();
  const visit = (node: ts.Node): void => {
    if (ts.isIterationStatement(node, false)) {
      insertions.around(
        node.statement,
        "{if(++loop.rounds>loop.most)loop.end();",
        "}",
      );
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(source));
  return insertions.into(source);
}

/** The innermost probe around a place; none if it runs whenever the file is loaded. */
export function probeAt(
  probes: readonly Probe[],
  offset: number,
): Probe | undefined {
  let found: Probe | undefined;
  for (const probe of probes) {
    if (offset < probe.start || offset >= probe.end) continue;
    const length = probe.end - probe.start;
    if (found === undefined || length <= found.end - found.start) found = probe;
  }
  return found;
}
