// Arrow keys go from picture to picture in a grid; Tab goes through everything, as everywhere.

const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "row", ArrowUp: "-row", Home: "first", End: "last" };

export function walk(grid) {
  grid.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const pictures = [...grid.querySelectorAll("button.open")];
    const at = pictures.indexOf(document.activeElement);
    if (step === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const top = pictures[0].getBoundingClientRect().top;
    const row = Math.max(1, pictures.findIndex((one) => one.getBoundingClientRect().top > top + 4));
    const to = { first: 0, last: pictures.length - 1, row: at + row, "-row": at - row }[step] ?? at + step;
    const next = pictures[to];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
}
