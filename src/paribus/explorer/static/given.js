// What a visitor brings: an image, whose latent is encoded or searched, or a latent that was saved.

import { attempt, byId, element, Told } from "/static/common.js";
import { changed, page, tell } from "/static/page.js";
import { goTo } from "/static/training.js";

const LARGEST = 8 * 2 ** 20; // bytes, as the server has it

/** Takes a file. */
async function take(file) {
  if (file.size > LARGEST) {
    throw new Told({ what: "The file is too large.", where: file.name, expected: "at most 8 MB" });
  }
  const isLatent = file.type === "application/json" || file.name.endsWith(".json");
  await (isLatent ? takeLatent(file) : takeImage(file));
}

async function takeImage(file) {
  page.moves.fill(0); // before the search, so that what is moved meanwhile stays
  tell("moves");
  const cards = page.sides.map((side) => element("p", { class: "fine busy", role: "status" }, waiting(side)));
  byId("seen").replaceChildren(...cards);
  const found = page.sides.map((side, k) => latentOf(side, file, cards[k]));
  await Promise.allSettled(found);
  await Promise.all(found); // what went wrong is told when all have ended
}

const waiting = (side) => `${side.about.name}: ${side.about.encodes ? "encoding" : "searching the latent"} …`;

async function latentOf(side, file, card) {
  let answer;
  try {
    answer = await (await side.ask("image", side.moment, { body: file })).json();
  } catch (error) {
    card.remove();
    throw error;
  }
  const error = answer.mean_squared_error;
  const seenAs = side.about.classes.length ? `, as class ${side.about.classes[side.label]}` : "";
  const near = `Mean squared error ${error.toFixed(4)}, of pixels from 0 to 1.`;
  const words = `${side.about.name}: ${answer.how}${seenAs}. ${near}`;
  card.replaceWith(element("figure", { class: "seen" },
    element("img", { class: "pixelated", src: answer.seen, alt: "Your image as the model sees it" }),
    element("figcaption", { class: "fine" }, words)));
  side.begin({ kind: "given", latent: answer.latent }, `your image, ${file.name}`);
  changed();
}

async function takeLatent(file) {
  const saved = read(await file.text());
  const latent = saved?.latent?.[0], label = saved?.labels?.[0];
  const fitting = page.sides.filter((side) => fits(side, latent, label));
  if (!fitting.length) {
    const labelled = label === undefined ? "" : `, label ${label}`;
    throw new Told({
      what: "The latent fits none of the models shown.", where: file.name,
      got: Array.isArray(latent) ? `${latent.length} numbers${labelled}` : "no latent",
      expected: page.sides.map(wanted).join(", "),
    });
  }
  for (const side of fitting) if (label !== undefined && side.about.classes.length) await side.choose(label);
  page.moves.fill(0);
  tell("moves");
  for (const side of fitting) side.begin({ kind: "given", latent }, `saved latent, ${file.name}`);
  goTo(saved.snapshot ?? null);
  changed();
}

function fits({ about }, latent, label) {
  if (!Array.isArray(latent) || latent.length !== about.latent_dim) return false;
  return label === undefined || !about.classes.length || [...about.classes.keys()].includes(label);
}

const wanted = ({ about }) => `${about.latent_dim} numbers`
  + (about.classes.length ? `, label below ${about.classes.length}` : "") + ` for ${about.name}`;

/** What JSON says; null where it is none. */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const drop = byId("drop");
byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) attempt(() => take(file));
  event.target.value = ""; // so that the same file can be chosen again
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) attempt(() => take(file));
});
page.addEventListener("sides", () => byId("seen").replaceChildren());
