// The map of each model: a plane of its latent space, to be clicked, and the marker of the picture that is shown.

import { attempt, byId, element, latest } from "/static/common.js";
import { canvas, drawAnswer } from "/static/canvas.js";
import { begin, page } from "/static/page.js";

const REACH = 2.5; // deviations that the map goes to on each side
const KEYS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowDown: [0, -0.1], ArrowUp: [0, 0.1] };
const SHARPNESS = 720; // pixels of the map of test images
const COLOURS = 10;
let kind = "decoded";
let maps = [];

function build() {
  maps = page.sides.map((side) => (side.axes.names.length > 1 ? map(side) : null));
  byId("maps").replaceChildren(...page.sides.map((side, k) => maps[k]?.element ?? without(side)));
  const any = page.sides.some((side) => side.about.encodes);
  byId("map-kind").querySelector("[data-kind=codes]").disabled = !any;
  if (!any) kind = "decoded";
  showKind();
}

const without = (side) => element("p", { class: "fine" }, `${side.about.name} has one latent dimension: no map.`);

function map(side) {
  const picture = canvas({ class: "pixelated" });
  const marker = element("span", { class: "marker" });
  const named = side.axes.names.map((name) => name.split(":")[0]);
  const field = element("div", {
    class: "map", tabindex: 0, role: "application",
    "aria-label": `Map of ${side.about.name}. Arrow keys move the marker.`,
    click: (event) => clicked(event, field), keydown: (event) => pressed(event, side),
  }, picture, marker);
  const caption = element("figcaption", { class: "fine" }, `${side.about.name}: → ${named[0]}, ↑ ${named[1]}`);
  return { side, picture, marker, caption, element: element("figure", {}, field, caption), shown: "" };
}

function clicked(event, field) {
  const box = field.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width - 0.5) * 2 * REACH;
  const y = (0.5 - (event.clientY - box.top) / box.height) * 2 * REACH;
  go(x, y);
}

function pressed(event, side) {
  const step = KEYS[event.key];
  if (!step || !side.place) return;
  event.preventDefault();
  const at = side.start.kind === "map" ? [side.start.x, side.start.y] : side.place;
  go(at[0] + step[0], at[1] + step[1]);
}

/** Decodes a place on every model's map. */
function go(x, y) {
  const held = (value) => Math.max(-REACH, Math.min(REACH, value));
  const start = { kind: "map", x: held(x), y: held(y) };
  begin(() => start, `place ${start.x.toFixed(2)}, ${start.y.toFixed(2)} of the map`);
}

function placeMarkers() {
  for (const own of maps) {
    if (!own?.side.place) continue;
    const [x, y] = own.side.place;
    own.marker.classList.toggle("outside", Math.max(Math.abs(x), Math.abs(y)) > REACH);
    const share = (value) => Math.max(0, Math.min(1, value / (2 * REACH) + 0.5));
    own.marker.style.left = `${share(x) * 100}%`;
    own.marker.style.top = `${(1 - share(y)) * 100}%`;
  }
}

const fill = latest(() => Promise.all(maps.filter(Boolean).map(fillMap)));

async function fillMap(own) {
  const asCodes = kind === "codes" && own.side.about.encodes;
  const wanted = JSON.stringify([asCodes, asCodes ? null : own.side.moment]);
  if (own.shown === wanted) return;
  if (asCodes) drawCodes(own.picture, await (await own.side.ask("codes")).json());
  else await drawAnswer(own.picture, await own.side.ask("map", own.side.moment));
  own.shown = wanted;
}

function colour(k) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--c${k % COLOURS}`);
}

function drawCodes(target, { places, labels, classes }) {
  target.width = target.height = SHARPNESS;
  const pen = target.getContext("2d");
  const scale = SHARPNESS / (2 * REACH);
  places.forEach(([x, y], k) => {
    pen.fillStyle = labels ? colour(labels[k]) : colour(0);
    pen.beginPath();
    pen.arc((x + REACH) * scale, (REACH - y) * scale, 5, 0, 2 * Math.PI);
    pen.fill();
  });
  const swatches = labels ? classes.slice(0, COLOURS).map((name, k) => swatch(name, k)) : [];
  byId("legend").replaceChildren(...swatches);
}

function swatch(name, k) {
  const dot = element("span", { class: "dot" });
  dot.style.background = colour(k);
  return element("span", {}, dot, name);
}

function showKind() {
  for (const button of byId("map-kind").children) button.setAttribute("aria-pressed", button.dataset.kind === kind);
  byId("legend").hidden = kind !== "codes";
}

for (const button of byId("map-kind").children) {
  button.addEventListener("click", () => {
    kind = button.dataset.kind;
    showKind();
    fill();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => attempt(() => {
  for (const own of maps) if (own) own.shown = "";
  return fill();
}));
page.addEventListener("sides", build);
page.addEventListener("axes", build);
page.addEventListener("shown", placeMarkers);
page.addEventListener("settled", fill);
