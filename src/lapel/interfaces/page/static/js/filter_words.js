// A filter as people read it.

import { percent, plain, spoken, spokenValue, t } from "./words.js";

const list = (filter) => filter.values.map((value) => shown(filter.column, value)).join(t("filter.or"));

/** A cell's value in the page's language. */
export function shown(column, value) {
  if (value === true) return t("value.yes");
  if (value === false) return t("value.no");
  return typeof value === "number" ? plain(value) : spokenValue(column, value);
}

/** What a filter is set to, without its column's name. */
export function filterValue(filter) {
  if (filter.kind === "text") return t("filter.containsValue", { text: filter.text });
  if (filter.kind === "choice") return list(filter);
  if (filter.kind === "seen") return t("filter.seenValue", { values: list(filter), share: percent(filter.confidence) });
  return rangeWords("", filter).trim();
}

function rangeWords(name, filter) {
  const [low, high] = [filter.low, filter.high].map((end) => (end === null || end === undefined ? "" : plain(end)));
  if (low && high) return t("filter.between", { name, low, high });
  return t(low ? "filter.from" : "filter.to", { name, low, high });
}

/** A whole filter as people read it. */
export function filterWords(filter) {
  const name = filter.column === undefined ? "" : spoken(filter.column);
  if (filter.kind === "raw") return filter.text;
  if (filter.kind === "text") return t("filter.contains", { name, text: filter.text });
  if (filter.kind === "choice") return t("filter.is", { name, values: list(filter) });
  if (filter.kind === "seen") return t("filter.seen", { name, values: list(filter), share: percent(filter.confidence) });
  return rangeWords(name, filter);
}
