// Before anything is asked: some items of the catalogue to begin with, beside the place for a photo.

import { $, h, redraw } from "./dom.js";
import { getItems } from "./api.js";
import { itemReference, titleOf } from "./card.js";
import { picture } from "./picture.js";
import { begin } from "./query.js";
import { t } from "./words.js";

const SHOWN = 18;

export async function drawStart(app) {
  const list = $("beginnings");
  if (list.childElementCount) return;
  if (!app.facts.items) {
    redraw($("start-notice"), h("p", { class: "empty" }, t("empty.catalogue")));
    return;
  }
  await fill(app, list, 0);
}

/** Items from a place in the catalogue; the button goes on to others. */
async function fill(app, list, offset) {
  const { items, total } = await getItems(SHOWN, offset);
  redraw(list, items.map((item) => beginning(app, item)));
  const next = offset + SHOWN >= total ? 0 : offset + SHOWN;
  const others = h("button", { type: "button", class: "link", data: { focus: "others" }, onclick: () => fill(app, list, next) }, t("start.others"));
  redraw($("start-others"), total > SHOWN ? others : []);
}

function beginning(app, item) {
  const title = titleOf(item.item, item.metadata);
  const reference = itemReference(item.item);
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: "open", "aria-label": t("start.item", { name: title }), data: { focus: `begin:${item.item}` }, onclick: () => app.change(begin(app.query, reference), { restart: true }) },
      picture(app, reference, item.thumb, ""),
    ),
  );
}
