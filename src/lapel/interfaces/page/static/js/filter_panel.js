// Filter widgets made from the catalogue's own columns, and from what the model predicts.

import { offered } from "./chips.js";
import { h, redraw } from "./dom.js";
import { filterValue, shown } from "./filter_words.js";
import { fromWhere, put, toWhere } from "./filters.js";
import { percent, plain, spoken, t } from "./words.js";

const FEW = 60, CONFIDENCE = 0.6, OPEN_COLUMNS = 8;
const CHECKED = "input:checked";

export function drawFilters(app, container) {
  const filters = fromWhere(app.query.where);
  const change = (filter) => app.change({ ...app.query, where: toWhere(put(filters, filter)) });
  const columns = offered(app.facts.columns.map((column) => column.name))
    .map((name) => app.facts.columns.find((column) => column.name === name))
    .map((column) => columnFilter(column, filters, change))
    .filter(Boolean);
  const rest = columns.length > OPEN_COLUMNS + 2 ? columns.splice(OPEN_COLUMNS) : [];
  const predicted = app.facts.predicts
    ? offered(app.facts.attributes).map((name) => seenFilter(name, app.facts.values[name] ?? [], filters, change))
    : [];
  redraw(container, [
    columns.length ? columns : h("p", { class: "soft small" }, t("filters.none")),
    rest.length ? group("columns", t("filters.more", { n: rest.length }), rest) : null,
    predicted.length ? group("seen", t("filters.seen"), [h("p", { class: "soft small" }, t("filters.seenHint")), ...predicted]) : null,
  ]);
}

function group(name, title, children) {
  return h("details", { class: "filter-group", data: { open: `group:${name}` } }, h("summary", { data: { focus: `group:${name}` } }, title), children);
}

/** One folded filter: its name, what it is set to, and its widget. */
function folded(key, name, current, widget) {
  return h(
    "details",
    { class: "filter", data: { open: key } },
    h("summary", { data: { focus: key } }, h("span", {}, name), current ? h("span", { class: "current" }, filterValue(current)) : null),
    widget,
  );
}

function columnFilter(column, filters, change) {
  const current = filters.find((one) => one.column === column.name && one.kind !== "seen" && one.kind !== "raw");
  const key = `column:${column.name}`;
  let widget = null;
  if (column.type === "integer" || column.type === "number") {
    if (column.least === null || column.least === column.greatest) return null;
    widget = range(column, current, change);
  } else if (column.values?.length && column.distinct <= FEW) {
    if (column.distinct < 2) return null;
    widget = choices(key, column.name, column.values, current?.values ?? [], (values) => change({ column: column.name, kind: "choice", values }));
  } else widget = text(column, current, change);
  return folded(key, spoken(column.name), current, widget);
}

function seenFilter(name, values, filters, change) {
  const current = filters.find((one) => one.column === name && one.kind === "seen");
  const key = `seen:${name}`;
  const confidence = current?.confidence ?? CONFIDENCE;
  const set = (chosen, sure) => change({ column: name, kind: "seen", values: chosen, confidence: sure });
  const shownSure = h("output", {}, percent(confidence));
  const slider = h("input", {
    type: "range",
    min: "0.3",
    max: "0.95",
    step: "0.05",
    value: String(confidence),
    "aria-label": t("filters.confidence", { name: spoken(name) }),
    "aria-valuetext": percent(confidence),
    data: { focus: `${key}:confidence` },
    oninput: () => {
      shownSure.textContent = percent(slider.value);
      slider.setAttribute("aria-valuetext", percent(slider.value));
    },
    onchange: () => current && set(current.values, Number(slider.value)),
  });
  const box = choices(key, name, values.map((value) => ({ value })), current?.values ?? [], (chosen) => set(chosen, Number(slider.value)));
  box.append(h("label", { class: "confidence" }, h("span", {}, t("filters.sure")), slider, shownSure));
  return folded(key, spoken(name), current, box);
}

function choices(key, name, values, chosen, set) {
  const box = h("fieldset", { class: "choices" }, h("legend", { class: "unseen" }, spoken(name)));
  const act = () => set([...box.querySelectorAll(CHECKED)].map((input) => values[Number(input.value)].value));
  values.forEach(({ value, items }, at) =>
    box.append(
      h(
        "label",
        {},
        h("input", { type: "checkbox", value: String(at), checked: chosen.includes(value), data: { focus: `${key}=${value}` }, onchange: act }),
        h("span", {}, shown(name, value)),
        items === undefined ? null : h("span", { class: "count" }, items.toLocaleString()),
      ),
    ),
  );
  return box;
}

function range(column, current, change) {
  const end = (side, hint) => {
    const input = h("input", {
      type: "number",
      step: column.type === "integer" ? "1" : "any",
      placeholder: plain(hint),
      value: current?.[side] ?? "",
      "aria-label": t(side === "low" ? "filters.low" : "filters.high", { name: spoken(column.name) }),
      data: { focus: `column:${column.name}:${side}`, side },
      onchange: () => act(),
    });
    return input;
  };
  const low = end("low", column.least), high = end("high", column.greatest);
  const read = (input) => (input.value === "" ? null : Number(input.value));
  const act = () => change({ column: column.name, kind: "range", low: read(low), high: read(high) });
  return h("div", { class: "range" }, low, h("span", { class: "soft", "aria-hidden": "true" }, t("filters.to")), high);
}

function text(column, current, change) {
  const input = h("input", {
    type: "search",
    value: current?.text ?? "",
    placeholder: t("filters.containsHint"),
    "aria-label": t("filters.contains", { name: spoken(column.name) }),
    data: { focus: `column:${column.name}:text` },
    onchange: () => change({ column: column.name, kind: "text", text: input.value }),
  });
  return h("div", { class: "range" }, input);
}

