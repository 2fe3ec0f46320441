// Did it memorise? The training images nearest to the picture, beside how near held-out images come.

import { attempt, byId, element } from "/static/common.js";
import { page } from "/static/page.js";

const percent = (share) => `${Math.round(share * 100)} %`;

async function find() {
  const { sides } = page; // others may be chosen meanwhile, and no answer is theirs
  const space = byId("space").value;
  const box = byId("nearest");
  const once = space === "pixels" ? "" : " The first time the encoder reads them all, which may take minutes.";
  const words = `Comparing with every training image …${once}`;
  box.replaceChildren(element("p", { class: "fine busy", role: "status" }, words));
  try {
    const answers = await Promise.all(sides.map(async (side) =>
      shown(side, await (await side.ask("nearest", { space }, { json: side.point })).json())));
    if (page.sides === sides) box.replaceChildren(...answers);
  } catch (error) {
    if (page.sides === sides) box.replaceChildren();
    throw error;
  }
}

function shown(side, answer) {
  const digits = answer.space === "pixels" ? 0 : 2;
  const tiles = answer.neighbours.map((one) => {
    const alt = `Training image${one.class === null ? "" : ` of class ${one.class}`}`;
    return element("figure", {}, element("img", { class: "pixelated", src: one.image, alt }),
      element("figcaption", { class: "fine number" }, one.distance.toFixed(digits)));
  });
  return element("div", {}, element("h3", {}, side.about.name),
    element("div", { class: "neighbours" }, ...tiles), element("p", { class: "fine" }, judged(answer, digits)));
}

/** What the distances say, and what they do not. */
function judged({ held_out: held, searched, neighbours }, digits) {
  const near = neighbours[0].distance.toFixed(digits), usual = held.median.toFixed(digits);
  const among = `Nearest of ${searched.toLocaleString("en")}: at ${near}. `
    + `A test image's nearest is at ${usual} (median of ${held.count}).`;
  if (held.nearer_than === 1) return `${among} None of the test images comes so near: this may be a copy.`;
  const asNear = percent(1 - held.nearer_than);
  return `${among} ${asNear} of the test images come at least as near: no sign of a copy in this one.`;
}

byId("find").addEventListener("click", () => attempt(find));
page.addEventListener("sides", () => byId("nearest").replaceChildren());
