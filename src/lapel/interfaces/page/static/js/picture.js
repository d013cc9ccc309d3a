// A photo in its frame, with the region of one attribute over it when regions are shown.

import { h } from "./dom.js";
import { paint } from "./heat.js";

/**
 * A frame around a photo. `reference` ("item:ID" or "photo:TOKEN") is where its regions come from; `alt` says what it is.
 * The canvas above it has the photo's own size and the same CSS, so both lie alike.
 */
export function picture(app, reference, source, alt, lazy = false) {
  const image = h("img", { src: source, alt, loading: lazy ? "lazy" : "eager", decoding: "async", draggable: "false" });
  const canvas = h("canvas", { class: "heat", "aria-hidden": "true", hidden: true });
  const frame = h("div", { class: "frame", data: { reference } }, image, canvas);
  const gone = () => frame.classList.add("gone");
  image.addEventListener("load", () => {
    app.sized(image.naturalWidth / image.naturalHeight);
    showRegion(app, frame);
  });
  image.addEventListener("error", gone);
  return frame;
}

/** Draw, or take away, the region of the attribute that is now shown. */
export async function showRegion(app, frame) {
  const [image, canvas] = [frame.querySelector("img"), frame.querySelector("canvas")];
  const attribute = app.map;
  canvas.hidden = true;
  canvas.dataset.attribute = attribute;
  if (!attribute || !image.complete || !image.naturalWidth) return;
  const found = await app.known.looked(frame.dataset.reference).catch(() => null);
  if (canvas.dataset.attribute !== attribute || !found?.regions[attribute]) return;
  canvas.hidden = !paint(canvas, found.regions[attribute], [image.naturalWidth, image.naturalHeight], found.frame);
}

/** The same for every frame on the page. */
export function showRegions(app) {
  for (const frame of document.querySelectorAll(".frame[data-reference]")) showRegion(app, frame);
}
