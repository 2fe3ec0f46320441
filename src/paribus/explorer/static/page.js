// What the page is about: one or two models, how far their latents are moved, and who wants to know of changes.

const SETTLED = 200; // milliseconds without a change

/**
 * Tells "sides" when other models are shown, "settled" a moment after the last change of what they show.
 * `sides` are the models shown; `moves` how far from the start along each leading axis, the same for all of them.
 */
export const page = Object.assign(new EventTarget(), { sides: [], moves: [] });

let timer = 0;

/** Shows what has changed: the pictures at once, all that goes with them when nothing changes any more. */
export function changed() {
  for (const side of page.sides) side.show();
  clearTimeout(timer);
  timer = setTimeout(() => tell("settled"), SETTLED);
}

/** Calls those who listen to the page. */
export const tell = (name) => page.dispatchEvent(new Event(name));

/** Begins somewhere else: `startOf(side)` is a point's start, `words` say what it is. */
export function begin(startOf, words) {
  page.moves.fill(0);
  for (const side of page.sides) side.begin(startOf(side), words);
  tell("moves");
  changed();
}
