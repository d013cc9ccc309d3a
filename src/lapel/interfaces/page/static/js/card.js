// One item in the grid: picture, name, score, what each part added, and its details as buttons.

import { chip, offered, suggested } from "./chips.js";
import { h } from "./dom.js";
import { picture } from "./picture.js";
import { add, asked, begin } from "./query.js";
import { terms } from "./mix.js";
import { number, signed, spoken, t } from "./words.js";

const DETAILS = 4;
const TITLES = ["title", "name", "product_name", "product"];
export const itemReference = (item) => `item:${item}`;

/** What an item is called: its title column where there is one, else its id. */
export function titleOf(item, metadata = {}) {
  const column = TITLES.find((name) => typeof metadata[name] === "string" && metadata[name].trim());
  return column ? metadata[column] : item;
}

export function hitCard(app, hit, place) {
  const reference = itemReference(hit.item);
  const title = titleOf(hit.item, hit.metadata);
  const open = h(
    "button",
    {
      type: "button",
      class: "open",
      "aria-label": t("hit.open", { place, name: title, score: number(hit.score, 3) }),
      data: { focus: `open:${hit.item}` },
      onclick: () => app.open(hit.item),
    },
    picture(app, reference, hit.thumb, "", place > 8),
  );
  return h(
    "li",
    { class: "hit", data: { item: hit.item } },
    open,
    h(
      "div",
      { class: "hit-line" },
      h("span", { class: "hit-title", title }, title),
      h("span", { class: "score", title: t("hit.score") }, number(hit.score, 3)),
    ),
    contributions(app, hit),
    h("div", { class: "chips" }, details(app, hit, reference, title)),
    hit.folded?.length ? h("p", { class: "soft small" }, t("hit.folded", { n: hit.folded.length })) : null,
    actions(app, hit.item, reference, title),
  );
}

/** Each part's share of this hit's score as a thin bar and a number; what takes away is striped. */
export function contributions(app, hit) {
  const all = terms(app);
  const whole = hit.parts.reduce((sum, part) => sum + Math.abs(part.weight), 0) || 1;
  return h(
    "ul",
    { class: "parts", "aria-label": t("hit.parts") },
    hit.parts.map((part, at) => {
      const added = part.weight * part.cosine;
      const term = all[at];
      const name = spoken(part.attribute);
      return h(
        "li",
        { style: { "--tone": term?.tone ?? "var(--ink)" }, title: t("hit.part", { weight: number(part.weight), cosine: number(part.cosine, 3) }) },
        h("span", { class: "part-name" }, term?.letter ? h("b", {}, term.letter) : null, ` ${part.weight < 0 ? `${t("mix.not")} ` : ""}${name}`),
        h("span", { class: "part-added" }, signed(added)),
        h("span", { class: "track" }, h("i", { class: added < 0 ? "away" : "", style: { width: `${(100 * Math.abs(added)) / whole}%` } })),
      );
    }),
  );
}

/** The details that were asked for, then those worth suggesting. */
function details(app, hit, reference, title) {
  const wanted = asked(app.query).filter((name) => app.facts.attributes.includes(name));
  const names = [...new Set([...offered(wanted), ...suggested(app.facts.attributes, hit.values)])];
  const count = Math.max(DETAILS, Math.min(wanted.length, DETAILS + 2));
  return detailChips(app, names.slice(0, count), hit.values, reference, title, hit.item);
}

/** Buttons that make this item the reference for one attribute each. */
export function detailChips(app, names, values, reference, title, item) {
  const mine = app.query.parts.find((part) => part.reference === reference && !part.unlike && !part.text)?.weights ?? {};
  const act = (name) => app.takeFrom(reference, name);
  return names.map((name) => chip(name, values[name], { pressed: name in mine, focus: `use:${item}:${name}`, act, from: title }));
}

/** Buttons that are the same on the card and in the item's own window. */
export function actions(app, item, reference, title) {
  const action = (name, act, pressed) =>
    h(
      "button",
      { type: "button", class: "link", "aria-pressed": pressed === undefined ? null : String(pressed), "aria-label": t(`hit.${name}Label`, { name: title }), data: { focus: `${name}:${item}` }, onclick: act },
      t(`hit.${name}`),
    );
  return h(
    "div",
    { class: "actions" },
    action("like", () => app.change(begin(app.query, reference), { restart: true })),
    app.query.parts.length ? action("unlike", () => app.change(add(app.query, reference, true))) : null,
    app.query.parts.length ? action("compare", () => app.toggleCompare(item), app.compare.includes(item)) : null,
  );
}

