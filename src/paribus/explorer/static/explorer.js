// The explorer: which models are shown, and where their latents begin.

import { ask, attempt, byId, element, latest } from "/static/common.js";
import { changed, page, tell } from "/static/page.js";
import { Side } from "/static/side.js";
import "/static/sliders.js";
import "/static/map.js";
import "/static/given.js";
import "/static/way.js";
import "/static/training.js";
import "/static/nearest.js";
import "/static/game.js";

const NONE = "none";
const first = byId("first"), second = byId("second"), seed = byId("seed"), temperature = byId("temperature");

/** Shows the models that are chosen: their pictures at once, all else when their axes are found. */
const choose = latest(async () => {
  const numbers = [first, second].map((chooser) => chooser.value).filter((value) => value !== NONE).map(Number);
  wait(true);
  page.sides = await Promise.all(numbers.map((number) => Side.of(number)));
  const { sides } = page;
  temperature.max = Math.min(...sides.map((side) => side.about.largest_temperature));
  byId("pictures").replaceChildren(...sides.map((side) => side.element));
  byId("tools").replaceChildren(...sides.map((side) => side.tools));
  document.body.classList.toggle("two", sides.length > 1);
  drawStart();
  page.moves = [];
  await Promise.all(sides.map((side) => side.show()));
  await Promise.all(sides.map((side) => side.findAxes()));
  tell("sides");
  changed();
  wait(false);
});

/** What works with the axes waits until they are found; where that fails, for another choice. */
function wait(waiting) {
  for (const part of document.querySelectorAll(".waits")) part.inert = waiting;
  if (waiting) byId("order").textContent = "The models are loaded, and their leading directions found …";
}

/** Lets all models begin with a draw of their own, from the same seed. */
function drawStart() {
  const number = Math.max(0, Math.trunc(Number(seed.value)) || 0);
  const start = { kind: "drawn", seed: number, temperature: Number(temperature.value) };
  byId("temperature-value").textContent = start.temperature.toFixed(2);
  const warmth = start.temperature === 1 ? "" : `, temperature ${start.temperature.toFixed(2)}`;
  for (const side of page.sides) side.begin(start, `draw ${start.seed}${warmth}`);
}

function redraw() {
  drawStart();
  changed();
}

async function open() {
  const names = await (await ask("models")).json();
  const options = () => names.map((name, k) => element("option", { value: k }, name));
  first.replaceChildren(...options());
  second.replaceChildren(element("option", { value: NONE }, "no other"), ...options());
  if (names.length === 2) second.value = 1;
  await choose();
}

for (const chooser of [first, second]) chooser.addEventListener("change", () => choose());
for (const input of [seed, temperature]) input.addEventListener("input", redraw);
byId("another").addEventListener("click", () => {
  seed.value = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
  redraw();
});
attempt(open);
