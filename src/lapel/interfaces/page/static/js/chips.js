// What the model sees on a picture, as buttons that take an attribute from it.

import { h } from "./dom.js";
import { percent, phrase, spoken, spokenValue, t } from "./words.js";

const HIDDEN = new Set(["skin_exposure"]);
const NOTHING = new Set(["no", "none", "other", "invisible", "absent"]);
const TOLD = new Set(["gender", "season", "usage"]);
const SURE = 0.5;

/** Attributes that the page offers: all but those that describe a body rather than a garment. */
export const offered = (names) => names.filter((name) => !HIDDEN.has(name));

/** "neckline v-shape", "no collar": an attribute with its value; the attribute alone where values are not predicted. */
export const seen = (name, value) =>
  value ? (phrase(name, value.value) ?? `${spoken(name)} ${spokenValue(name, value.value)}`) : spoken(name);

/** Attributes in the order in which they are worth suggesting: what is there and sure first, then how it is sold, absent last. */
export function suggested(names, values) {
  const rank = (name) => {
    const value = values[name];
    if (!value) return 0;
    return value.probability + (value.probability >= SURE ? 1 : 0) - (TOLD.has(name) ? 2 : 0) - (NOTHING.has(value.value) ? 3 : 0);
  };
  return [...offered(names)].sort((one, other) => rank(other) - rank(one));
}

/** A button for one attribute of one picture. `act` is called with the attribute. */
export function chip(name, value, { pressed = false, focus, act, from }) {
  const unsure = value && value.probability < SURE;
  const whole = value ? phrase(name, value.value) : undefined;
  return h(
    "button",
    {
      type: "button",
      class: `chip${unsure ? " unsure" : ""}`,
      "aria-pressed": String(pressed),
      "aria-label": t(pressed ? "chip.taken" : "chip.take", {
        what: seen(name, value),
        from,
        sure: value ? t("chip.sure", { share: percent(value.probability) }) : "",
      }),
      title: value ? `${seen(name, value)}, ${percent(value.probability)}` : spoken(name),
      data: { focus, attribute: name },
      onclick: () => act(name),
    },
    whole ? null : h("span", { class: "chip-name" }, spoken(name)),
    value ? h("span", { class: "chip-value" }, whole ?? spokenValue(name, value.value)) : null,
    value ? h("span", { class: "chip-sure" }, percent(value.probability)) : null,
  );
}
