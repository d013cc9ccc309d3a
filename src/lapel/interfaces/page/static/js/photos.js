// Photos come in by picking, dropping or pasting; each becomes a reference on the server.

import { $ } from "./dom.js";

const images = (files) => [...(files ?? [])].filter((file) => !file.type || file.type.startsWith("image/"));

/** Listen for photos anywhere on the page; `take(files, replaces)` gets them. Gives `pick(replaces)`, which opens the file chooser. */
export function listen(take) {
  const input = $("file");
  let replaces = "";
  input.addEventListener("change", () => {
    const found = images(input.files);
    input.value = "";
    if (found.length) take(found, replaces);
  });
  window.addEventListener("paste", (event) => {
    const found = images(event.clipboardData?.files);
    if (!found.length) return;
    event.preventDefault();
    take(found, "");
  });
  listenForDrops(take);
  return (reference = "") => {
    replaces = reference;
    input.click();
  };
}

function listenForDrops(take) {
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let inside = 0;
  const mark = (on) => document.body.classList.toggle("dropping", on);
  window.addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    inside += 1;
    mark(true);
  });
  window.addEventListener("dragleave", () => {
    inside = Math.max(0, inside - 1);
    mark(inside > 0);
  });
  window.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    inside = 0;
    mark(false);
    if (!carries(event)) return;
    event.preventDefault();
    const found = images(event.dataTransfer.files);
    if (found.length) take(found, "");
  });
}
