// What is to be trained: data, models, and their settings as sliders.

import { byId, element } from "./common.js";
import { drawThumbnail, unpacked } from "./laboratory-draw.js";

const STEPS = { label: "Steps", low: 100, high: 10000, scale: "steps" };
const DECADE = 20; // positions of a logarithmic slider

/** Values of a control from left to right. */
const scales = {
  whole: ({ low, high }) => ({ positions: high - low, value: (k) => low + k, position: (v) => v - low }),
  doubling: ({ low, high }) => ({
    positions: Math.log2(high / low), value: (k) => low * 2 ** k, position: (v) => Math.log2(v / low),
  }),
  linear: ({ low, high }) => ({
    positions: 100, value: (k) => rounded(low + (high - low) * k / 100), position: (v) => 100 * (v - low) / (high - low),
  }),
  log: ({ low, high }) => ({
    positions: Math.round(DECADE * Math.log10(high / low)),
    value: (k) => rounded(low * 10 ** (k / DECADE)),
    position: (v) => DECADE * Math.log10(v / low),
  }),
};
scales.steps = scales.log;

const rounded = (value) => Number(value.toPrecision(2));

/** A slider with its label and its value; `changed` is told of new values. */
function slider(control, value, changed, path) {
  const scale = scales[control.scale](control);
  const output = element("output", {}, String(value));
  const input = element("input", {
    type: "range", min: 0, max: scale.positions, step: 1, value: Math.round(scale.position(value)),
    "aria-valuetext": String(value), "data-path": path,
    input: () => {
      const found = scale.value(Number(input.value));
      output.textContent = String(found);
      input.setAttribute("aria-valuetext", String(found));
      changed(found);
    },
  });
  return element("label", { class: "slider" }, element("span", {}, control.label), output, input);
}

/** The controls of the page; `order()` is what the server is asked for. */
export class Controls {
  constructor(choices) {
    this.choices = choices;
    this.data = choices.begin;
    this.steps = 2000;
    this.models = ["gan", null];
    this.equal = {}; // by path: what both models have
    this.own = [{}, {}]; // by side and path: what belongs to one objective
    this.#makeData();
    this.#makeModels();
    this.#makeSliders();
  }

  /** Sets everything as an experiment wants it. */
  set({ data, seed, steps, equal, sides }) {
    this.data = data;
    this.steps = steps;
    byId("seed").value = seed;
    this.equal = { ...equal };
    this.models = [0, 1].map((side) => sides[side]?.model ?? null);
    this.own = [0, 1].map((side) => ({ ...sides[side]?.settings }));
    byId("data").querySelector(`[value=${data}]`).checked = true;
    this.models.forEach((model, side) => { byId(`model-${side}`).value = model ?? ""; });
    this.#makeSliders();
  }

  /** What is to be trained, for the server. */
  order() {
    const sides = this.models.flatMap((model, side) => {
      if (model === null) return [];
      const found = Object.entries(this.#controls(model));
      return [{ model, settings: Object.fromEntries(found.map(([path, it]) => [path, this.#value(side, path, it)])) }];
    });
    return { data: this.data, seed: byId("seed").valueAsNumber, steps: this.steps, sides };
  }

  /** What to call each side: its model and, where both are the same one, what sets them apart. */
  names() {
    if (this.models[0] !== this.models[1]) return this.models;
    return this.models.map((model, side) => {
      const found = Object.entries(this.#controls(model)).filter(([path, control]) =>
        control.own && this.#value(0, path, control) !== this.#value(1, path, control));
      return [model, ...found.map(([path, it]) => `${it.label}: ${this.#value(side, path, it)}`)].join(", ");
    });
  }

  #controls(model) {
    return model === null ? {} : this.choices.models[model].controls;
  }

  #value(side, path, control) {
    return (control.own ? this.own[side] : this.equal)[path] ?? control.value;
  }

  #makeData() {
    for (const set of this.choices.data) {
      const picture = element("canvas", { "aria-hidden": "true" });
      const radio = element("input", {
        type: "radio", name: "data", value: set.name, checked: set.name === this.data, change: () => { this.data = set.name; },
      });
      byId("data").append(element("label", {}, radio, picture, element("span", {}, set.name)));
      const points = unpacked(set.points);
      new ResizeObserver(() => drawThumbnail(picture, points)).observe(picture);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawThumbnail(picture, points));
    }
  }

  #makeModels() {
    [0, 1].forEach((side) => {
      const select = byId(`model-${side}`);
      if (side === 1) select.append(element("option", { value: "" }, "none"));
      for (const name of Object.keys(this.choices.models)) select.append(element("option", { value: name }, name));
      select.value = this.models[side] ?? "";
      select.addEventListener("change", () => {
        this.models[side] = select.value || null;
        const offered = this.#controls(this.models[side]); // what both objectives have stays as it was set
        this.own[side] = Object.fromEntries(Object.entries(this.own[side]).filter(([path]) => path in offered));
        this.#makeSliders();
      });
    });
  }

  #makeSliders() {
    const equal = {};
    this.models.forEach((model, side) => {
      const made = [];
      for (const [path, control] of Object.entries(this.#controls(model))) {
        if (control.own) {
          made.push(slider(control, this.#value(side, path, control), (v) => { this.own[side][path] = v; }, path));
        } else equal[path] = control;
      }
      byId(`own-${side}`).replaceChildren(...made);
      const title = this.models[0] === this.models[1] ? `${model}, ${side ? "right" : "left"}` : `${model} alone`;
      byId(`own-title-${side}`).textContent = made.length ? title : "";
    });
    byId("equal-title").textContent = this.models[1] === null ? "" : "Equal for both";
    byId("equal").replaceChildren(
      slider(STEPS, this.steps, (value) => { this.steps = value; }, "steps"),
      ...Object.entries(equal).map(([path, control]) =>
        slider(control, this.#value(0, path, control), (value) => { this.equal[path] = value; }, path)),
    );
  }
}
