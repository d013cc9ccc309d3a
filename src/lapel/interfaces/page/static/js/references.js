// The query panel: each reference with its picture, the details taken from it with their weights, and what else is seen.

import { chip, seen, suggested } from "./chips.js";
import { h, icon, redraw } from "./dom.js";
import { picture } from "./picture.js";
import { COMPOSED, LOOK, drop, partKey, references, remove, share, take, turn, weigh } from "./query.js";
import { percent, spoken, t } from "./words.js";

const MANY = 8, FEW = 3;

/** A, B, C, ... for the references of a query, in order. */
export const letter = (query, reference) => String.fromCharCode(65 + (references(query).indexOf(reference) % 26));

/** The CSS tone of a reference: the same wherever the page speaks of it. */
export const tone = (query, reference) => `var(--tone-${references(query).indexOf(reference) % 5})`;

/** The panel's references, and, for a narrow page where the panel is folded, their pictures alone. */
export function drawReferences(app, container, strip) {
  const names = references(app.query);
  redraw(container, names.map((reference) => one(app, reference)), [document.getElementById("add-photo")]);
  strip.replaceChildren(
    ...names.filter((reference) => !app.known.get(reference)?.gone && app.known.thumbOf(reference)).map((reference) =>
      h("div", { class: "strip-one", style: { "--tone": tone(app.query, reference) } }, h("img", { src: app.known.thumbOf(reference), alt: "" }), h("span", { class: "letter" }, letter(app.query, reference))),
    ),
  );
}

function one(app, reference) {
  const known = app.known.get(reference);
  const name = app.known.nameOf(reference);
  const parts = app.query.parts.filter((part) => part.reference === reference);
  const mark = letter(app.query, reference);
  const frame = known?.gone
    ? h("div", { class: "frame gone" })
    : picture(app, reference, app.known.thumbOf(reference), t("reference.alt", { letter: mark, name }));
  return h(
    "li",
    { class: `reference${parts.every((part) => part.unlike) ? " unlike" : ""}`, style: { "--tone": tone(app.query, reference) } },
    frame,
    h(
      "div",
      { class: "reference-head" },
      h("h3", {}, h("span", { class: "letter" }, mark), h("span", { class: "reference-name", title: name }, name)),
      h(
        "button",
        {
          type: "button",
          class: "plain",
          "aria-label": t("reference.remove", { letter: mark, name }),
          data: { focus: `drop:${reference}` },
          onclick: () => app.change(drop(app.query, reference)),
        },
        icon("close"),
      ),
    ),
    h("div", { class: "wishes-all" }, parts.map((part) => wishes(app, part, mark, known?.values ?? {}))),
    known?.gone ? gone(app, reference, known.gone) : more(app, reference, mark, known?.values ?? {}),
  );
}

/** The photo is no longer on the server: say so, and offer to put another in its place. */
function gone(app, reference, sentence) {
  return h(
    "div",
    { class: "notice", role: "alert" },
    h("p", {}, sentence),
    h("button", { type: "button", class: "button", data: { focus: `swap:${reference}` }, onclick: () => app.pick(reference) }, t("photo.replace")),
  );
}

function wishes(app, part, mark, values) {
  const key = partKey(part);
  const rows = Object.entries(part.weights).map(([attribute, weight]) => wish(app, part, mark, attribute, weight, values));
  const label = t(part.unlike ? "part.like" : "part.unlike");
  return h(
    "div",
    { class: "wishes" },
    h(
      "div",
      { class: "wishes-head" },
      h("span", { class: "eyebrow" }, t(part.unlike ? "part.unlikeTitle" : "part.likeTitle")),
      h("button", { type: "button", class: "link", data: { focus: `turn:${key}` }, onclick: () => app.change(turn(app.query, key)) }, label),
    ),
    h("ul", { class: "wish-list" }, rows),
  );
}

function wish(app, part, mark, attribute, weight, values) {
  const key = partKey(part);
  const what = attribute === COMPOSED ? `“${part.text}”` : seen(attribute, values[attribute]);
  const shown = h("output", { class: "share" }, percent(share(app.query, weight)));
  const slider = h("input", {
    type: "range",
    min: "0.05",
    max: "1",
    step: "0.05",
    value: String(weight),
    "aria-label": t("weight.label", { what, letter: mark }),
    "aria-valuetext": percent(share(app.query, weight)),
    data: { focus: `weigh:${key}:${attribute}`, attribute },
    oninput: () => app.weighing(weigh(app.query, key, attribute, Number(slider.value)), slider),
    onchange: () => app.weighed(),
  });
  slider.dataset.weight = "";
  const off = () => app.change(remove(app.query, key, attribute));
  return h(
    "li",
    { class: "wish" },
    h("span", { class: "wish-name" }, attribute === LOOK ? spoken(LOOK) : what),
    slider,
    shown,
    h(
      "button",
      { type: "button", class: "plain", "aria-label": t("part.remove", { what, letter: mark }), data: { focus: `off:${key}:${attribute}` }, onclick: off },
      icon("close"),
    ),
  );
}

/** The percentages beside all sliders, while one of them is being moved. */
export function redrawShares(app, container) {
  const weights = app.query.parts.filter((part) => part.reference).flatMap((part) => Object.values(part.weights));
  const ordered = references(app.query).flatMap((reference) =>
    app.query.parts.filter((part) => part.reference === reference).flatMap((part) => Object.values(part.weights)),
  );
  if (weights.length !== ordered.length) return;
  container.querySelectorAll(".wish").forEach((row, at) => {
    const text = percent(share(app.query, ordered[at]));
    row.querySelector("output").textContent = text;
    row.querySelector("input").setAttribute("aria-valuetext", text);
  });
}

/** Chips of everything else that the model sees on this reference. */
function more(app, reference, mark, values) {
  const wished = app.query.parts.find((part) => part.reference === reference && !part.unlike && !part.text)?.weights ?? {};
  const names = suggested(app.facts.attributes, values).filter((name) => !(name in wished));
  if (!(LOOK in wished)) names.push(LOOK);
  if (!names.length) return null;
  const act = (name) => app.change(take(app.query, reference, name));
  const made = names.map((name) => chip(name, values[name], { focus: `take:${reference}:${name}`, act, from: mark }));
  const rest = made.splice(references(app.query).length > 1 ? FEW : MANY);
  return h(
    "div",
    { class: "suggestions" },
    h("p", { class: "eyebrow" }, t(Object.keys(values).length ? "reference.seen" : "reference.details")),
    h("div", { class: "chips" }, made),
    rest.length
      ? h(
          "details",
          { data: { open: `more:${reference}` } },
          h("summary", { data: { focus: `more:${reference}` } }, t("reference.more", { n: rest.length })),
          h("div", { class: "chips" }, rest),
        )
      : null,
  );
}
