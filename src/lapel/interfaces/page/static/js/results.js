// The answer: its heading and tools, the grid, and what is shown instead of a grid.

import { offered } from "./chips.js";
import { $, h, icon, redraw } from "./dom.js";
import { hitCard } from "./card.js";
import { asked } from "./query.js";
import { number, spoken, t } from "./words.js";

const SKELETONS = 8;

export function drawResults(app) {
  $("results-title").textContent = title(app);
  $("results-how").textContent = app.status === "ready" ? how(app.answer) : "";
  $("results").setAttribute("aria-busy", String(app.status === "loading"));
  redraw($("tools"), tools(app));
  const grid = $("grid");
  grid.classList.toggle("waiting", app.status === "loading" && Boolean(app.answer));
  const heading = $("results-title");
  if (app.status === "error") redraw(grid, [], [heading]);
  else if (app.status === "loading" && !app.answer) redraw(grid, skeletons(), [heading]);
  else if (app.answer && app.status === "ready") redraw(grid, app.answer.hits.map((hit, at) => hitCard(app, hit, at + 1)), [heading]);
  redraw($("notice"), notice(app), [heading]);
  redraw($("more"), more(app), [heading]);
}

function title(app) {
  if (app.status === "error") return t("error.title");
  if (!app.answer) return t("results.loading");
  const { hits, considered } = app.answer;
  return t(app.query.where ? "results.filtered" : "results.count", { n: hits.length, of: considered });
}

/** Whether every item was compared, or what share of the true hits such a search was measured to find. */
function how(answer) {
  if (answer.exact) return t("results.exact");
  return answer.recall === null ? t("results.approximate") : t("results.recall", { recall: number(answer.recall, 3) });
}

const skeletons = () => Array.from({ length: SKELETONS }, () => h("li", { class: "hit skeleton", "aria-hidden": "true" }, h("div", { class: "frame" }), h("i"), h("i")));

/** Attributes whose regions can be shown: first those asked for. */
export function mappable(app) {
  if (!app.facts.attends) return [];
  const first = offered(asked(app.query).filter((name) => app.facts.attributes.includes(name)));
  return [...new Set([...first, ...offered(app.facts.attributes)])];
}

function tools(app) {
  if (!app.answer) return [];
  return [mapHolder(app), diverseTool(app), compareTool(app)];
}

/** The switch for regions in a holder of its own: there may be one on the page and one in a window. */
export function mapHolder(app) {
  return h("div", { class: "map-holder" }, mapTool(app));
}

/** Draw every such switch again, after one of them was used. */
export function redrawMaps(app) {
  for (const holder of document.querySelectorAll(".map-holder")) redraw(holder, mapTool(app), ["map-toggle"]);
}

function mapTool(app) {
  const names = mappable(app);
  if (!names.length) return h("p", { class: "soft small" }, t("map.none"));
  const select = h(
    "select",
    { "aria-label": t("map.attribute"), data: { focus: "map" }, onchange: () => app.showMap(select.value) },
    names.map((name) => h("option", { value: name, selected: name === app.map }, spoken(name))),
  );
  return h(
    "div",
    { class: "tool" },
    h(
      "button",
      { type: "button", class: "button", "aria-pressed": String(Boolean(app.map)), data: { focus: "map-toggle" }, onclick: () => app.showMap(app.map ? "" : names[0]) },
      icon("region"),
      t("map.toggle"),
    ),
    app.map ? select : null,
  );
}

function diverseTool(app) {
  const act = () => app.change({ ...app.query, diverse: !app.query.diverse });
  return h(
    "label",
    { class: "tool check" },
    h("input", { type: "checkbox", checked: app.query.diverse, data: { focus: "diverse" }, onchange: act }),
    h("span", {}, t("results.diverse")),
  );
}

function compareTool(app) {
  const n = app.compare.length;
  if (!n) return null;
  return h(
    "button",
    { type: "button", class: "button", "aria-disabled": String(n < 2), data: { focus: "compare" }, onclick: () => n >= 2 && app.showCompare() },
    icon("compare"),
    t("compare.open", { n }),
  );
}

/** What the server says of the query beside its hits: a text that no item seems to fit. */
const said = (notes) => (notes.length ? h("div", { class: "notice", role: "status" }, notes.map((note) => h("p", {}, note))) : []);

/** Instead of a grid: why there is none, and what can be done about it. */
function notice(app) {
  if (app.status === "error") {
    return h(
      "div",
      { class: "empty" },
      h("p", {}, app.error),
      app.gone
        ? h("button", { type: "button", class: "button", data: { focus: "again" }, onclick: () => app.pick(app.gone) }, t("photo.replace"))
        : h("button", { type: "button", class: "button", data: { focus: "again" }, onclick: () => app.ask() }, t("error.again")),
    );
  }
  if (app.status !== "ready" || !app.answer) return [];
  if (app.answer.hits.length) return said(app.answer.notes ?? []);
  const clear = () => app.change({ ...app.query, where: "" });
  return h(
    "div",
    { class: "empty" },
    h("p", {}, t(app.query.where ? "empty.filtered" : "empty.catalogue")),
    app.query.where ? h("button", { type: "button", class: "button", data: { focus: "clear" }, onclick: clear }, t("empty.clear")) : null,
  );
}

function more(app) {
  if (app.status !== "ready" || !app.answer) return [];
  const full = app.answer.hits.length >= app.query.k && app.answer.considered > app.answer.hits.length;
  const next = Math.min(app.query.k + 24, app.facts.limits?.k ?? 200);
  if (!full || next <= app.query.k) return [];
  return h("button", { type: "button", class: "button", data: { focus: "more" }, onclick: () => app.change({ ...app.query, k: next }) }, t("results.more"));
}

