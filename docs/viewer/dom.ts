/**
 * Elements of the page.
 *
 * @module
 */

type Child = Node | string | undefined;

/** The element of the page that has this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Makes an element. What is undefined is left out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((it) => it !== undefined));
  return element;
}

/** A little square of a color of the page. */
export function swatch(color: string): HTMLElement {
  const square = make("i");
  square.style.background = `var(--${color})`;
  return square;
}

/** Has a button do something. */
export function button(
  text: string,
  act: () => void,
  attributes: Record<string, string> = {},
): HTMLButtonElement {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", act);
  return element;
}

/** Replaces what is in an element, but not the focus of what stays. */
export function fill(parent: HTMLElement, ...children: Child[]): void {
  const focused = document.activeElement?.getAttribute("data-focus");
  const had = parent.contains(document.activeElement);
  parent.replaceChildren(...children.filter((it) => it !== undefined));
  if (!had || !focused) return;
  const again = parent.querySelector<HTMLElement>(
    `[data-focus="${CSS.escape(focused)}"]`,
  );
  again?.focus({ preventScroll: true });
}
