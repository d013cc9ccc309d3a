// Windows over the page: one item, several items side by side, and what the model is.

import { offered, suggested } from "./chips.js";
import { $, h, icon, redraw } from "./dom.js";
import { actions, contributions, detailChips, itemReference, titleOf } from "./card.js";
import { shown } from "./filter_words.js";
import { picture } from "./picture.js";
import { references } from "./query.js";
import { letter, tone } from "./references.js";
import { mapHolder } from "./results.js";
import { number, percent, spoken, spokenValue, t } from "./words.js";

/** Show a window; closing it by Escape, its button or the back button calls `closed`. */
export function show(dialog, title, body, closed) {
  const close = h("button", { type: "button", class: "plain", "aria-label": t("dialog.close"), data: { focus: "close" }, onclick: () => dialog.close() }, icon("close"));
  redraw(dialog, [h("div", { class: "dialog-head" }, h("h2", { id: `${dialog.id}-title`, tabIndex: -1, autofocus: true }, title), close), h("div", { class: "dialog-body" }, body)], [dialog.id]);
  dialog.setAttribute("aria-labelledby", `${dialog.id}-title`);
  dialog.onclose = closed;
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  if (!dialog.open) dialog.showModal();
}

/** One item: its details as buttons, its columns, and what each part added when it is a hit. */
export function drawItem(app, item) {
  const reference = itemReference(item.item);
  const title = titleOf(item.item, item.metadata);
  const hit = app.answer?.hits.find((one) => one.item === item.item);
  const names = suggested(app.facts.attributes, item.values);
  const body = [
    h("div", { class: "item-picture" }, picture(app, reference, item.image, t("item.alt", { name: title })), mapHolder(app)),
    h(
      "div",
      { class: "item-facts" },
      hit ? h("p", { class: "item-score" }, t("item.score"), " ", h("b", { class: "score" }, number(hit.score, 3))) : null,
      hit ? contributions(app, hit) : null,
      h("p", { class: "eyebrow" }, t("item.use")),
      h("div", { class: "chips" }, detailChips(app, names, item.values, reference, title, item.item)),
      actions(app, item.item, reference, title),
      columns(item),
    ),
  ];
  show($("item"), title, body, () => app.opened());
}

function columns(item) {
  const entries = Object.entries(item.metadata).filter(([name]) => offered([name]).length);
  return h(
    "dl",
    { class: "columns" },
    h("dt", {}, t("item.id")),
    h("dd", {}, item.item),
    entries.map(([name, value]) => [h("dt", {}, spoken(name)), h("dd", {}, shown(name, value))]),
  );
}

/** Two or more items beside the query's other references: pictures, scores, contributions, values; what differs stands out. */
export function drawCompare(app, items) {
  const chosen = new Set(items.map((item) => itemReference(item.item)));
  const others = references(app.query).filter((reference) => !chosen.has(reference) && app.known.has(reference) && !app.known.get(reference).gone);
  const hits = items.map((item) => app.answer?.hits.find((hit) => hit.item === item.item));
  const values = [...others.map((reference) => app.known.get(reference).values ?? {}), ...items.map((item) => item.values)];
  const blank = () => others.map(() => h("td", {}));
  const rows = [
    hits.some(Boolean) ? row(t("item.score"), [...blank(), ...hits.map((hit) => h("td", { class: "score" }, hit ? number(hit.score, 3) : ""))]) : null,
    hits.some(Boolean) ? row(t("hit.parts"), [...blank(), ...hits.map((hit) => h("td", {}, hit ? contributions(app, hit) : ""))]) : null,
    ...offered(app.facts.attributes).filter((name) => values.some((one) => one[name])).map((name) => valueRow(name, values, others.length)),
    ...columnRows(items, blank),
  ];
  const head = h("tr", {}, h("td", {}), others.map((reference) => column(app, reference)), items.map((item) => column(app, itemReference(item.item), item)));
  const table = h("table", { style: { "--columns": String(values.length) } }, h("thead", {}, head), h("tbody", {}, rows));
  const scroll = h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": t("compare.title") }, table);
  show($("compare"), t("compare.title"), [mapHolder(app), scroll], () => app.compared());
}

function column(app, reference, item) {
  const name = item ? titleOf(item.item, item.metadata) : app.known.nameOf(reference);
  const asked = references(app.query).includes(reference);
  const remove = { type: "button", class: "link", "aria-label": t("compare.removeLabel", { name }), data: { focus: `uncompare:${reference}` }, onclick: () => app.toggleCompare(item.item) };
  return h(
    "th",
    { scope: "col", style: asked ? { "--tone": tone(app.query, reference) } : {} },
    picture(app, reference, item?.image ?? app.known.thumbOf(reference), ""),
    h("span", { class: "column-name" }, asked ? h("span", { class: "letter" }, letter(app.query, reference)) : null, h("span", {}, name)),
    item ? h("button", remove, t("compare.remove")) : null,
  );
}

const row = (name, cells, differs = false) => h("tr", { class: differs ? "differs" : "" }, h("th", { scope: "row" }, name), cells);

function valueRow(name, all, others) {
  const values = all.map((one) => one[name]);
  const differs = new Set(values.slice(others).map((value) => value?.value)).size > 1;
  const cells = values.map((value) =>
    h("td", {}, value ? [h("span", { class: "value" }, spokenValue(name, value.value)), " ", h("span", { class: "soft" }, percent(value.probability))] : ""),
  );
  return row(spoken(name), cells, differs);
}

function columnRows(items, blank) {
  const names = [...new Set(items.flatMap((item) => Object.keys(item.metadata)))].filter((name) => offered([name]).length);
  return names.map((name) => {
    const values = items.map((item) => item.metadata[name]);
    const cells = values.map((value) => h("td", {}, value === undefined ? "" : shown(name, value)));
    return row(spoken(name), [...blank(), ...cells], new Set(values).size > 1);
  });
}

/** What the model is, learnt from, under which terms, and how well it tells each attribute. */
export function drawAbout(app) {
  const card = app.facts.card;
  const scores = Object.entries(card.scores?.attributes ?? {}).filter(([name]) => offered([name]).length);
  const body = [
    h("p", {}, t("about.model", { name: card.name, system: card.system, backbone: card.backbone, licence: card.licence, fingerprint: card.fingerprint })),
    card.notes ? h("p", { class: "soft" }, card.notes) : null,
    h("h3", {}, t("about.data")),
    h("ul", { class: "plain-list" }, (card.learnt_from ?? []).map((set) => h("li", {}, h("b", {}, set.name), set.items ? ` ${t("about.photos", { n: set.items })}` : "", h("br"), h("span", { class: "soft" }, set.terms ?? "")))),
    card.pretrained ? h("p", { class: "soft small" }, t("about.pretrained", { what: card.pretrained })) : null,
    scores.length ? h("h3", {}, t("about.scores")) : null,
    scores.length ? h("p", { class: "soft small" }, t("about.protocol", { protocol: card.scores.protocol ?? "", data: card.scores.data ?? "" })) : null,
    scores.length ? scoreTable(scores) : null,
  ];
  show($("about"), t("about.title"), h("div", { class: "prose" }, body), () => {});
}

function scoreTable(scores) {
  const cell = (text) => h("td", {}, text);
  const head = ["about.attribute", "about.map", "about.interval", "about.chance", "about.queries"].map((key) => h("th", { scope: "col" }, t(key)));
  const rows = scores.map(([name, score]) =>
    h("tr", {}, h("th", { scope: "row" }, spoken(name)), cell(number(score.map, 1)), cell(`${number(score.low, 1)}–${number(score.high, 1)}`), cell(number(score.chance, 1)), cell(score.queries.toLocaleString())),
  );
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": t("about.scores") }, h("table", { class: "figures" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}
