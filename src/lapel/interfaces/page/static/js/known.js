// What the page knows of the pictures a query names: their names, small pictures, values, and where the model looked.

import { Problem, explain, getItem, getPhoto } from "./api.js";
import { titleOf } from "./card.js";
import { t } from "./words.js";

const PHOTO = "photo:", ITEM = "item:";

/** Reference -> { name, thumb, values }, or { gone: a sentence } where there is nothing of that name any more. */
export class Known extends Map {
  constructor(attributes) {
    super();
    this.attributes = attributes;
    this.regions = new Map();
  }

  /** Ask for what is not known yet; `again`: and whether photos known before are still there. */
  async learn(references, again = false) {
    const wanted = references.filter((reference) => !this.has(reference) || this.get(reference).gone || (again && reference.startsWith(PHOTO)));
    await Promise.all(
      wanted.map(async (reference) => {
        const found = await look(reference).catch((error) => ({ gone: goneWords(reference, error) }));
        this.set(reference, this.get(reference)?.name ? { ...found, name: this.get(reference).name } : found);
      }),
    );
  }

  nameOf(reference) {
    return this.get(reference)?.name ?? (reference.startsWith(PHOTO) ? t("photo.name") : reference.slice(reference.indexOf(":") + 1));
  }

  thumbOf(reference) {
    return this.get(reference)?.thumb ?? "";
  }

  /** Where the model looked on a picture: { regions: { attribute: rows }, frame }; asked once, unless it failed. */
  looked(reference) {
    if (!this.regions.has(reference)) {
      const asked = this.#lookAt(reference);
      this.regions.set(reference, asked);
      asked.catch(() => this.regions.delete(reference));
    }
    return this.regions.get(reference);
  }

  async #lookAt(reference) {
    const kept = this.get(reference);
    if (kept?.regions) return kept;
    const weights = Object.fromEntries(this.attributes.map((name) => [name, 1]));
    return (await explain(reference.slice(ITEM.length), { parts: [{ reference, weights }], k: 1 })).hit;
  }
}

async function look(reference) {
  if (reference.startsWith(PHOTO)) return { ...(await getPhoto(reference)), name: t("photo.name") };
  if (!reference.startsWith(ITEM)) throw new Problem("not-found", t("reference.file"), 404);
  const item = await getItem(reference.slice(ITEM.length));
  return { name: titleOf(item.item, item.metadata), thumb: item.thumb, values: item.values };
}

function goneWords(reference, error) {
  if (error.status !== 404) return error.message;
  if (reference.startsWith(PHOTO)) return t("photo.expired");
  return reference.startsWith(ITEM) ? t("reference.gone") : error.message;
}
