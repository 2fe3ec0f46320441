"""How long a report's page takes for one image, in headless chromium, beside torch in Python; weights are untrained.

python benchmarks/live.py                        the models of `make demo`, at 8x8 and 28x28
python benchmarks/live.py --models dcgan --sizes 28 64
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from harness import CHROMIUM, Result, command, show
from playwright.sync_api import Page, sync_playwright

import paribus.report
from paribus.config import ImageShape
from paribus.exports.networks import DecoderModule
from paribus.exports.program import program_of
from paribus.models import Model, build_networks
from paribus.recipes import resolve

INTERPRETER = Path(paribus.report.__file__).parent / "templates" / "decoder.js"
RUN = """([program, row, calls]) => {
  const decode = decoderOf(program), z = Float32Array.from(row), spent = [];
  for (let k = 0; k < calls; k++) {
    const start = performance.now();
    decode(z);
    spent.push(performance.now() - start);
  }
  return spent;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--models", nargs="+", default=["vae", "conv-vae", "gan", "dcgan"], help="without classes")
    parser.add_argument("--sizes", nargs="+", type=int, default=[8, 28], help="edges of the images in pixels")
    parser.add_argument("--calls", type=int, default=50, help="images of which the median is taken")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'':<44}{'page':>12}{'torch':>12}")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.add_script_tag(content=INTERPRETER.read_text())
        cases = [(name, size) for size in arguments.sizes for name in arguments.models]
        show([_measured(page, name, size, arguments.calls) for name, size in cases], arguments.json)
        browser.close()


def _measured(page: Page, name: str, size: int, calls: int) -> Result:
    config, image = resolve(name), ImageShape(1, size)
    model = Model(config, {"G": build_networks(config, image)["G"]}, image)
    decoder, z = DecoderModule(model), model.latents(1)
    program = program_of(decoder, [z]).as_json()
    ours = statistics.median(page.evaluate(RUN, [program, z[0].tolist(), calls]))
    peer = statistics.median(_torch_milliseconds(decoder, z) for _ in range(calls))
    return Result(f"{name}, 1x{size}x{size}", ours, peer, ours / peer, None, "ms/image", command())


def _torch_milliseconds(decoder: DecoderModule, z: torch.Tensor) -> float:
    start = time.perf_counter()
    with torch.inference_mode():
        decoder(z)
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
