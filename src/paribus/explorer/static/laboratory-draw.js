// Drawing of the laboratory: planes of points, D's map, arrows, latents and curves, on canvases.

/** float32 numbers that the server packed as base64. */
export function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** The page's colours, in the theme at hand. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const found = {};
  for (const name of ["paper", "card", "ink", "muted", "rule", "s0", "s1", "s2", "s3"]) {
    found[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return found;
}

/** A pen for a canvas whose sharpness is the screen's: [pen, width, height] in CSS pixels, empty. */
function pen(canvas) {
  const { width, height } = canvas.getBoundingClientRect(), fine = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * fine)) canvas.width = Math.round(width * fine);
  if (canvas.height !== Math.round(height * fine)) canvas.height = Math.round(height * fine);
  const found = canvas.getContext("2d");
  found.setTransform(fine, 0, 0, fine, 0, 0);
  found.clearRect(0, 0, width, height);
  return [found, width, height];
}

/** [x, y] on the canvas of the square [-reach, reach]^2, y upwards. */
const placed = (size, reach) => (x, y) => [(x / reach + 1) * size / 2, (1 - y / reach) * size / 2];

function dots(on, at, points, radius, colour, chosen = () => true) {
  on.fillStyle = colour;
  for (let k = 0; k < points.length; k += 2) {
    if (!chosen(k / 2)) continue;
    on.beginPath();
    on.arc(...at(points[k], points[k + 1]), radius, 0, 2 * Math.PI);
    on.fill();
  }
}

function crosses(on, at, points, radius, colour, chosen) {
  on.strokeStyle = colour;
  on.lineWidth = 1.3;
  on.beginPath();
  for (let k = 0; k < points.length; k += 2) {
    if (!chosen(k / 2)) continue;
    const [x, y] = at(points[k], points[k + 1]);
    on.moveTo(x - radius, y - radius);
    on.lineTo(x + radius, y + radius);
    on.moveTo(x - radius, y + radius);
    on.lineTo(x + radius, y - radius);
  }
  on.stroke();
}

/** Dots for samples near the data, crosses for the others: not told apart by colour alone. */
function samples(on, at, points, near, size) {
  const ink = colours(), radius = Math.max(1.3, size / 260);
  crosses(on, at, points, radius * 1.1, ink.s1, (k) => !near[k]);
  dots(on, at, points, radius, ink.s2, (k) => near[k]);
}

const rgb = (colour) => [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
const long = (colour) => (colour.length === 4 ? `#${[...colour.slice(1)].map((c) => c + c).join("")}` : colour);

/** Colour [r, g, b] of a share from 0 (generated) by 1/2 to 1 (real). */
function shade(share, ink) {
  const end = rgb(long(share < 0.5 ? ink.s3 : ink.s0)), middle = rgb(long(ink.card));
  const strength = 0.75 * Math.abs(2 * share - 1);
  return middle.map((value, k) => value + (end[k] - value) * strength);
}

/** How D's output becomes a share from 0 to 1, and what the ends and the middle of the scale are. */
export function scaleOf(judged, judgement) {
  if (judgement === "logit") return { share: (v) => 1 / (1 + Math.exp(-v)), ends: [0, 0.5, 1] };
  let low = Infinity, high = -Infinity;
  for (const value of judged) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const width = high - low || 1;
  return { share: (v) => (v - low) / width, ends: [low, (low + high) / 2, high] };
}

function heat(on, size, judged, share) {
  const side = Math.sqrt(judged.length), ink = colours();
  const small = new OffscreenCanvas(side, side), brush = small.getContext("2d"), pixels = brush.createImageData(side, side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const colour = shade(share(judged[(side - 1 - row) * side + column]), ink);
      pixels.data.set([...colour, 255], 4 * (row * side + column));
    }
  }
  brush.putImageData(pixels, 0, 0);
  on.imageSmoothingEnabled = true;
  on.imageSmoothingQuality = "high";
  on.drawImage(small, 0, 0, size, size);
}

/** A bar from the colour of 0 to that of 1. */
export function drawScale(canvas) {
  const [on, width, height] = pen(canvas), ink = colours();
  for (let x = 0; x < width; x += 1) {
    on.fillStyle = `rgb(${shade(x / (width - 1), ink).map(Math.round).join(" ")})`;
    on.fillRect(x, 0, 1.5, height);
  }
}

function arrows(on, size, push) {
  const side = Math.sqrt(push.length / 2), cell = size / side, ink = colours();
  const lengths = [];
  for (let k = 0; k < push.length; k += 2) lengths.push(Math.hypot(push[k], push[k + 1]));
  const longest = Math.max(...lengths);
  if (!(longest > 0)) return;
  on.strokeStyle = ink.ink;
  on.fillStyle = ink.ink;
  on.lineWidth = 1.1;
  lengths.forEach((length, k) => {
    const column = k % side, row = Math.floor(k / side);
    const x = (column + 0.5) * cell, y = size - (row + 0.5) * cell;
    const drawn = 0.95 * cell * Math.sqrt(length / longest); // by the root: weak ones stay in sight
    on.globalAlpha = 0.2 + 0.6 * Math.sqrt(length / longest);
    if (drawn < 1.5) {
      on.fillRect(x - 0.5, y - 0.5, 1, 1);
      return;
    }
    const [dx, dy] = [push[2 * k] / length, -push[2 * k + 1] / length];
    const [tipX, tipY] = [x + dx * drawn / 2, y + dy * drawn / 2], head = Math.min(4, drawn / 2.5);
    on.beginPath();
    on.moveTo(x - dx * drawn / 2, y - dy * drawn / 2);
    on.lineTo(tipX, tipY);
    on.moveTo(tipX - head * (dx - 0.6 * dy), tipY - head * (dy + 0.6 * dx));
    on.lineTo(tipX, tipY);
    on.lineTo(tipX - head * (dx + 0.6 * dy), tipY - head * (dy - 0.6 * dx));
    on.stroke();
  });
  on.globalAlpha = 1;
}

function mesh(on, at, lattice) {
  const side = Math.sqrt(lattice.length / 2), ink = colours();
  const point = (row, column) => at(lattice[2 * (row * side + column)], lattice[2 * (row * side + column) + 1]);
  on.strokeStyle = ink.muted;
  on.lineWidth = 0.8;
  on.globalAlpha = 0.75;
  on.beginPath();
  for (let line = 0; line < side; line += 1) {
    for (let k = 0; k < side; k += 1) on[k ? "lineTo" : "moveTo"](...point(line, k));
    for (let k = 0; k < side; k += 1) on[k ? "lineTo" : "moveTo"](...point(k, line));
  }
  on.stroke();
  on.globalAlpha = 1;
}

/** The plane of the data: what of it is drawn is said by `shown` (map, arrows, mesh, data, samples). */
export function drawPlane(canvas, frame, data, judgement, shown) {
  const [on, size] = pen(canvas), at = placed(size, 1), ink = colours();
  on.fillStyle = ink.card;
  on.fillRect(0, 0, size, size);
  if (shown.map && frame.judged) heat(on, size, frame.judged, scaleOf(frame.judged, judgement).share);
  if (shown.data) dots(on, at, data, Math.max(1.1, size / 320), ink.muted);
  if (shown.mesh && frame.mesh) mesh(on, at, frame.mesh);
  if (shown.samples) samples(on, at, frame.samples, frame.near, size);
  if (shown.arrows && frame.push) arrows(on, size, frame.push);
}

/** Points of a set, as a picture to choose it by. */
export function drawThumbnail(canvas, points) {
  const [on, size] = pen(canvas);
  dots(on, placed(size, 1), points, 1.2, colours().s0);
}

/** The latent plane: the prior's rings and draws, the data's latents and the deviations of their posteriors. */
export function drawLatents(canvas, frame, z, reach) {
  const [on, size] = pen(canvas), at = placed(size, reach), ink = colours(), unit = size / 2 / reach;
  on.fillStyle = ink.card;
  on.fillRect(0, 0, size, size);
  on.strokeStyle = ink.rule;
  on.lineWidth = 1.2;
  for (const deviations of [1, 2, 3]) {
    on.beginPath();
    on.arc(...at(0, 0), deviations * unit, 0, 2 * Math.PI);
    on.stroke();
  }
  samples(on, at, z, frame.near, size);
  const spreads = frame.spreads ?? [], latents = frame.latents;
  on.strokeStyle = ink.s0;
  on.globalAlpha = 0.45;
  on.lineWidth = 1;
  for (let k = 0; k < Math.min(spreads.length, 400); k += 2) { // those of 200 points: more would hide what is below
    on.beginPath();
    on.ellipse(...at(latents[k], latents[k + 1]), spreads[k] * unit, spreads[k + 1] * unit, 0, 0, 2 * Math.PI);
    on.stroke();
  }
  on.globalAlpha = 1;
  dots(on, at, latents, Math.max(1.2, size / 300), ink.s0);
}

/** Marks as they are drawn, for the line that explains them. */
export function drawMark(canvas, kind) {
  const [on, size] = pen(canvas), at = placed(size, 1), ink = colours();
  if (kind === "data") dots(on, at, [0, 0], 2.5, ink.muted);
  if (kind === "samples") {
    dots(on, at, [-0.4, 0], 2.6, ink.s2);
    crosses(on, at, [0.5, 0], 2.8, ink.s1, () => true);
  }
  if (kind === "map") heat(on, size, Float32Array.of(0, 0.35, 0.65, 1), (v) => v);
  if (kind === "arrows") arrows(on, size, Float32Array.of(1, 0.6));
  if (kind === "mesh") mesh(on, at, Float32Array.of(-0.8, -0.7, 0.2, -0.4, 0.9, -0.6, -0.9, 0.2, 0, 0.1, 0.7, 0, -0.6, 0.8, 0.1, 0.6, 0.8, 0.9));
}

/**
 * Curves of shares from 0 to 1 over the frames.
 * @param {{values: number[], colour: string, dashed: boolean}[]} lines one a side and thing
 * @param {number[]} looks steps of the frames, the axis
 * @param {number} now the frame that is shown
 */
export function drawCurves(canvas, lines, looks, now) {
  const [on, width, height] = pen(canvas), ink = colours();
  const left = 38, right = width - 8, top = 8, bottom = height - 22;
  const x = (k) => left + (right - left) * k / Math.max(1, looks.length - 1), y = (share) => bottom - (bottom - top) * share;
  on.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  on.fillStyle = ink.muted;
  on.strokeStyle = ink.rule;
  on.lineWidth = 1;
  on.textBaseline = "middle";
  on.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    on.beginPath();
    on.moveTo(left, y(share));
    on.lineTo(right, y(share));
    on.stroke();
    on.fillText(`${100 * share} %`, left - 5, y(share));
  }
  on.textBaseline = "top";
  for (const k of [0, 1 / 3, 2 / 3, 1].map((share) => Math.round(share * (looks.length - 1)))) {
    on.textAlign = k === 0 ? "left" : k === looks.length - 1 ? "right" : "center";
    on.fillText(k === 0 ? "step 0" : String(looks[k]), x(k), bottom + 7);
  }
  on.strokeStyle = ink.muted;
  on.beginPath();
  on.moveTo(x(now), top);
  on.lineTo(x(now), bottom);
  on.stroke();
  for (const line of lines) {
    on.strokeStyle = ink[line.colour];
    on.lineWidth = line.dashed ? 1.5 : 2.2;
    on.setLineDash(line.dashed ? [5, 4] : []);
    on.beginPath();
    line.values.forEach((value, k) => on[k ? "lineTo" : "moveTo"](x(k), y(value)));
    on.stroke();
    on.setLineDash([]);
    if (now < line.values.length) dots(on, (a, b) => [a, b], [x(now), y(line.values[now])], 3.5, ink[line.colour]);
  }
}
