// Regions drawn over photos: strength -> colour as in Lapel's own heat maps, see-through where the model looked least.

const RAMP = [
  [0, 26, 12, 70],
  [0.35, 120, 28, 109],
  [0.65, 214, 72, 58],
  [0.85, 249, 160, 50],
  [1, 252, 250, 170],
];
const STRONGEST = 0.75;

function colour(strength) {
  const at = Math.max(1, RAMP.findIndex(([stop]) => stop >= strength));
  const [low, ...from] = RAMP[at - 1];
  const [high, ...to] = RAMP[at];
  const share = (strength - low) / (high - low);
  return from.map((channel, c) => channel + share * (to[c] - channel));
}

/** (h x w) numbers -> the same between 0 (least) and 1 (most); null where every value is alike and nothing is said. */
export function relative(region) {
  const flat = region.flat();
  const least = Math.min(...flat), most = Math.max(...flat);
  if (!(most - least > 1e-6 * Math.abs(most))) return null;
  return region.map((row) => row.map((value) => (value - least) / (most - least)));
}

/**
 * Draw a region over a photo: the canvas gets the photo's own size, so that CSS lays both out alike.
 * frame: where the model's input lies on the photo, { left, top, width, height } in per cent; it may reach beyond.
 */
export function paint(canvas, region, size, frame) {
  const [wide, high] = size;
  canvas.width = wide;
  canvas.height = high;
  const strengths = relative(region);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, wide, high);
  if (!strengths) return false;
  const small = document.createElement("canvas");
  small.height = strengths.length;
  small.width = strengths[0].length;
  const pixels = new ImageData(small.width, small.height);
  // Strength goes into alpha alone and is coloured after smoothing: smoothed colours would not lie on the ramp.
  strengths.flat().forEach((strength, at) => (pixels.data[4 * at + 3] = Math.round(255 * strength)));
  small.getContext("2d").putImageData(pixels, 0, 0);
  const [left, top, width, height] = [frame.left * wide, frame.top * high, frame.width * wide, frame.height * high].map((part) => part / 100);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, left, top, width, height);
  const shown = context.getImageData(0, 0, wide, high);
  for (let at = 0; at < shown.data.length; at += 4) {
    const strength = shown.data[at + 3] / 255;
    const [red, green, blue] = colour(strength);
    shown.data.set([red, green, blue, 255 * STRONGEST * strength], at);
  }
  context.putImageData(shown, 0, 0);
  return true;
}
