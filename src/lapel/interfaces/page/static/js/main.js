// Start: words, what the server holds, then whatever the address asks for.

import { Problem, getFacts, setToken } from "./api.js";
import { App } from "./app.js";
import { offered } from "./chips.js";
import { drawAbout, drawCompare, drawItem } from "./dialogs.js";
import { $, h, icon, redraw } from "./dom.js";
import { drawFilters } from "./filter_panel.js";
import { fromWhere } from "./filters.js";
import { walk } from "./keys.js";
import { drawMix } from "./mix.js";
import { listen } from "./photos.js";
import { changeable, say as sayWords, wordsOf } from "./query.js";
import { drawReferences, redrawShares } from "./references.js";
import { drawResults, redrawMaps } from "./results.js";
import { drawStart } from "./start.js";
import { fillWords, loadWords, t } from "./words.js";

/** What the page needs of the server's answer, under the page's own names. */
function facts(told) {
  return {
    items: told.items,
    attributes: told.attributes.map((attribute) => attribute.name),
    values: Object.fromEntries(told.attributes.map((attribute) => [attribute.name, attribute.values])),
    columns: told.columns,
    words: told.words,
    composed: told.composed,
    limits: told.limits,
    card: told.model,
    attends: told.model.attends,
    predicts: told.model.values_fitted,
  };
}

const views = {
  all(app) {
    const asking = app.status !== "start";
    $("start").hidden = asking;
    $("search").hidden = !asking;
    $("afresh").hidden = !asking;
    document.title = asking ? t("title.search") : t("title.start");
    if (!asking) {
      drawStart(app).catch((error) => views.complain(error.message));
      return;
    }
    drawReferences(app, $("references"), $("strip"));
    drawFilters(app, $("filters"));
    drawMix(app, $("mix"));
    drawWords(app);
    drawResults(app);
    const set = fromWhere(app.query.where).length;
    $("filters-title").textContent = set ? t("filters.count", { n: set }) : t("filters.title");
  },
  shares(app) {
    redrawShares(app, $("references"));
    drawMix(app, $("mix"));
  },
  maps: redrawMaps,
  item: drawItem,
  compare: drawCompare,
  close: (name) => $(name).open && $(name).close(),
  say: (sentence) => ($("live").textContent = sentence),
  top: () => {
    window.scrollTo({ top: 0 });
    $("results-title").focus({ preventScroll: true });
  },
  uploading: (on) => {
    document.body.classList.toggle("uploading", on);
    if (on) views.say(t("photo.sending"));
  },
  complain(sentence) {
    const close = h("button", { type: "button", class: "plain", "aria-label": t("dialog.close"), onclick: () => $("toast").replaceChildren() }, icon("close"));
    $("toast").replaceChildren(h("p", {}, sentence), close);
  },
  pick: () => {},
};

function drawWords(app) {
  const able = app.facts.words || app.facts.composed;
  const field = $("words-field");
  field.disabled = !able;
  field.placeholder = able ? t("words.hint") : "";
  if (document.activeElement !== field) field.value = wordsOf(app.query);
  $("words-why").textContent = able ? "" : t("words.none");
  field.setAttribute("aria-describedby", "words-why");
}

function drawFoot(app) {
  const { card } = app.facts;
  $("foot-model").textContent = t("foot.model", { name: card.name, origin: card.origin });
  $("foot-data").textContent = card.learnt_from.length
    ? t("foot.data", { sets: card.learnt_from.map((set) => set.terms || set.name).join("; ") })
    : t("foot.unknown");
  $("catalogue").textContent = t("top.catalogue", { n: app.facts.items, attributes: offered(app.facts.attributes).length });
}

function listenToControls(app) {
  for (const name of ["drop", "add-photo"]) $(name).addEventListener("click", () => app.pick());
  redraw($("add-photo"), [icon("plus"), t("photo.add")]);
  $("about-open").addEventListener("click", () => drawAbout(app));
  const submit = (event) => {
    event.preventDefault();
    const text = $("words-field").value;
    const { words, composed } = app.facts;
    const first = app.query.parts.find((part) => part.reference && !part.unlike)?.reference ?? "";
    const changed = (composed && changeable(app.query)) || (words ? "" : first);
    if (text.trim() !== wordsOf(app.query)) app.change(sayWords(app.query, text, changed));
  };
  $("words").addEventListener("submit", submit);
  $("words-field").addEventListener("change", submit);
  const fold = (open) => {
    $("panel").classList.toggle("unfolded", open);
    $("fold").setAttribute("aria-expanded", String(open));
    $("fold").textContent = t(open ? "panel.fold" : "panel.unfold");
  };
  fold(false);
  $("fold").addEventListener("click", () => fold(!$("panel").classList.contains("unfolded")));
  walk($("grid"));
  walk($("beginnings"));
  window.addEventListener("popstate", () => app.go());
}

/** A server that asks for a token: the page asks the reader for it, once a session. */
function askToken() {
  const field = h("input", { type: "password", id: "token", autocomplete: "off" });
  const send = (event) => {
    event.preventDefault();
    setToken(field.value);
    location.reload();
  };
  const form = h("form", { class: "empty", onsubmit: send }, h("label", { for: "token" }, t("token.label")), field, h("button", { class: "button", type: "submit" }, t("token.send")));
  document.querySelector("main").replaceChildren(form);
  field.focus();
}

/** Nothing can be shown: say why, and offer to try again. */
function stopped(error) {
  if (!(error instanceof Problem)) console.error(error);
  const again = h("button", { type: "button", class: "button", onclick: () => location.reload() }, t("error.again"));
  const sentence = error instanceof Problem ? error.message : t("error.page");
  document.querySelector("main").replaceChildren(h("div", { class: "empty", role: "alert" }, h("h1", {}, t("error.title")), h("p", {}, sentence), again));
}

async function main() {
  await loadWords();
  fillWords();
  try {
    const app = new App(facts(await getFacts()), views);
    const pick = listen((files, replaces) => app.take(files, replaces));
    views.pick = pick;
    listenToControls(app);
    drawFoot(app);
    await app.go();
  } catch (error) {
    if (error.status === 401) askToken();
    else stopped(error);
  }
  document.body.classList.add("ready");
}

main();
