"""Whether the metrics rank known corruptions of real images rightly: the tables of docs/metrics.md.

python benchmarks/corruptions.py --data digits                                          seconds, no download
python benchmarks/corruptions.py --data mnist cifar10 lfw --write docs/metrics.md       an hour, most of it Inception
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn import functional as F

from paribus.base.randomness import generator
from paribus.config import EvaluationSettings
from paribus.data import ImageData, Split, load_data
from paribus.evaluation import evaluate_images
from paribus.metrics.encoders import PixelEncoder
from paribus.results.score import Score

GROUPS = 10  # of unlabelled images


@dataclass(frozen=True)
class Case:
    """How a data set is compared: number of samples, encoders, and training images (0: all that are left)."""

    samples: int
    encoders: tuple[str, ...]
    training: int = 0


CASES = {
    "digits": Case(300, ("classifier", "pixels")),
    "mnist": Case(2000, ("classifier", "pixels")),
    "cifar10": Case(2000, ("classifier", "pixels")),
    "lfw": Case(200, ("inception-768", "efficientnet", "self", "pixels"), training=1000),
}

RISE, FALL, STAY = "rises", "falls", "stays"

DISTANCES = dict.fromkeys(("frechet", "kid", "mind"), RISE)
FURTHER = DISTANCES | {"precision": FALL, "coverage": FALL}

EXPECTED: dict[str, dict[str, str]] = {
    "blur": FURTHER | {"sharpness": FALL, "high_frequency": FALL},
    "noise": FURTHER | {"sharpness": RISE, "high_frequency": RISE},
    "swapped patches": FURTHER,
    "missing classes": DISTANCES | {"recall": FALL, "coverage": FALL, "precision": STAY, "missing_classes": RISE},
    "copies": {"copying": RISE, "authenticity": FALL, "frechet": STAY},
}
"""What each corruption has to do to a metric, the more the stronger it is; "stays": no worse than real images."""

COLUMNS = {
    "frechet": "Fréchet",
    "kid": "KID",
    "mind": "MIND",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
    "diversity": "diversity",
    "missing_classes": "missing classes",
    "copying": "copying",
    "authenticity": "authenticity",
    "sharpness": "sharpness",
    "high_frequency": "high frequencies",
}
FLOOR, REAL = "floor", "held-out images"

Scores = dict[str, Score]
"""The score of each metric."""
Table = dict[tuple[str, str], Scores]
"""Scores by corruption and level; (FLOOR, "") and (REAL, "") come first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=CASES, default=["digits"], help="data sets")
    parser.add_argument("--samples", type=int, help="samples, in place of each data set's own number")
    parser.add_argument("--json", type=Path, help="write all entries to this file")
    parser.add_argument("--write", type=Path, help="put each table between its marks in this Markdown file")
    arguments = parser.parse_args()
    entries = []
    for name in arguments.data:
        case = CASES[name] if arguments.samples is None else replace(CASES[name], samples=arguments.samples)
        tables = score(load_data(name), case)
        text = "\n\n".join(markdown(table) for table in tables.values())
        print(text)
        if arguments.write is not None:
            arguments.write.write_text(placed(text, f"corruptions of {name}", arguments.write.read_text()))
        for table in tables.values():
            for (corruption, level), scores in table.items():
                of = {"data": name, "corruption": corruption, "level": level}
                entries += [of | score.as_json() for score in scores.values()]
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(entries, indent=1) + "\n")


def score(data: ImageData, case: Case) -> dict[str, Table]:
    """All corruptions of held-out images, scored as samples of any program are: a table for each encoder."""
    cut_data, pool = cut(data, case)
    settings = EvaluationSettings(samples=case.samples, encoder=list(case.encoders), metrics=_asked())
    tables: dict[str, Table] = {encoder: {} for encoder in case.encoders}
    for (corruption, level), images in corrupted(cut_data, pool, case.samples).items():
        print(f"{data.name}: {corruption} {level}", file=sys.stderr, flush=True)
        for found in evaluate_images(images, cut_data, settings):
            name = found.metric.removeprefix("floor_")
            row = (FLOOR, "") if found.metric != name else (corruption, level)
            for encoder, table in tables.items():
                if found.encoder is None or found.encoder.name == encoder:
                    table.setdefault(row, {})[name] = found
    return tables


def _asked() -> list[str]:
    without_floor = ("missing_classes", "sharpness", "high_frequency")
    return [*(f"floor_{name}" for name in COLUMNS if name not in without_floor), *COLUMNS]


def cut(data: ImageData, case: Case) -> tuple[ImageData, Split]:
    """The data set cut anew at random, and held-out images to take samples from, twice as many as samples.

    All of its images are shuffled, so that training, validation, test and held-out images differ by chance alone: what
    an uncorrupted row shows is the metric, not a test split by other writers.
    """
    parts = [data.train, data.validation, data.test]
    images = torch.cat([part.images for part in parts])
    order = torch.randperm(len(images), generator=generator("corruptions", len(images)))
    n = case.samples
    pool, test, validation, rest = order.split([2 * n, n, n, len(order) - 4 * n])
    train = rest[: case.training] if case.training else rest
    labelled = [part.labels for part in parts if part.labels is not None]
    labels = torch.cat(labelled) if labelled else None

    def split(rows: Tensor) -> Split:
        return Split(images[rows], None if labels is None else labels[rows])

    fingerprint = f"{data.fingerprint}, cut into {len(train)} and {n}"
    whole = replace(data, train=split(train), validation=split(validation), test=split(test), fingerprint=fingerprint)
    return whole, split(pool)


def corrupted(data: ImageData, pool: Split, n: int) -> dict[tuple[str, str], Tensor]:
    """Samples uint8 (n, C, H, W) by corruption and level, each made from the same held-out images."""
    images = pool.images[:n]
    rows = {(REAL, ""): images}
    rows |= {("blur", f"σ {sigma} pixels"): blurred(images, sigma) for sigma in (0.5, 1.0, 2.0)}
    rows |= {("noise", f"σ {sigma} of 255"): noisy(images, sigma) for sigma in (10, 25, 50)}
    rows |= {("swapped patches", f"{pairs} of 8 pairs"): with_swaps(images, pairs) for pairs in (1, 3, 8)}
    groups = grouped(pool) if pool.labels is None else pool.labels
    for missing in (1, 2, 4):
        rows["missing classes", f"{missing} of {int(groups.max()) + 1}"] = pool.images[groups >= missing][:n]
    for share in (0.25, 0.5, 1.0):
        copies = data.train.images[: round(share * n)]
        rows["copies", f"{share:.0%} training images"] = torch.cat([copies, images[len(copies) :]])
    return rows


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Images under a Gaussian blur of `sigma` pixels, cut off at 3 sigma, borders mirrored."""
    radius = math.ceil(3 * sigma)
    line = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    line /= line.sum()
    planes = F.pad(images.float().flatten(0, 1)[:, None], [radius] * 4, mode="reflect")
    planes = F.conv2d(F.conv2d(planes, line[None, None, None]), line[None, None, :, None])
    return planes.view(images.shape).round().to(torch.uint8)


def noisy(images: Tensor, sigma: float) -> Tensor:
    """Images with Gaussian noise of `sigma` on every value from 0 to 255, clipped."""
    noise = torch.randn(images.shape, generator=generator("corruptions", "noise")) * sigma
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def with_swaps(images: Tensor, pairs: int) -> Tensor:
    """Images in which `pairs` disjoint pairs of the 16 squares of a 4x4 grid, drawn for each image, change places."""
    side = images.shape[-1] // 4
    changed, seeded = images.clone(), generator("corruptions", "swaps")
    for image, source in zip(changed, images, strict=True):
        squares = torch.randperm(16, generator=seeded)[: 2 * pairs].view(pairs, 2).tolist()
        for first, second in (pair for a, b in squares for pair in ((a, b), (b, a))):
            image[_square(first, side)] = source[_square(second, side)]
    return changed


def _square(number: int, side: int) -> tuple[slice, slice, slice]:
    row, column = divmod(number, 4)
    return slice(None), slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)


def grouped(pool: Split) -> Tensor:
    """Groups (n,) of unlabelled images, the smallest first: k-means on the principal components of their pixels."""
    features = PixelEncoder(pool.images).features(pool.images).numpy()
    groups = torch.from_numpy(KMeans(GROUPS, n_init=1, random_state=0).fit_predict(features)).long()
    return groups.bincount(minlength=GROUPS).argsort().argsort()[groups]


def verdicts(table: Table) -> list[tuple[str, str, str, bool]]:
    """(corruption, metric, what it has to do, whether it does) for everything expected of the table's metrics."""
    return [
        (corruption, metric, direction, _holds(corruption, metric, direction, table))
        for corruption, metrics in EXPECTED.items()
        for metric, direction in metrics.items()
        if _measured(table, metric)
    ]


def _measured(table: Table, metric: str) -> bool:
    """Whether real images have a value: classes are not counted without labels."""
    return metric in table[REAL, ""] and table[REAL, ""][metric].value is not None


def _holds(corruption: str, metric: str, direction: str, table: Table) -> bool:
    real = table[REAL, ""][metric]
    rows = [scores[metric] for (name, _), scores in table.items() if name == corruption]
    values = [_value(score) for score in (real, *rows)]
    if direction == RISE:
        return all(a < b for a, b in pairwise(values))
    if direction == FALL:
        return all(a > b for a, b in pairwise(values))
    unharmed = [_value(real), _value(table[FLOOR, ""][metric])]
    if metric == "precision":  # a share without an error of its own: three binomial ones of a difference
        least = min(unharmed)
        return min(values) >= least - 3 * math.sqrt(2 * least * (1 - least) / (real.n or 0))
    errors = [math.hypot(_error(score), _error(real)) for score in rows]
    return all(value <= max(unharmed) + 3 * error for value, error in zip(values[1:], errors, strict=True))


def _value(score: Score) -> float:
    assert score.value is not None, score
    return score.value


def _error(score: Score) -> float:
    assert score.error is not None, score
    return score.error


def markdown(table: Table) -> str:
    """A table of values, and what of `EXPECTED` does not hold."""
    real = table[REAL, ""]
    shown = [name for name in COLUMNS if _measured(table, name)]
    encoder, n = real["kid"].encoder, real["kid"].n
    lines = [
        _line(f"`{encoder and encoder.id}`, n = {n:,}", [COLUMNS[name] for name in shown]),
        "| --- " * (len(shown) + 1) + "|",
    ]
    for (corruption, level), scores in table.items():
        lines.append(_line(f"{corruption} {level}".rstrip(), [_cell(scores.get(name)) for name in shown]))
        if corruption == REAL:
            errors = [real[name].error for name in shown]
            lines.append(_line("± (standard error)", ["" if error is None else _number(error) for error in errors]))
    if any(map(_is_of_few, real.values())):
        lines += ["", "In brackets: fewer than two samples a feature, as many in every row."]
    checked = verdicts(table)
    wrong = [f"{name} under {corruption} ({direction})" for corruption, name, direction, holds in checked if not holds]
    exceptions = f"; these do not: {', '.join(wrong)}." if wrong else "."
    return "\n".join([*lines, "", f"Of {len(checked)} expectations {len(checked) - len(wrong)} hold{exceptions}"])


def _line(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _cell(score: Score | None) -> str:
    if score is None or score.value is None:
        return ""
    return f"({_number(score.value)})" if _is_of_few(score) else _number(score.value)


def _is_of_few(score: Score) -> bool:
    return any(fact.code in ("too_few_samples", "too_few_of_a_class") for fact in score.warnings)


def _number(value: float) -> str:
    """Three decimals, or two digits that count where those would be zeros."""
    if value == 0 or abs(value) >= 0.01:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3f}".rstrip("0").rstrip(".")
    return f"{value:.1e}".replace("e-0", "e-")


def placed(text: str, mark: str, document: str) -> str:
    """The document with `text` between <!-- MARK --> and <!-- end -->, in place of what was there."""
    before, opening, rest = document.partition(f"<!-- {mark} -->\n")
    _, closing, after = rest.partition("<!-- end -->")
    if not opening or not closing:
        raise SystemExit(f"The document has no line '<!-- {mark} -->' with '<!-- end -->' after it.")
    return f"{before}{opening}\n{text}\n\n{closing}{after}"


if __name__ == "__main__":
    main()
