// The same latent as the models drew it during their training.

import { byId, element, latest } from "/static/common.js";
import { drawAnswer, strip } from "/static/canvas.js";
import { changed, page } from "/static/page.js";

let moments = []; // images seen, ascending; null is the end
let strips = []; // each with its side: others may be chosen while it is filled

function build() {
  const counts = new Set(page.sides.flatMap((side) => side.about.snapshots));
  moments = [...[...counts].sort((a, b) => a - b), null];
  const scrubber = byId("moment");
  scrubber.max = moments.length - 1;
  scrubber.value = moments.length - 1;
  scrubber.disabled = moments.length < 2;
  const none = page.sides.filter((side) => !side.about.snapshots.length).map((side) => side.about.name);
  byId("training-words").textContent = "The same latent at each snapshot of the run and at its end."
    + (none.length ? ` No snapshots were kept of ${none.join(" and ")}.` : "");
  strips = page.sides.filter((side) => side.about.snapshots.length).map((side) => ({ side, shown: strip() }));
  byId("stages").replaceChildren(...strips.map(({ side, shown }) =>
    element("figure", {}, shown, element("figcaption", { class: "fine" }, side.about.name))));
  say();
}

/** Goes to a moment: training images after which a model was kept, or null for the end; to no other. */
export function goTo(images) {
  const place = moments.indexOf(images);
  if (place < 0) return;
  byId("moment").value = place;
  scrub();
}

/** Each model as it was at the moment, or at its last snapshot before. */
function scrub() {
  const moment = moments[byId("moment").value];
  for (const side of page.sides) {
    const before = side.about.snapshots.filter((images) => images <= moment);
    side.snapshot = moment === null ? null : (before.at(-1) ?? side.about.snapshots[0] ?? null);
  }
  say();
  changed();
}

function say() {
  const moment = moments[byId("moment").value];
  const words = moment === null ? "at the end of training" : `after ${moment.toLocaleString("en")} training images`;
  byId("moment-value").textContent = words;
  byId("moment").setAttribute("aria-valuetext", words);
}

const fill = latest(() => Promise.all(strips.map(async ({ side, shown }) =>
  drawAnswer(shown, await side.ask("stages", {}, { json: side.point })))));

byId("moment").addEventListener("input", scrub);
page.addEventListener("sides", build);
page.addEventListener("settled", fill);
