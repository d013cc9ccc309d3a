// The mix: every part of the query with its share, each removable, and one bar that shows the shares side by side.

import { seen } from "./chips.js";
import { h, icon, redraw } from "./dom.js";
import { COMPOSED, LOOK, WORDS, partKey, remove, share } from "./query.js";
import { letter, tone } from "./references.js";
import { fromWhere, toWhere } from "./filters.js";
import { percent, spoken, t } from "./words.js";
import { filterWords } from "./filter_words.js";

const WORD_TONE = "var(--tone-words)";

/** Every term of the query: { part, attribute, share, name, letter, tone }. */
export function terms(app) {
  return app.query.parts.flatMap((part) =>
    Object.entries(part.weights).map(([attribute, weight]) => ({
      part,
      attribute,
      share: share(app.query, weight),
      name: termName(app, part, attribute),
      letter: part.reference ? letter(app.query, part.reference) : "",
      tone: part.reference ? tone(app.query, part.reference) : WORD_TONE,
    })),
  );
}

function termName(app, part, attribute) {
  if (attribute === WORDS || attribute === COMPOSED) return `“${part.text}”`;
  if (attribute === LOOK) return spoken(LOOK);
  return seen(attribute, app.known.get(part.reference)?.values?.[attribute]);
}

export function drawMix(app, container) {
  const all = terms(app);
  const whole = all.reduce((sum, term) => sum + term.share, 0) || 1;
  const bar = h(
    "div",
    { class: "mix-bar", "aria-hidden": "true" },
    all.map((term) =>
      h("i", { class: term.part.unlike ? "away" : "", style: { "--tone": term.tone, "flex-grow": String(term.share / whole) } }),
    ),
  );
  const filters = fromWhere(app.query.where);
  redraw(
    container,
    [
      all.length > 1 ? bar : null,
      h("ul", { class: "pills", "aria-label": t("mix.title") }, all.map((term) => pill(app, term)), filters.map((filter) => filterPill(app, filters, filter))),
    ],
    [document.getElementById("results-title")],
  );
}

function pill(app, term) {
  const what = `${term.part.unlike ? `${t("mix.not")} ` : ""}${term.name}`;
  const key = partKey(term.part);
  return h(
    "li",
    { class: `pill${term.part.unlike ? " away" : ""}`, style: { "--tone": term.tone } },
    term.letter ? h("span", { class: "letter" }, term.letter) : null,
    h("span", { class: "pill-name" }, what),
    h("span", { class: "pill-share" }, percent(term.share)),
    h(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-label": t("part.remove", { what, letter: term.letter }),
        data: { focus: `pill:${key}:${term.attribute}` },
        onclick: () => app.change(remove(app.query, key, term.attribute)),
      },
      icon("close"),
    ),
  );
}

function filterPill(app, filters, filter) {
  const what = filterWords(filter);
  const off = () => app.change({ ...app.query, where: toWhere(filters.filter((one) => one !== filter)) });
  return h(
    "li",
    { class: "pill filter" },
    h("span", { class: "pill-name" }, what),
    h(
      "button",
      { type: "button", class: "plain", "aria-label": t("filter.remove", { what }), data: { focus: `filter:${filter.column ?? filter.text}` }, onclick: off },
      icon("close"),
    ),
  );
}
