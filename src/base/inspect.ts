/**
 * How Node, Deno and Bun show an object.
 *
 * @module
 */

/** What shows the details. */
type Inspect = (value: unknown, options: object) => string;

/**
 * Has `console.log` show the objects of a class by the name of their own class, a state,
 * details, and what fields a derived class gives them. What only has the prototype
 * (a mock, a proxy) is none of them: `describe` says undefined. Not a method in the class:
 * its name is no part of what the class offers.
 */
export function showBy<T extends object>(
  name: string,
  prototype: T,
  describe: (object: T) => [state: string, details: object] | undefined,
): void {
  function show(this: T, _: number, options: object, inspect: Inspect): string {
    const [state, details] = describe(this) ?? [];
    // A bundler may have given the class another name.
    const isOwn = this.constructor === prototype.constructor;
    const title = [isOwn ? name : this.constructor.name, state]
      .filter((it) => it).join(" ");
    return `${title} ${inspect({ ...details, ...this }, options)}`;
  }
  const custom = Symbol.for("nodejs.util.inspect.custom");
  Object.defineProperty(prototype, custom, { value: show, configurable: true });
}
