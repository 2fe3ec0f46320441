"""Milliseconds from a slider's move to the picture on the page, in a real browser, beside the decoding alone.

A small DCGAN of 28x28 images is trained for a moment first: how good it is makes no difference here.

python benchmarks/explorer.py                       about half a minute
python benchmarks/explorer.py --run FOLDER          a run of one's own
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from harness import CHROMIUM, Result, command, show
from playwright.sync_api import sync_playwright

from paribus.models import load_model
from paribus.training.hardware import usable_cores

WARM_UP = 10
MOVE = """async (count) => {
  const { page } = await import("/static/page.js");
  const slider = document.getElementById("move-0"), times = [];
  for (let k = 0; k < count; k++) {
    const shown = new Promise((resolve) => page.addEventListener("shown", resolve, { once: true }));
    const start = performance.now();
    slider.value = (k % 60) / 10 - 3;
    slider.dispatchEvent(new Event("input"));
    await shown;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
  }
  return times;
}"""
"""From the event to the frame after the picture was drawn, again and again as while a slider is dragged."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--run", type=Path, help="folder of a run (a DCGAN of 28x28 digits, trained now)")
    parser.add_argument("--moves", type=int, default=100, help="moves that are timed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run or _trained(Path(folder) / "dcgan")
        with _explorer(run) as address:
            times = _moves(address, arguments.moves)
        alone = statistics.median(_decoding(run, arguments.moves))
        model = load_model(run)
    name = f"{model.config.model} {model.image.size}x{model.image.size}, slider to picture"
    print(f"{usable_cores()} cores, medians of {arguments.moves} moves; 90 % within {_quantile(times, 0.9):.0f} ms")
    print(f"{'':<44}{'on the page':>12}{'decoding':>12}")
    median = statistics.median(times)
    show([Result(name, median, alone, median / alone, None, "ms", command())], arguments.json)


def _trained(folder: Path) -> Path:
    options = ["--data", "digits", "--size", "28", "--budget", "640img", "--no-score", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "paribus", "train", "dcgan", *options], check=True, capture_output=True)
    return folder


@contextlib.contextmanager
def _explorer(run: Path) -> Iterator[str]:
    """The address of `paribus explore`, in a process of its own."""
    words = [sys.executable, "-m", "paribus", "explore", str(run), "--no-browser", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def _moves(address: str, count: int) -> list[float]:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector(".moves:not([inert]) #move-0", timeout=120_000)
        page.evaluate(MOVE, WARM_UP)
        times: list[float] = page.evaluate(MOVE, count)
        browser.close()
    return times


def _decoding(run: Path, count: int) -> list[float]:
    """Milliseconds of `Model.decode` for one latent at a time, in this process."""
    model, times = load_model(run), []
    for z in model.latents(WARM_UP + count).split(1):
        start = time.perf_counter()
        model.decode(z)
        times.append(1000 * (time.perf_counter() - start))
    return times[WARM_UP:]


def _quantile(times: list[float], share: float) -> float:
    return sorted(times)[int(share * len(times))]


if __name__ == "__main__":
    main()
