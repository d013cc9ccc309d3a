// The query as the page holds it, and everything a click may do to it. Pure: every function gives a new query.
//
// { parts: [{ reference, weights: { attribute: weight }, unlike, text }], where, k, diverse }, as `lapel.Query`: a part
// with a text has one weight, under "words" (no reference) or "composed" (a reference changed by the text).

export const LOOK = "look", WORDS = "words", COMPOSED = "composed";
export const EMPTY = Object.freeze({ parts: [], where: "", k: 24, diverse: false });

/** The JSON that the server and a link take; the same object as Python's `Query.to_dict()`. */
export function toJson(query) {
  const parts = query.parts.map((part) => ({
    ...(part.reference ? { reference: part.reference } : {}),
    ...(part.text ? { text: part.text, weight: Object.values(part.weights)[0] } : { weights: part.weights }),
    ...(part.unlike ? { unlike: true } : {}),
  }));
  return { parts, k: query.k, ...(query.where ? { where: query.where } : {}), ...(query.diverse ? { diverse: true } : {}) };
}

/** A link's JSON -> a query; null when it is none. What it means is checked by the server. */
export function fromJson(data) {
  if (!data || !Array.isArray(data.parts)) return null;
  const parts = data.parts.map((part) => {
    const { reference = "", text = "", weight = 1, weights = { [LOOK]: 1 }, unlike = false } = part ?? {};
    const kept = text ? { [reference ? COMPOSED : WORDS]: weight } : weights;
    return { reference: String(reference), text: String(text), weights: { ...kept }, unlike: Boolean(unlike) };
  });
  return { ...EMPTY, ...data, parts };
}

const without = (weights, attribute) => Object.fromEntries(Object.entries(weights).filter(([name]) => name !== attribute));
const filled = (parts) => parts.filter((part) => Object.keys(part.weights).length);
const mapped = (query, key, change) => ({
  ...query,
  parts: filled(query.parts.map((part) => (partKey(part) === key ? change(part) : part))),
});
const whole = (reference, unlike = false) => ({ reference, text: "", weights: { [LOOK]: unlike ? 0.5 : 1 }, unlike });

/** What tells one part of a query from another. */
export const partKey = (part) => `${part.unlike ? "-" : "+"}${part.reference} ${part.text}`;

/** Whether there is something to look like: only then can the server be asked. */
export const askable = (query) => query.parts.some((part) => !part.unlike);

/** References in the order they came, each once. */
export const references = (query) => [...new Set(query.parts.map((part) => part.reference).filter(Boolean))];

/** Attributes asked for, each once, in order. */
export const asked = (query) => [...new Set(query.parts.flatMap((part) => Object.keys(part.weights)))];

/** Begin with one reference: its whole look. */
export const begin = (query, reference) => ({ ...EMPTY, k: query.k, diverse: query.diverse, parts: [whole(reference)] });

/** Add a reference by its whole look; a reference cannot be wished and unwished at once, so its opposite goes. */
export function add(query, reference, unlike = false) {
  const plain = (part) => part.reference === reference && !part.text;
  if (query.parts.some((part) => plain(part) && part.unlike === unlike)) return query;
  return { ...query, parts: [...query.parts.filter((part) => !plain(part)), whole(reference, unlike)] };
}

/**
 * Take one attribute from this reference: no other wished reference gives it any longer, its weight stays.
 * A reference that stands for nothing but its whole look, as one does at first, now stands for that attribute instead.
 */
export function take(query, reference, attribute) {
  const gives = (part) => !part.unlike && !part.text;
  const weight = query.parts.find((part) => gives(part) && attribute in part.weights)?.weights[attribute] ?? 1;
  const isMine = (part) => gives(part) && part.reference === reference;
  let parts = query.parts.map((part) =>
    gives(part) && !isMine(part) ? { ...part, weights: without(part.weights, attribute) } : part,
  );
  const mine = parts.find(isMine);
  const only = mine && attribute !== LOOK && Object.keys(mine.weights).join() === LOOK;
  const weights = { ...(only || !mine ? {} : mine.weights), [attribute]: weight };
  if (mine) parts = parts.map((part) => (part === mine ? { ...part, weights } : part));
  else parts = [...parts, { reference, text: "", weights, unlike: false }];
  return { ...query, parts: filled(parts) };
}

/** Set the weight of one attribute of a part. */
export const weigh = (query, key, attribute, weight) =>
  mapped(query, key, (part) => ({ ...part, weights: { ...part.weights, [attribute]: weight } }));

/** Remove one attribute of a part; the part goes with its last. */
export const remove = (query, key, attribute) =>
  mapped(query, key, (part) => ({ ...part, weights: without(part.weights, attribute) }));

/** Remove every part that this reference gives. */
export const drop = (query, reference) => ({
  ...query,
  parts: query.parts.filter((part) => part.reference !== reference),
});

/** Turn a part into its opposite: "and not like this". */
export const turn = (query, key) => mapped(query, key, (part) => ({ ...part, unlike: !part.unlike }));

/** The same query with another photo in a reference's place. */
export const swap = (query, from, to) => ({
  ...query,
  parts: query.parts.map((part) => (part.reference === from ? { ...part, reference: to } : part)),
});

/** The one text that the words field holds. */
export const wordsOf = (query) => query.parts.find((part) => part.text && !part.unlike)?.text ?? "";

const said = (part) => part.text && !part.unlike;
const bare = (part) => !part.text && !part.unlike && Object.keys(part.weights).join() === LOOK;

/** The reference that words change: the one they change already, or the only one that stands for its whole look. */
export function changeable(query) {
  const before = query.parts.find(said);
  const looks = query.parts.filter(bare);
  return before?.reference || (looks.length === 1 ? looks[0].reference : "");
}

/**
 * Put a text in the place of the one before; an empty one only removes. With `reference`, it changes that reference,
 * whose whole look gives way; a reference that is changed no longer has its whole look again.
 */
export function say(query, text, reference = "") {
  const before = query.parts.find(said);
  let parts = query.parts.filter((part) => part !== before);
  const left = before?.reference && (!text.trim() || before.reference !== reference);
  if (left && !parts.some((part) => part.reference === before.reference)) parts = [whole(before.reference), ...parts];
  if (!text.trim()) return { ...query, parts };
  parts = parts.filter((part) => !(bare(part) && part.reference === reference));
  const weight = before ? Object.values(before.weights)[0] : 1;
  const weights = { [reference ? COMPOSED : WORDS]: weight };
  return { ...query, parts: [...parts, { reference, text: text.trim(), weights, unlike: false }] };
}

/** A weight's share of all that is wished: what the server calls the normalised weight. */
export function share(query, weight) {
  const wished = query.parts.filter((part) => !part.unlike).flatMap((part) => Object.values(part.weights));
  const all = wished.reduce((sum, one) => sum + one, 0);
  return all > 0 ? weight / all : 0;
}
