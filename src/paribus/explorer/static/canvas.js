// Pictures on canvases: one canvas pixel for each pixel of the image, so that what is seen is what was decoded.

import { element } from "/static/common.js";

/** A canvas that shows images with hard edges. */
export const canvas = (attributes) => element("canvas", { width: 1, height: 1, class: "pixelated", ...attributes });

/** A canvas for pictures side by side; the slider near it says the same to those who do not see it. */
export const strip = (attributes) => canvas({ class: "pixelated strip", "aria-hidden": "true", ...attributes });

/** Draws an image in its own size; `part` [x, y, width, height] of it, if given. */
export function draw(target, image, part = [0, 0, image.width, image.height]) {
  const [x, y, width, height] = part;
  target.width = width;
  target.height = height;
  target.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
}

/** Draws the image of an answer. */
export async function drawAnswer(target, answer) {
  const image = await createImageBitmap(await answer.blob());
  draw(target, image);
  image.close();
}
