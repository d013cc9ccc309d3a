// Filters: choices in the page's widgets <-> the text of `where`. Pure.
//
// A filter is { column, kind: "choice", values } | { column, kind: "range", low, high } | { column, kind: "text", text }
// | { column, kind: "seen", values, confidence }, the last on what the model predicts. Text that the widgets cannot
// show is kept as { kind: "raw", text }: a link made by hand or by Python still works, and can be removed.

const quoted = (text) => `'${String(text).replaceAll("'", "''")}'`;
const literal = (value) => (typeof value === "string" ? quoted(value) : String(value));
const RESERVED = new Set(["and", "or", "not", "in", "between", "like", "contains", "is", "null", "true", "false", "with", "confidence"]);
const named = (column) =>
  /^[\p{L}_][\p{L}\p{N}_]*$/u.test(column) && !RESERVED.has(column.toLowerCase()) ? column : `"${column.replaceAll('"', '""')}"`;
const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|\b(?:and|between|or)\b|./gis;
const present = (value) => value !== null && value !== undefined && value !== "" && !Number.isNaN(value);

function among(column, values) {
  return values.length === 1 ? `${column} = ${literal(values[0])}` : `${column} in (${values.map(literal).join(", ")})`;
}

function clause(filter) {
  if (filter.kind === "raw") return filter.text;
  const column = named(filter.column);
  if (filter.kind === "choice") return filter.values.length ? among(column, filter.values) : "";
  if (filter.kind === "seen")
    return filter.values.length ? `${among(column, filter.values)} with confidence ${filter.confidence}` : "";
  if (filter.kind === "text") return filter.text.trim() ? `${column} contains ${quoted(filter.text.trim())}` : "";
  const { low, high } = filter;
  if (present(low) && present(high)) return `${column} between ${low} and ${high}`;
  if (present(low)) return `${column} >= ${low}`;
  return present(high) ? `${column} <= ${high}` : "";
}

/** Filters -> the text of `where`; empty ones leave nothing. */
export function toWhere(filters) {
  const kept = filters.filter((filter) => clause(filter));
  if (kept.length < 2) return kept.map(clause).join("");
  return kept.map((filter) => (filter.kind === "raw" ? bracketed(clause(filter)) : clause(filter))).join(" and ");
}

/** A piece of `where` in brackets of its own; those that enclose all of it already are enough. */
function bracketed(text) {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    depth += token === "(" ? 1 : token === ")" ? -1 : 0;
    if (depth === 0 && index + token.length < text.length) return `(${text})`;
  }
  return text;
}

/** `where` cut at its top-level `and`s; null when quotes or brackets do not match. */
function pieces(where) {
  const found = [];
  let depth = 0, start = 0, between = false;
  for (const { 0: token, index } of where.matchAll(TOKENS)) {
    const word = token.toLowerCase();
    if (token === "(") depth += 1;
    else if (token === ")") depth -= 1;
    else if (depth === 0 && word === "or") return [where.trim()];
    else if (depth === 0 && word === "between") between = true;
    else if (depth === 0 && word === "and" && between) between = false;
    else if (depth === 0 && word === "and") {
      found.push(where.slice(start, index).trim());
      start = index + token.length;
    }
    if (depth < 0) return null;
  }
  return depth ? null : [...found, where.slice(start).trim()];
}

const NUMBER = String.raw`-?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?`;
const LITERAL = String.raw`(?:'(?:[^']|'')*'|true|false|${NUMBER})`;
const COLUMN = String.raw`(?<column>"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_]*)`;
const SURE = String.raw`(?:\s+with\s+confidence\s+(?<confidence>${NUMBER}))?`;
const FORMS = {
  one: new RegExp(String.raw`^${COLUMN}\s*=\s*(?<value>${LITERAL})${SURE}$`, "iu"),
  many: new RegExp(String.raw`^${COLUMN}\s+in\s*\((?<values>\s*${LITERAL}(?:\s*,\s*${LITERAL})*\s*)\)${SURE}$`, "iu"),
  between: new RegExp(String.raw`^${COLUMN}\s+between\s+(?<low>${NUMBER})\s+and\s+(?<high>${NUMBER})$`, "iu"),
  bound: new RegExp(String.raw`^${COLUMN}\s*(?<sign>>=|<=)\s*(?<limit>${NUMBER})$`, "iu"),
  text: new RegExp(String.raw`^${COLUMN}\s+contains\s+(?<text>'(?:[^']|'')*')$`, "iu"),
};

function value(text) {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  return Number(text);
}

function read(text) {
  for (const [form, pattern] of Object.entries(FORMS)) {
    const found = pattern.exec(text)?.groups;
    if (!found) continue;
    const column = found.column.startsWith('"') ? found.column.slice(1, -1).replaceAll('""', '"') : found.column;
    if (form === "between") return { column, kind: "range", low: Number(found.low), high: Number(found.high) };
    if (form === "bound") {
      const limit = Number(found.limit);
      return { column, kind: "range", low: found.sign === ">=" ? limit : null, high: found.sign === "<=" ? limit : null };
    }
    if (form === "text") return { column, kind: "text", text: value(found.text) };
    const values = form === "one" ? [value(found.value)] : [...found.values.matchAll(new RegExp(LITERAL, "gi"))].map((m) => value(m[0]));
    if (found.confidence) return { column, kind: "seen", values, confidence: Number(found.confidence) };
    return { column, kind: "choice", values };
  }
  return { kind: "raw", text };
}

/** The text of `where` -> filters; what no widget can show becomes one raw filter. */
export function fromWhere(where) {
  if (!where.trim()) return [];
  const found = pieces(where);
  if (found === null) return [{ kind: "raw", text: where.trim() }];
  const filters = found.map(read);
  const names = filters.map((filter) => (filter.kind === "raw" ? "" : `${filter.kind === "seen"} ${filter.column}`)).filter(Boolean);
  return new Set(names).size < names.length ? [{ kind: "raw", text: where.trim() }] : filters;
}

/** Put a filter in the place of the one on the same column and side, or at the end; an empty one only removes. */
export function put(filters, filter) {
  const here = (one) => one.kind !== "raw" && one.column === filter.column && (one.kind === "seen") === (filter.kind === "seen");
  const kept = filters.filter((one) => !here(one));
  return clause(filter) ? [...kept, filter] : kept;
}
