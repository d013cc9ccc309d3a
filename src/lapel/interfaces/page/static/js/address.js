// The whole query in the page's address, so that it can be kept, sent and gone back to.
//
// ?q=<the query's JSON>&map=<attribute whose regions are shown>&compare=<item>&compare=<item>&open=<item>

import { fromJson, toJson } from "./query.js";

/** A place's search text -> { query (or null), map, compare, open, broken }. */
export function readAddress(search) {
  const given = new URLSearchParams(search);
  const text = given.get("q");
  let query = null;
  try {
    query = text ? fromJson(JSON.parse(text)) : null;
  } catch {
    query = null;
  }
  return {
    query,
    broken: Boolean(text) && !query,
    map: given.get("map") ?? "",
    compare: given.getAll("compare").slice(0, 4),
    open: given.get("open") ?? "",
  };
}

/** The same back to a search text; "" for the page's beginning. */
export function writeAddress({ query, map, compare, open }) {
  const made = new URLSearchParams();
  if (query.parts.length || query.where) made.set("q", JSON.stringify(toJson(query)));
  if (map) made.set("map", map);
  for (const item of compare) made.append("compare", item);
  if (open) made.set("open", open);
  const text = made.toString();
  return text ? `?${text}` : "";
}
