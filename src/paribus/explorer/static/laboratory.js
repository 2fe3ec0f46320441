// The laboratory's page: what is trained, and what is seen of it.

import { Told, ask, attempt, byId, element } from "./common.js";
import { Controls } from "./laboratory-controls.js";
import { colours, drawCurves, drawLatents, drawMark, drawPlane, drawScale, scaleOf, unpacked } from "./laboratory-draw.js";

const POLL = 250, PLAY = 140; // milliseconds
const ARRAYS = ["samples", "near", "judged", "push", "mesh", "latents", "spreads"];
const MARKS = { map: "D's map", arrows: "push on G's samples", data: "data", samples: "samples, near the data or not", mesh: "plane of z" };
const LINES = ["s0", "s1"];

let controls, training = null, now = 0, follows = true, timer = null;
const shown = { map: true, arrows: true, data: true, samples: true, mesh: false };

const percent = (share) => `${Math.round(100 * share)} %`;
const short = (value) => String(Number(value.toPrecision(3)));

/** A model of the training: what the server says of it, its frames, and where it is drawn. */
class Side {
  constructor(index, asked, name, given, choices) {
    this.model = asked.model;
    this.name = name;
    this.judgement = choices.models[asked.model].judgement;
    this.modes = choices.modes;
    this.data = unpacked(given.data);
    this.z = unpacked(given.z);
    this.frames = [];
    this.plane = element("canvas", { class: "plane", role: "img" });
    this.latent = element("canvas", { class: "plane", role: "img" });
    this.bar = element("canvas", { "aria-hidden": "true" });
    this.ends = element("div", { class: "ends" });
    this.caption = element("figcaption");
    this.heading = element("div", {}, element("h3", {}, name), element("p", { class: "fine about" }, choices.models[asked.model].about));
    this.latentBox = element("div", { class: "latent", hidden: true }, this.latent, element("p", { class: "legend" },
      "The plane of z: the prior's deviations 1, 2 and 3, the data as they are encoded (blue), and the samples' z."));
    this.legend = element("div", { class: "legend", hidden: this.judgement === null }, this.bar, this.ends);
    this.figure = element("figure", { class: "side", "data-side": index },
      this.heading, element("div", {}, this.plane, this.legend), this.latentBox, this.caption);
  }

  /** How far the latent plane is shown: all but the outermost latents of the frames so far. */
  get reach() {
    const lengths = this.frames.flatMap((frame) => (frame.latents ? [...frame.latents].map(Math.abs) : [])).sort((a, b) => a - b);
    return Math.max(3.3, 1.05 * (lengths[Math.floor(0.995 * (lengths.length - 1))] ?? 0));
  }

  add(frames) {
    for (const frame of frames) {
      for (const name of ARRAYS) if (frame[name]) frame[name] = unpacked(frame[name]);
      this.frames.push(frame);
    }
    this.outer = this.reach;
  }

  show(index) {
    const frame = this.frames[Math.min(index, this.frames.length - 1)];
    if (!frame) return;
    this.latentBox.hidden = !frame.latents;
    this.figure.classList.toggle("alone", training.sides.length === 1 && Boolean(frame.latents));
    drawPlane(this.plane, frame, this.data, this.judgement, shown);
    if (frame.latents) drawLatents(this.latent, frame, this.z, this.outer);
    if (this.judgement !== null) this.#legend(frame);
    const found = `${Math.round(frame.modes * this.modes)} of ${this.modes} modes`;
    const near = `${percent(frame.quality)} of samples near the data`;
    const decoded = frame.restored === null ? "" : `, and ${percent(frame.restored)} of the data when encoded and decoded`;
    const losses = Object.entries(frame.terms).filter(([name]) => name.endsWith("/loss")).map(([name, value]) => `${name} ${short(value)}`);
    this.caption.replaceChildren(element("b", {}, found), `, ${near}${decoded}. `, element("span", { class: "fine" }, losses.join(" · ")));
    this.plane.setAttribute("aria-label", `${this.name} after ${frame.step} steps: ${found}, ${near}`);
    this.latent.setAttribute("aria-label", `Latent plane of ${this.name} after ${frame.step} steps`);
    Object.assign(this.figure.dataset, { step: frame.step, modes: frame.modes, quality: frame.quality, restored: frame.restored ?? "" });
  }

  #legend(frame) {
    const [low, middle, high] = scaleOf(frame.judged, this.judgement).ends.map(short);
    const words = this.judgement === "logit" ? ["D: generated", "", "real"] : ["D: low", "", "high"];
    drawScale(this.bar);
    this.ends.replaceChildren(...[`${words[0]} ${low}`, middle, `${words[2]} ${high}`].map((text) => element("span", {}, text)));
  }
}

/** A chart of one or more shares over the frames. */
function chart(title, names) {
  const canvas = element("canvas", { role: "img" }), legend = element("div", { class: "row" });
  canvas.addEventListener("click", (event) => {
    const share = (event.offsetX - 38) / (canvas.clientWidth - 46);
    choose(Math.round(share * (training.looks.length - 1)));
  });
  return {
    figure: element("figure", {}, element("figcaption", {}, element("h3", {}, title), legend), canvas),
    draw() {
      const lines = training.sides.flatMap((side, k) => names.flatMap(([name, dashed]) => {
        const values = side.frames.map((frame) => frame[name]).filter((value) => value !== null);
        return values.length ? [{ values, colour: LINES[k], dashed }] : [];
      }));
      drawCurves(canvas, lines, training.looks, now);
      const ink = colours();
      const keys = training.sides.map((side, k) => {
        const key = element("span", { class: "key" }, side.name);
        key.style.color = ink[LINES[k]];
        return key;
      });
      const dashed = names.some(([name, isDashed]) => isDashed && training.sides.some((side) => side.frames[0]?.[name] !== null));
      legend.replaceChildren(...keys, ...(dashed ? [element("span", { class: "fine" }, "dashed: the data, encoded and decoded")] : []));
      const last = training.sides.map((side) => `${side.name} ${percent(side.frames.at(-1)?.[names[0][0]] ?? 0)}`);
      canvas.setAttribute("aria-label", `${title} over the steps; at the end ${last.join(", ")}`);
    },
  };
}

const charts = [chart("Modes found", [["modes", false]]), chart("Samples near the data", [["quality", false], ["restored", true]])];

const sizes = new ResizeObserver(() => draw());

function draw() {
  if (!training) return;
  for (const side of training.sides) side.show(now);
  for (const each of charts) each.draw();
  for (const canvas of byId("shown").querySelectorAll("canvas")) drawMark(canvas, canvas.dataset.kind);
  const scrubber = byId("scrubber");
  scrubber.value = now;
  scrubber.setAttribute("aria-valuetext", `step ${training.looks[now]}`);
  byId("step").textContent = `${training.looks[now]} of ${training.looks.at(-1)}`;
}

/** Frames that all sides have. */
const ready = () => Math.min(...training.sides.map((side) => side.frames.length));

function choose(frame) {
  now = Math.max(0, Math.min(frame, ready() - 1));
  follows = now === ready() - 1;
  draw();
}

function play(on) {
  clearInterval(timer);
  timer = null;
  byId("play").textContent = on ? "❚❚" : "▶";
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  if (!on) return;
  if (now >= ready() - 1) now = 0;
  timer = setInterval(() => {
    choose(now + 1);
    if (now >= ready() - 1 && byId("stop").hidden) play(false);
  }, PLAY);
}

function working(on) {
  byId("stop").hidden = !on;
  byId("progress").hidden = !on;
}

async function train() {
  const order = controls.order();
  const told = await (await ask("trainings", { json: order })).json();
  play(false);
  const set = controls.choices.data.find(({ name }) => name === order.data);
  const names = controls.names();
  const sides = order.sides.map((asked, k) =>
    new Side(k, asked, names[k], told.sides[k], { ...controls.choices, modes: set.modes }));
  training = { number: told.number, looks: told.looks, sides };
  [now, follows] = [0, true];
  byId("sides").replaceChildren(...sides.map((side) => side.figure));
  byId("scrubber").max = told.looks.length - 1;
  byId("nothing").hidden = true;
  for (const id of ["transport", "shown", "curves", "words"]) byId(id).hidden = false;
  working(true);
  sizes.disconnect();
  sides.forEach((side) => sizes.observe(side.figure));
  if (byId("stage").getBoundingClientRect().top > 0.6 * innerHeight) byId("stage").scrollIntoView();
  attempt(() => watch(training));
}

async function watch(watched) {
  for (;;) {
    const told = await (await ask(`trainings/${watched.number}?after=${ready()}`)).json();
    if (training !== watched) return;
    const after = ready();
    told.sides.forEach((frames, k) => {
      watched.sides[k].frames.length = after; // one side may be a frame ahead
      watched.sides[k].add(frames);
    });
    if (follows && timer === null) now = Math.max(0, ready() - 1);
    draw();
    const step = watched.looks[Math.max(0, ready() - 1)];
    byId("progress").value = step / watched.looks.at(-1);
    byId("state").textContent = { training: `step ${step}`, stopped: `stopped at step ${step}` }[told.state] ?? "";
    byId("stage").dataset.state = told.state;
    if (told.state !== "training") {
      working(false);
      if (told.trouble) throw new Told(told.trouble);
      return;
    }
    await new Promise((resolve) => { setTimeout(resolve, POLL); });
  }
}

function begin(experiment) {
  controls.set(experiment);
  for (const name of Object.keys(shown)) {
    shown[name] = experiment.shown.includes(name);
    byId(`shown-${name}`).checked = shown[name];
  }
  byId("look").textContent = experiment.look;
  return attempt(train);
}

function makeMarks() {
  for (const [name, words] of Object.entries(MARKS)) {
    const box = element("input", {
      type: "checkbox", id: `shown-${name}`, checked: shown[name], change: () => { shown[name] = box.checked; draw(); },
    });
    byId("shown").append(element("label", {}, box, element("canvas", { "data-kind": name, "aria-hidden": "true" }), words));
  }
}

async function start() {
  const choices = await (await ask("choices")).json();
  controls = new Controls(choices);
  makeMarks();
  byId("curves").append(...charts.map((each) => each.figure));
  byId("settings").open = matchMedia("(min-width: 62rem)").matches;
  byId("experiments").append(...choices.experiments.map((experiment) =>
    element("button", { type: "button", click: () => begin(experiment) }, experiment.name)));
  byId("controls").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(train);
  });
  byId("stop").addEventListener("click", () => attempt(() => ask(`trainings/${training.number}/stop`, { json: {} })));
  byId("scrubber").addEventListener("input", (event) => {
    play(false);
    choose(Number(event.target.value));
  });
  byId("play").addEventListener("click", () => play(timer === null));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

attempt(start);
