/**
 * How Node, Deno and Bun show an object.
 *
 * @module
 */

/** What shows the details. */
type Inspect = (value: unknown, options: object) => string;

/**
 * Has `console.log` show the objects of a class by a title and details. Not a method in
 * the class: its name is no part of what the class offers.
 */
export function showBy<T>(
  prototype: T,
  describe: (object: T) => [title: string, details: object],
): void {
  function show(this: T, _: number, options: object, inspect: Inspect): string {
    const [title, details] = describe(this);
    return `${title} ${inspect(details, options)}`;
  }
  const name = Symbol.for("nodejs.util.inspect.custom");
  Object.defineProperty(prototype, name, { value: show, configurable: true });
}
