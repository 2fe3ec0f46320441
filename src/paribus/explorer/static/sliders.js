// The sliders along the leading axes, each under a filmstrip of what it would show.

import { byId, element, latest } from "/static/common.js";
import { draw, strip } from "/static/canvas.js";
import { changed, page } from "/static/page.js";

let sliders = [];

/** One slider for each axis that any of the models has. */
function build() {
  const count = Math.max(...page.sides.map((side) => side.axes.names.length));
  page.moves = Array.from({ length: count }, (_, k) => page.moves[k] ?? 0);
  sliders = page.moves.map((_, k) => slider(k, page.sides[0].axes.moves));
  byId("sliders").replaceChildren(...sliders.map((own) => own.element));
  byId("order").replaceChildren(...page.sides.map(words));
}

/** What a model's axes are. */
function words(side) {
  const told = side.axes.without_images ? ` (${side.axes.without_images})` : "";
  return element("span", { class: "line" }, `${side.about.name}: ${side.axes.order}${told}.`);
}

function slider(k, places) {
  const names = page.sides.map((side) => side.axes.names[k]).filter(Boolean).join("  ·  ");
  const value = element("output", { class: "number", for: `move-${k}` });
  const range = element("input", {
    type: "range", id: `move-${k}`, min: places[0], max: places.at(-1), step: 0.1,
    input: () => move(k, Number(range.value)),
  });
  const strips = page.sides.map((side) =>
    side.axes.names[k] ? strip({ click: (event) => jump(event, k, places) }) : null);
  const label = element("label", { for: `move-${k}`, class: "heading" }, element("span", {}, names), value);
  const aligned = element("div", { class: "aligned" }, range);
  const made = element("div", { class: "slider" }, label, ...strips.filter(Boolean), aligned);
  return { element: made, range, value, strips };
}

/** A click on a picture of a filmstrip goes there. */
function jump(event, k, places) {
  const box = event.currentTarget.getBoundingClientRect();
  move(k, places[Math.floor(((event.clientX - box.left) / box.width) * places.length)]);
}

function move(k, place) {
  page.moves[k] = place;
  placeSliders();
  changed();
}

function placeSliders() {
  sliders.forEach(({ range, value }, k) => {
    range.value = page.moves[k];
    value.textContent = page.moves[k].toFixed(1);
  });
}

async function fillStrips(side, column) {
  const sheet = await createImageBitmap(await (await side.ask("strips", {}, { json: side.point })).blob());
  const { size } = side.about;
  sliders.forEach(({ strips }, k) => strips[column] && draw(strips[column], sheet, [0, k * size, sheet.width, size]));
  sheet.close();
}

const fill = latest(() => Promise.all(page.sides.map(fillStrips)));

function rebuild() {
  build();
  placeSliders();
}

page.addEventListener("sides", rebuild);
page.addEventListener("axes", rebuild);
page.addEventListener("moves", placeSliders);
page.addEventListener("settled", fill);
byId("reset").addEventListener("click", () => {
  page.moves.fill(0);
  placeSliders();
  changed();
});
