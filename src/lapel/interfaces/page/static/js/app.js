// The page's one state, and everything that may change it. Views draw from it; they never change it themselves.

import { Problem, getItem, search, sendPhoto } from "./api.js";
import { readAddress, writeAddress } from "./address.js";
import { titleOf } from "./card.js";
import { later } from "./dom.js";
import { EMPTY, add, askable, begin, references, swap, take, toJson } from "./query.js";
import { Known } from "./known.js";
import { showRegions } from "./picture.js";
import { number, spoken, t } from "./words.js";

const COMPARED = 4;

export class App {
  /** facts: what the server says of the catalogue. views: { all, shares, item, compare, say, pick }. */
  constructor(facts, views) {
    Object.assign(this, { facts, views, known: new Known(facts.attributes), answer: null, error: "", status: "start" });
    Object.assign(this, { query: EMPTY, map: "", compare: [], item: "", comparing: false, asking: null });
    this.askSoon = later(() => this.ask(), 160);
    this.learntRatio = false;
  }

  /** Read the address, on loading and on the browser's back and forward. */
  async go() {
    const place = readAddress(location.search);
    const before = JSON.stringify(toJson(this.query));
    Object.assign(this, { query: place.query ?? EMPTY, map: place.map, compare: place.compare });
    if (place.broken) this.views.say(t("error.link"));
    const same = this.answer && JSON.stringify(toJson(this.query)) === before;
    if (!same) await this.ask();
    else this.views.all(this);
    this.item = place.open;
    if (place.open) await this.open(place.open, false);
    else this.views.close("item");
    this.comparing = history.state?.window === "compare" && this.compare.length > 1;
    if (this.comparing) await this.drawCompared();
    else this.views.close("compare");
  }

  /** Write the address; push: as a new step for the back button. window: the step opens this window. */
  keep(push, window = "") {
    const address = writeAddress({ query: this.query, map: this.map, compare: this.compare, open: this.item }) || location.pathname;
    if (push && (window || address !== (location.search || location.pathname))) history.pushState({ window }, "", address);
    else history.replaceState({ window: push ? window : (history.state?.window ?? "") }, "", address);
  }

  /** A window was closed by its reader: the step that opened it is undone, where there is one. */
  closed(window) {
    if (history.state?.window === window) history.back();
    else this.keep(false);
  }

  /** Another query: into the address, then to the server. restart: other references altogether, so the page's top. */
  change(query, { restart = false } = {}) {
    this.query = query;
    this.item = "";
    this.comparing = false;
    this.views.close("item");
    this.views.close("compare");
    if (restart) this.compare = [];
    this.keep(true);
    const done = this.ask();
    if (restart) this.views.top();
    return done;
  }

  /** Take one detail from an item; everything else stays with the references it has. */
  takeFrom(reference, attribute) {
    this.views.say(t("live.taken", { what: spoken(attribute), name: this.known.nameOf(reference) }));
    return this.change(take(this.query, reference, attribute));
  }

  /** A slider is being moved: numbers follow at once, hits a little later, the address when it is let go. */
  weighing(query) {
    this.query = query;
    this.views.shares(this);
    this.askSoon();
  }

  weighed() {
    this.keep(true);
  }

  /** Ask the server; a later question puts an earlier one away. */
  async ask() {
    this.asking?.abort();
    if (!askable(this.query)) {
      Object.assign(this, { status: "start", answer: null, asking: null });
      this.views.all(this);
      return;
    }
    const mine = (this.asking = new AbortController());
    this.status = "loading";
    this.views.all(this);
    try {
      const [answer] = await Promise.all([search(toJson(this.query), mine.signal), this.known.learn(references(this.query))]);
      if (mine !== this.asking) return;
      Object.assign(this, { answer, status: "ready", error: "" });
      this.views.say(this.told());
    } catch (error) {
      if (error.name === "AbortError" || mine !== this.asking) return;
      await this.known.learn(references(this.query), true);
      if (mine !== this.asking) return;
      Object.assign(this, { status: "error", answer: null, error: this.failed(error) });
      this.views.say(this.error);
      if (!(error instanceof Problem)) console.error(error);
    }
    this.views.all(this);
  }

  /** The first reference that is no longer there, or undefined. */
  get gone() {
    return references(this.query).find((reference) => this.known.get(reference)?.gone);
  }

  /** The sentence for a failed search: a reference that has gone says it by itself, beside its own picture. */
  failed(error) {
    if (!(error instanceof Problem)) return t("error.page");
    return this.gone ? t("error.reference", { letter: String.fromCharCode(65 + references(this.query).indexOf(this.gone)) }) : error.message;
  }

  told() {
    const [first] = this.answer.hits;
    if (!first) return t("live.none");
    return t("live.found", { n: this.answer.hits.length, name: titleOf(first.item, first.metadata), score: number(first.score, 3) });
  }

  showMap(attribute) {
    this.map = attribute;
    this.keep(false);
    this.views.maps(this);
    showRegions(this);
    this.views.say(attribute ? t("live.map", { name: spoken(attribute) }) : t("live.mapOff"));
  }

  /** Photos from the reader's machine: the first replaces a reference, begins a query, or joins the one there is. */
  async take(files, replaces) {
    this.views.uploading(true);
    try {
      for (const file of files.slice(0, 4)) {
        const photo = await sendPhoto(file);
        this.known.set(photo.photo, { ...photo, name: file.name || t("photo.name") });
        if (replaces) this.query = swap(this.query, replaces, photo.photo);
        else this.query = this.query.parts.length ? add(this.query, photo.photo) : begin(this.query, photo.photo);
        replaces = "";
      }
    } catch (error) {
      this.views.complain(error instanceof Problem ? error.message : t("error.page"));
      return;
    } finally {
      this.views.uploading(false);
    }
    this.change(this.query);
  }

  pick(replaces = "") {
    this.views.pick(replaces);
  }

  async open(id, push = true) {
    try {
      const item = await getItem(id);
      this.item = id;
      if (push) this.keep(true, "item");
      this.views.item(this, item);
    } catch (error) {
      this.views.complain(error.message);
    }
  }

  /** The item's window was closed. */
  opened() {
    if (!this.item) return;
    this.item = "";
    this.closed("item");
  }

  toggleCompare(item) {
    const there = this.compare.includes(item);
    if (!there && this.compare.length >= COMPARED) return this.views.say(t("compare.full", { n: COMPARED }));
    this.compare = there ? this.compare.filter((one) => one !== item) : [...this.compare, item];
    this.keep(false);
    this.views.say(t(there ? "compare.taken" : "compare.added", { n: this.compare.length }));
    this.views.all(this);
    if (!this.comparing) return null;
    return this.compare.length > 1 ? this.drawCompared() : this.views.close("compare");
  }

  showCompare() {
    this.comparing = true;
    this.keep(true, "compare");
    return this.drawCompared();
  }

  async drawCompared() {
    const items = await Promise.all(this.compare.map((id) => getItem(id).catch(() => null)));
    this.views.compare(this, items.filter(Boolean));
  }

  compared() {
    if (!this.comparing) return;
    this.comparing = false;
    this.closed("compare");
  }

  /** The first pictures say what shape the frames have. */
  sized(ratio) {
    if (this.learntRatio) return;
    this.learntRatio = true;
    document.documentElement.style.setProperty("--ratio", Math.min(4 / 3, Math.max(2 / 3, ratio)).toFixed(3));
  }
}
