// From one kept latent to another.

import { attempt, byId, latest } from "/static/common.js";
import { drawAnswer, strip } from "/static/canvas.js";
import { begin, page } from "/static/page.js";

const ENDS = { first: "A", second: "B" };
let kept = {}; // by end, the latent of each side
let strips = []; // each with its side: others may be chosen while it is filled

async function keep(end) {
  const { sides } = page;
  const latents = await Promise.all(sides.map(async (side) => [side, (await side.latent()).latent[0]]));
  if (page.sides !== sides) return;
  kept[end] = new Map(latents);
  byId(`keep-${end}`).setAttribute("aria-pressed", true);
  if (!kept.first || !kept.second) return;
  byId("share").disabled = false;
  byId("share").value = end === "first" ? 0 : 1;
  strips = sides.map((side) => ({ side, shown: strip() }));
  byId("ways").replaceChildren(...strips.map(({ shown }) => shown));
  await fill();
}

const ends = (side, share) =>
  ({ kind: "between", first: kept.first.get(side), second: kept.second.get(side), share });

const fill = latest(() => Promise.all(strips.map(async ({ side, shown }) =>
  drawAnswer(shown, await side.ask("way", side.moment, { json: ends(side, 0) })))));

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
  begin((side) => ends(side, share), `${Math.round(share * 100)} % of the way from A to B`);
});
page.addEventListener("sides", forget);
page.addEventListener("settled", fill);
