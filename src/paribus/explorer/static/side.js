// One of the models that are shown: its picture, its class, and its point of latent space.

import { ask, attempt, element, latest, save } from "/static/common.js";
import { canvas, draw } from "/static/canvas.js";
import { changed, page, tell } from "/static/page.js";

export class Side {
  /**
   * @param {number} number of the model
   * @param {object} about what the server says of it
   */
  constructor(number, about) {
    Object.assign(this, { number, about, start: null, words: "", label: about.classes.length ? 0 : null });
    Object.assign(this, { snapshot: null, axes: null, place: null, png: null });
    this.canvas = canvas({ role: "img", class: "pixelated picture" });
    this.caption = element("p", { class: "fine number" });
    const named = element("figcaption", {}, element("h2", {}, about.name), this.caption);
    this.element = element("figure", { class: "side" }, this.canvas, named);
    this.tools = this.#tools();
    this.show = latest(() => this.#show());
  }

  /** A model as the server knows it, without its axes. */
  static async of(number) {
    return new Side(number, await (await ask(`models/${number}`)).json());
  }

  /** Finds the axes of a class, which is the model's as soon as they are there. */
  async findAxes(label = this.label) {
    this.axes = await (await this.ask("axes", { label })).json();
    this.label = label;
  }

  /** Asks the server about this model; `query` as an object, `options` as those of `ask`. */
  ask(what, query = {}, options = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
    return ask(`models/${this.number}/${what}?${new URLSearchParams(given)}`, options);
  }

  get moment() {
    return { label: this.label, snapshot: this.snapshot };
  }

  get point() {
    return { start: this.start, moves: page.moves, ...this.moment };
  }

  begin(start, words) {
    this.start = start;
    this.words = words;
  }

  async #show() {
    const point = structuredClone(this.point), words = this.words; // what comes meanwhile is shown by the next call
    const answer = await this.ask("picture", {}, { json: point });
    this.png = await answer.blob();
    const place = answer.headers.get("Paribus-Place");
    this.place = place ? place.split(" ").map(Number) : null;
    const image = await createImageBitmap(this.png);
    draw(this.canvas, image);
    image.close();
    this.#say(point, words);
    tell("shown");
  }

  #say({ moves, snapshot }, words) {
    const moved = moves.some((move) => move !== 0) ? ", moved" : "";
    const when = snapshot === null ? "" : `, after ${snapshot.toLocaleString("en")} images`;
    this.caption.textContent = words + moved + when;
    this.canvas.setAttribute("aria-label", `Picture by ${this.about.name}: ${this.caption.textContent}`);
  }

  /** The chooser of its class, and what is saved. */
  #tools() {
    const stem = this.about.name.replaceAll(/[^\w]+/g, "-").replace(/-$/, "");
    const picture = element("button", { click: () => this.png && save(`${stem}.png`, this.png) }, "Save picture");
    const saved = () => attempt(() => this.#saveLatent(`${stem}-latent.json`));
    const latent = element("button", { click: saved }, "Save latent");
    const chooser = this.about.classes.length ? [this.#chooser()] : [];
    const row = element("div", { class: "row" }, picture, latent);
    return element("div", { "aria-label": this.about.name, role: "group" }, ...chooser, row);
  }

  #chooser() {
    const options = this.about.classes.map((name, k) => element("option", { value: k }, name));
    const chosen = () => attempt(() => this.choose(Number(this.chooser.value)));
    this.chooser = element("select", { change: chosen }, ...options);
    return element("label", { class: "row" }, "Class ", this.chooser);
  }

  /** Another class, whose axes may be others. */
  async choose(label) {
    try {
      await this.findAxes(label);
    } finally {
      this.chooser.value = this.label;
    }
    if (page.sides.every((side) => side.axes)) tell("axes"); // else "sides" is told when all are found
    changed();
  }

  async latent() {
    return (await this.ask("latent", {}, { json: this.point })).json();
  }

  async #saveLatent(name) {
    save(name, new Blob([JSON.stringify(await this.latent(), null, 1)], { type: "application/json" }));
  }
}
