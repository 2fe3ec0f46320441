// Real or fake? The share of a visitor's wrong answers for each model, beside what guessing gives.

import { attempt, byId, element } from "/static/common.js";
import { page } from "/static/page.js";
import { wilson } from "/static/interval.js";

const ROUND = 10; // pictures of each model
const scores = new Map(); // by the model's name: {wrong, count}
let queue = [];

/** Begins a round: the pictures of all models that are shown, in random order. */
async function play() {
  const rounds = await Promise.all(page.sides.map(async (side) => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const pictures = await (await side.ask("round", { seed, count: ROUND })).json();
    return pictures.map((picture) => ({ ...picture, name: side.about.name }));
  }));
  queue = shuffled(rounds.flat());
  next();
}

function shuffled(items) {
  const numbers = crypto.getRandomValues(new Uint32Array(items.length));
  return items.map((item, k) => [numbers[k], item]).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
}

function next() {
  if (!queue.length) return end();
  const image = element("img", { class: "pixelated quiz", src: queue[0].image, alt: "Real or fake?" });
  const button = (words, real, key) =>
    element("button", { "aria-keyshortcuts": key, click: () => answer(real) }, words);
  const left = element("p", { class: "fine" }, `${queue.length} left`);
  render(image, element("div", { class: "row" }, button("Real", true, "R"), button("Fake", false, "F")), left);
  return undefined;
}

function answer(real) {
  const { name, real: truth, image } = queue.shift();
  const score = scores.get(name) ?? { wrong: 0, count: 0 };
  scores.set(name, { wrong: score.wrong + (real !== truth), count: score.count + 1 });
  const words = `${real === truth ? "Right" : "Wrong"}: ${truth ? "a test image" : `a sample of ${name}`}.`;
  const attributes = { class: "main", "aria-keyshortcuts": "N", click: next };
  const on = element("button", attributes, queue.length ? "Next" : "Done");
  render(element("img", { class: "pixelated quiz", src: image, alt: words }),
    element("p", { role: "status" }, words), element("div", { class: "row" }, on), table());
  on.focus({ preventScroll: true });
}

function end() {
  queue = [];
  const more = element("button", { click: () => attempt(play) }, scores.size ? "Another round" : "Play a round");
  render(...(scores.size ? [table()] : []), element("div", { class: "row" }, more));
}

function table() {
  const rows = [...scores].map(([name, { wrong, count }]) => {
    const [share, low, high] = [wrong / count, ...wilson(wrong, count)].map((part) => Math.round(part * 100));
    return element("tr", { "data-model": name }, element("th", { scope: "row" }, name),
      element("td", { class: "number" }, `${wrong} of ${count} wrong: ${share} %`),
      element("td", { class: "number fine" }, `${low} to ${high} %`));
  });
  const columns = ["model", "your errors", "95 % interval"].map((word) => element("th", { scope: "col" }, word));
  const head = element("thead", {}, element("tr", {}, ...columns));
  const note = "Who cannot tell them apart is wrong 50 % of the time. "
    + "Errors on test images and on samples count alike.";
  return element("div", { class: "score" },
    element("table", {}, head, element("tbody", {}, ...rows)), element("p", { class: "fine" }, note));
}

const render = (...parts) => byId("game").replaceChildren(...parts);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const button = byId("game").querySelector(`[aria-keyshortcuts=${CSS.escape(event.key.toUpperCase())}]`);
  button?.click();
});
page.addEventListener("sides", end);
