// sliders move a latent of each model, and its decoder draws the picture
(() => {
  const live = document.getElementById("live"), data = document.getElementById("live-data");
  if (!data) return;
  const part = (selector) => [...live.querySelectorAll(selector)], one = (selector) => live.querySelector(selector);
  const sliders = part("input[type=range]"), seed = one("#live-seed"), chosen = one("#live-class");

  const panels = JSON.parse(data.textContent).map(({ name, program, image: { channels, size }, ...rest }, k) => {
    const decode = decoderOf(program), moves = decoderOf.floats(rest.moves), draws = decoderOf.floats(rest.draws);
    const [length, classes] = program.inputs, area = size * size, canvas = part("canvas")[k];
    const pen = canvas.getContext("2d", { willReadFrequently: true });  // all pixels are made by the processor
    const picture = pen.createImageData(size, size);
    const draw = (start, places, label) => {
      const z = draws.slice(start * length, (start + 1) * length), inputs = [z];
      places.slice(0, rest.shares.length).forEach((place, axis) => {
        for (let i = 0; i < length; i++) z[i] += place * moves[axis * length + i];
      });
      if (classes) inputs.push(Float32Array.from({ length: classes }, (_, c) => Number(c === label % classes)));
      const pixels = decode(...inputs);
      for (let p = 0; p < area; p++) {
        for (let c = 0; c < 3; c++) picture.data[4 * p + c] = 255 * pixels[(channels === 1 ? 0 : c * area) + p];
        picture.data[4 * p + 3] = 255;
      }
      pen.putImageData(picture, 0, 0);
      canvas.setAttribute("aria-label", `${name}, seed ${start}${places.some(Boolean) ? ", moved" : ""}`);
    };
    return { draw, seeds: draws.length / length };
  });

  const last = Math.min(...panels.map(({ seeds }) => seeds)) - 1;
  let waiting = false;
  const show = () => {
    waiting = false;
    const start = Math.max(0, Math.min(last, Math.round(Number(seed.value)) || 0));
    for (const { draw } of panels) draw(start, sliders.map((slider) => Number(slider.value)), Number(chosen?.value));
  };
  const soon = () => {  // once a frame, however many events there are
    for (const slider of sliders) slider.nextElementSibling.value = Number(slider.value).toFixed(2);
    if (!waiting) requestAnimationFrame(show);
    waiting = true;
  };
  live.addEventListener("input", soon);
  one("#live-new").addEventListener("click", () => {
    seed.value = (Number(seed.value) + 1) % (last + 1);
    soon();
  });
  one("#live-middle").addEventListener("click", () => {
    for (const slider of sliders) slider.value = 0;
    soon();
  });
  seed.max = last;
  seed.addEventListener("change", () => { seed.value = Math.max(0, Math.min(last, Math.round(Number(seed.value)) || 0)); });
  one("#live-off").hidden = true;
  one(".live").hidden = false;
  soon();
})();
