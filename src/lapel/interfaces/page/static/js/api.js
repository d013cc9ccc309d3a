// The server's HTTP API, as the page uses it. Everything that goes wrong becomes a Problem with one sentence for people.

import { t } from "./words.js";

const TOKEN = "lapel-token";

export class Problem extends Error {
  /** kind: the last part of the server's problem type; "offline" when nothing answered. */
  constructor(kind, sentence, status = 0) {
    super(sentence);
    this.kind = kind;
    this.status = status;
  }
}

const token = () => sessionStorage.getItem(TOKEN);
export const setToken = (text) => sessionStorage.setItem(TOKEN, text);
const headers = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("offline", t("error.offline"));
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Problem(String(told.type ?? "").split(":").pop(), told.detail ?? t("error.status", { n: answer.status }), answer.status);
}

const json = async (path, options) => (await ask(path, options)).json();
const posted = (data) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) });
const item = (id) => `v1/items/${encodeURIComponent(id)}`;

export const getFacts = () => json("v1/attributes");
export const getItems = (limit, offset = 0) => json(`v1/items?k=${limit}&offset=${offset}`);
export const getItem = (id) => json(item(id));
export const search = (query, signal) => json("v1/search", { ...posted(query), signal });

export const getPhoto = (reference) => json(`v1/photos/${encodeURIComponent(reference.slice("photo:".length))}`);

/** Why an item is a hit: contributions, regions and values of the query's pictures and of the item. */
export const explain = (id, query) => json(`${item(id)}/explain?query=${encodeURIComponent(JSON.stringify(query))}`);

/** Send a photo; it is analysed and kept for a while under a token. */
export function sendPhoto(file) {
  const form = new FormData();
  form.append("photos", file, /^[^/\\]{1,150}$/.test(file.name ?? "") ? file.name : "photo");
  return json("v1/photos", { method: "POST", body: form });
}
