"""Files that a disk, a copy or a hand has damaged."""

from __future__ import annotations

import random
from pathlib import Path

from paribus.results.folder import RunFolder
from tests.torture.breaking import Breaking, kill
from tests.torture.harness import Ending, Outcome, Surface
from tests.torture.jobs import JOBS, Job, Workshop, written

_TRAIN = JOBS["train"].arguments
JOBS |= {
    "train again": Job(_TRAIN, ("train",)),
    "train killed": Job(_TRAIN, ("killed",)),
    "compare again": Job(JOBS["compare"].arguments, ("compare",)),
    "study status": Job(("study", "status", "study"), ("compare",)),
    "study report": Job(("report", "study", "--out", "page.html"), ("compare",)),
    "sample export": Job(("sample", "export", "--out", "grid.png"), ("export",)),
    "sample killed": Job(("sample", "run", "--out", "grid.png"), ("killed",)),
}
_MAKES_AGAIN = {"train again": "train", "train killed": "train", "compare again": "compare", "study run": "compare"}
"""Jobs that make anew what is damaged, by what they end with: what it made first, but for times."""
_UNREAD = (".png", ".html", "log.txt", ".lock", ".db", ".md")
"""Endings of what no command reads, or what holds nothing but pictures."""


class Damage(Surface):
    name = "damage"
    promise = "a flipped bit, a cut or an emptied file is told with the way on, or replaced, or changes nothing"
    cases = 3000
    few = 8
    seconds = 300.0

    def prepare(self, folder: Path) -> None:
        self.shop = shop = Workshop(folder)
        at = shop.undisturbed("train").writes
        before = shop.place / "run" / "checkpoint" / "previous.pt"
        while True:  # killed so late that there are two checkpoints
            at -= 5
            shop.set_up("train")
            shop.do("train", Breaking(shop.place, at, kill))
            if before.is_file() and before.with_name("state.pt").is_file():
                break
        shop.keep("killed")

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        name = draw.choice([name for name in _WEIGHED if JOBS[name].needs])
        shop, known = self.shop, self.shop.undisturbed(_MAKES_AGAIN.get(name, name))
        shop.set_up(name)
        files = sorted(path for path in shop.place.rglob("*") if path.is_file() and not path.name.endswith(_UNREAD))
        files = [path for path in files if path.stat().st_size]
        kinds = sorted({_kind(path) for path in files})
        kind = draw.choice(kinds)
        path = draw.choice([path for path in files if _kind(path) == kind])
        logs = [run.metrics_lines() for run in _runs(shop.place)]
        how = _damaged(path, draw)
        place = str(path.relative_to(shop.place))
        what = f"{name}, {place} {how}"
        for lines, run in zip(logs, _runs(shop.place), strict=True):
            if not all(line in lines for line in run.metrics_lines()):
                return Outcome(Ending.FAULT, f"{what}\na line is believed")
        broken = written(shop.place)
        ended = shop.do(name)
        if ended is None:
            return Outcome(Ending.FAULT, f"{what}: the process died")
        outcome = Outcome(ended[0].ending, f"{what}\n{ended[0].what}")
        if outcome.ending is Ending.REFUSED and not (path.name in ended[0].what and "  fix:" in ended[0].what):
            return Outcome(Ending.FAULT, f"{outcome.what}\nthe file or the way on is not named")
        if outcome.ending is not Ending.DONE:
            return outcome
        found = written(shop.place)
        if set(found) - {place} != known.names - {place}:
            return Outcome(Ending.FAULT, f"{outcome.what}\nother files: {sorted(set(found) ^ known.names)}")
        other = [
            each
            for each, digest in known.content.items()
            if found.get(each) != digest and not (each == place and found.get(each) == broken[place])
        ]
        if other and not (path.name == "metrics.jsonl" and all(each.endswith(".html") for each in other)):
            return Outcome(Ending.FAULT, f"{outcome.what}\nother bytes, so it was believed: {other}")
        return outcome


_WEIGHED = tuple(name for name in JOBS if name not in ("export onnx", "study add"))


def _runs(folder: Path) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted(folder.rglob("metrics.jsonl"))]


def _kind(path: Path) -> str:
    """So that few large files are damaged as often as many small ones."""
    return path.name if path.suffix in (".yaml", ".json", ".jsonl", ".pt") else path.parent.name + path.suffix


def _damaged(path: Path, draw: random.Random) -> str:
    content = bytearray(path.read_bytes())
    how = draw.random()
    if how < 0.6:
        bit = draw.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        what = f"with bit {bit} of {8 * len(content)} flipped"
    elif how < 0.7:
        start = draw.randrange(len(content))
        content[start : start + 16] = draw.randbytes(len(content[start : start + 16]))
        what = f"with other bytes from {start}"
    elif how < 0.9:
        what = f"cut at byte {(length := draw.randrange(len(content)))} of {len(content)}"
        del content[length:]
    else:
        content.clear()
        what = "emptied"
    path.write_bytes(content)
    return what
