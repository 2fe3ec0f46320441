// From one kept latent to another.

import { attempt, byId, latest } from "/static/common.js";
import { drawAnswer, strip } from "/static/canvas.js";
import { begin, page } from "/static/page.js";

const ENDS = { first: "A", second: "B" };
let kept = {}; // by end, a latent for each side
let strips = [];

async function keep(end) {
  kept[end] = await Promise.all(page.sides.map(async (side) => (await side.latent()).latent[0]));
  byId(`keep-${end}`).setAttribute("aria-pressed", true);
  if (!kept.first || !kept.second) return;
  byId("share").disabled = false;
  byId("share").value = end === "first" ? 0 : 1;
  strips = page.sides.map(() => strip());
  byId("ways").replaceChildren(...strips);
  await fill();
}

const ends = (k, share) => ({ kind: "between", first: kept.first[k], second: kept.second[k], share });

const fill = latest(() => Promise.all(strips.map(async (shown, k) => {
  const side = page.sides[k];
  await drawAnswer(shown, await side.ask("way", side.moment, { json: ends(k, 0) }));
})));

function forget() {
  kept = {};
  strips = [];
  byId("ways").replaceChildren();
  byId("share").disabled = true;
  for (const end of Object.keys(ENDS)) byId(`keep-${end}`).setAttribute("aria-pressed", false);
}

for (const end of Object.keys(ENDS)) byId(`keep-${end}`).addEventListener("click", () => attempt(() => keep(end)));
byId("share").addEventListener("input", (event) => {
  const share = Number(event.target.value);
  begin((side) => ends(page.sides.indexOf(side), share), `${Math.round(share * 100)} % of the way from A to B`);
});
page.addEventListener("sides", forget);
page.addEventListener("settled", fill);
