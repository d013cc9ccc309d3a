// Elements made by hand, and a way to redraw a part of the page without losing the keyboard's place.

/** h("button", { class: "quiet", onclick: f, "aria-label": "..." }, "text", child) -> HTMLElement. Null children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

const SHAPES = {
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  photo: "M2 4.5h12v8H2zM5.2 7.2a.9.9 0 1 0 0-.01M2.4 12l3.7-3.4 2.3 2 2.6-2.8 2.8 3",
  region: "M8 8m-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0M8 8m-2.2 0a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0",
  compare: "M2.5 3h4.5v10H2.5zM9 3h4.5v10H9z",
  sliders: "M2 5h7M12 5h2M10.5 3.4v3.2M2 11h2M7 11h7M5.5 9.4v3.2",
};

/** A small line drawing that says nothing to a screen reader: the control beside it has words. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" }))
    svg.setAttribute(key, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/**
 * Replace a container's children and put the focus back where it was, found by data-focus; where that control is gone,
 * on the first of `fallbacks` (data-focus names or elements) that is there. Open <details> stay open, by data-open.
 */
export function redraw(container, children, fallbacks = []) {
  const active = container.contains(document.activeElement) ? document.activeElement : null;
  const place = active?.dataset.focus;
  const open = new Map([...container.querySelectorAll("details[data-open]")].map((d) => [d.dataset.open, d.open]));
  container.replaceChildren(...[children].flat(3).filter(Boolean));
  for (const details of container.querySelectorAll("details[data-open]"))
    if (open.has(details.dataset.open)) details.open = open.get(details.dataset.open);
  if (!active) return;
  const find = (name) => (typeof name === "string" ? container.querySelector(`[data-focus="${CSS.escape(name)}"]`) : name);
  const next = [place, ...fallbacks].map((name) => name && find(name)).find(Boolean);
  (next ?? container).focus({ preventScroll: true });
}

/** Call `act` once, `wait` ms after the last call. */
export function later(act, wait) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), wait);
  };
}
