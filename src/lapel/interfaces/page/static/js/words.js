// Every word of the page comes from words/<language>.json; a language is added by adding a file and its name here.

export const LANGUAGES = ["en"];

let words = {};
let language = "en";

/** Fetch the words of the language the browser asks for, or English. */
export async function loadWords() {
  const wanted = [...(navigator.languages ?? []), "en"].map((name) => name.split("-")[0]);
  language = wanted.find((name) => LANGUAGES.includes(name)) ?? "en";
  const answer = await fetch(`words/${language}.json`);
  if (!answer.ok) throw new Error(`words/${language}.json: ${answer.status}`);
  words = await answer.json();
  document.documentElement.lang = language;
}

/** t("results.count", { n: 3 }): the words, with {n} filled in; where they differ by number, those for n. */
export function t(key, values = {}) {
  let text = words.page?.[key];
  if (text === undefined) return key;
  if (typeof text === "object") text = text[new Intl.PluralRules(language).select(Number(values.n))] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? value.toLocaleString(language) : String(value ?? "");
  });
}

/** An attribute or a column in the page's language: "sleeve_length" -> "sleeve length". */
export const spoken = (name) => words.names?.[name] ?? String(name).replaceAll("_", " ");

/** A value of an attribute or column: gender's "female" -> "women's". */
export const spokenValue = (name, value) => words.values?.[name]?.[value] ?? String(value);

/** An attribute and its value in one phrase, where the two side by side would sound odd: "no collar". */
export const phrase = (name, value) => words.phrases?.[name]?.[value];

export const number = (value, digits = 2) =>
  Number(value).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const plain = (value) => Number(value).toLocaleString(language, { maximumFractionDigits: 4, useGrouping: false });

export const percent = (value) => Number(value).toLocaleString(language, { style: "percent", maximumFractionDigits: 0 });

export const signed = (value) =>
  Number(value).toLocaleString(language, { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "always" });

/** Fill in elements that name their words: data-word for text, data-word-label for aria-label, data-word-hint for placeholder. */
export function fillWords(root = document) {
  for (const element of root.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
  for (const element of root.querySelectorAll("[data-word-label]"))
    element.setAttribute("aria-label", t(element.dataset.wordLabel));
  for (const element of root.querySelectorAll("[data-word-hint]"))
    element.setAttribute("placeholder", t(element.dataset.wordHint));
}
