"""A replication's part of the report: what a paper printed beside what was measured, and its claims with verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from paribus.base.files import read_json
from paribus.base.wording import NONE, count, listed, number, plural
from paribus.config.overrides import leaves
from paribus.report import figures
from paribus.report.claims import Decision, Judged, judged
from paribus.report.figures import Curve, Point
from paribus.report.pictures import STEP_TILES, TOTAL_BYTES, Picture, drawing, picture
from paribus.report.tables import Cell, score_cell
from paribus.results.replication import (
    NumberRecord,
    ReplicationRecord,
    RowRecord,
    ScaleRecord,
    read_replication,
)
from paribus.results.run import RunResult
from paribus.results.study import StudyResult
from paribus.results.words import stand_in_words, value_words, words_of

SMOKE = "at scale smoke a run shows that the row works and nothing more"
DECISIONS: dict[Decision, str] = {
    "supported": "supported",
    "contradicted": "contradicted",
    "can't tell": "cannot be decided by these runs",
}
APART = ("model", "seed", "training.snapshots", "training.threads")
"""Settings that are no difference worth a line: they say what a run is called, or when it is looked at."""
HEADS = {"published": "As published", "intended": "As intended", "equal": "All else equal"}


@dataclass(frozen=True)
class PrintedLine:
    """A number of the paper; `cells` in the order of `Replication.heads`; `protocol` is how the paper measured it."""

    system: str
    printed: NumberRecord
    protocol: str
    beside: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class PrintedCurve:
    """A column of the paper by epoch: drawn, and as lines of (epoch, published, measured by form)."""

    title: str
    printed: NumberRecord
    protocol: str
    beside: str
    chart: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class SystemPictures:
    """Pictures of a system: samples at the epochs at which the paper shows some, or one view of its latents."""

    system: str
    pictures: tuple[Picture, ...]
    caption: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replication:
    """Everything that the section shows.

    Attributes:
        paper: What was replicated, at which scale.
        reserve: Why nothing is decided.
        reductions: What the scale changes.
        stand_ins: What was taken in place of which rows' data.
        heads: Forms of a row, in words.
        lines: The paper's numbers.
        curves: Its columns by epoch.
        strips: Samples at the paper's epochs.
        latents: Views of the latents.
        claims: The paper's claims with their verdicts.
        differences: By form of a row, each setting in which it is not the row as published: (words, published, here).
        not_equal: What was not equal.
        decided: What the paper leaves open, and what was done.
    """

    paper: ReplicationRecord
    reserve: str
    reductions: tuple[str, ...]
    stand_ins: tuple[str, ...]
    heads: tuple[str, ...]
    lines: tuple[PrintedLine, ...]
    curves: tuple[PrintedCurve, ...]
    strips: tuple[SystemPictures, ...]
    latents: tuple[SystemPictures, ...]
    claims: tuple[Judged, ...]
    differences: dict[str, list[tuple[str, str, str]]]
    not_equal: tuple[str, ...]
    decided: tuple[str, ...]

    @property
    def summary(self) -> str:
        """How many claims came out how, in words."""
        if self.reserve:
            return f"No claim of the paper is decided: {self.reserve}."
        counts = Counter(judged.decision for judged in self.claims)
        of = [f"{counts[name]} {words}" for name, words in DECISIONS.items() if counts[name]]
        if not of:
            return "The paper makes no claims."
        return f"Of the paper's {plural(len(self.claims), 'claim')}: {listed(of)}."


def replication(study: StudyResult) -> Replication | None:
    """The section, or None where the study replicates no paper."""
    paper = read_replication(study.path) if study.path else None
    if paper is None:
        return None
    rows, labels = paper.rows, paper.labels
    by_words: dict[str, list[str]] = {}
    for name, used in paper.replaced_data.items():
        by_words.setdefault(stand_in_words(used), []).append(name)
    reserve = SMOKE if paper.scale == "smoke" else ""
    forms = tuple(form for form in HEADS if form == "published" or any(form in row.forms for row in rows.values()))
    numbers = [
        (name, printed, paper.protocols[printed.protocol], _beside(study, printed), _systems(name, forms, labels))
        for name, row in rows.items()
        for printed in row.published
    ]
    return Replication(
        paper=paper,
        reserve=reserve,
        reductions=tuple(_reductions(paper)),
        stand_ins=tuple(f"{', '.join(names)}: {words}" for words, names in by_words.items()),
        heads=tuple(HEADS[form] for form in forms),
        lines=tuple(
            PrintedLine(name, printed, protocol, beside, _cells(study, printed, systems))
            for name, printed, protocol, beside, systems in numbers
            if printed.value is not None
        ),
        curves=tuple(_curve(study, *number) for number in numbers if number[1].by_epoch),
        strips=tuple(_strips(study, rows, labels)),
        latents=tuple(_latents(study, rows, labels)),
        claims=tuple(judged(study, paper, reserve)),
        differences=dict(_differences(study, rows, labels)),
        not_equal=(
            *paper.not_equal,
            *(f"{name}: {text}" for name, row in rows.items() for text in row.not_equal),
        ),
        decided=(*paper.decided, *_forms_words(rows)),
    )


def _reductions(paper: ReplicationRecord) -> Iterable[str]:
    scale = paper.scale
    if scale in paper.scales and (words := paper.scales[scale].reduction):
        yield words
    for name, row in paper.rows.items():
        own = row.scales.get(scale, ScaleRecord())
        if own.left_out:
            yield f"{name}: not run, {own.left_out}"
            continue
        if own.reduction:
            yield f"{name}: {own.reduction}"
        for form, changed in row.forms.items():
            if words := changed.scales.get(scale, ScaleRecord()).reduction:
                yield f"{name}.{form}: {words}"


def _forms_words(rows: Mapping[str, RowRecord]) -> Iterable[str]:
    for name, row in rows.items():
        for form, changed in row.forms.items():
            yield f"{name}, {HEADS[form].lower()}: {changed.about}"


def _systems(row: str, forms: Iterable[str], labels: dict[str, str]) -> dict[str, str | None]:
    """By form, the label of the runs that stand for it."""
    return {form: labels.get(row if form == "published" else f"{row}.{form}") for form in forms}


def _cells(study: StudyResult, printed: NumberRecord, systems: dict[str, str | None]) -> tuple[Cell, ...]:
    score = printed.score
    return tuple(score_cell(study, label, score) if label and score else Cell(NONE) for label in systems.values())


def _beside(study: StudyResult, printed: NumberRecord) -> str:
    measured = study.metric(printed.score).label if printed.score else printed.term
    here = f"here: {measured}" if measured else ""
    return "; ".join(text for text in (here, printed.unlike) if text)


def _curve(
    study: StudyResult, name: str, printed: NumberRecord, protocol: str, beside: str, systems: dict[str, str | None]
) -> PrintedCurve:
    term = printed.term or ""
    points = [(float(epoch), value) for epoch, value in sorted(printed.by_epoch.items())]
    measured = {form: _by_epoch(study, label, term) for form, label in systems.items() if label}
    drawn = [Curve("published", 0, [points], marked=True)]
    drawn += [Curve(HEADS[form].lower(), 1 + k, seeds) for k, (form, seeds) in enumerate(measured.items()) if seeds]
    title = f"{name}: {printed.quantity}"
    chart = figures.line_chart(title, drawn, "epochs", term, legend=True)
    lines = tuple(
        (f"{epoch:g}", str(value), tuple(_at_epoch(seeds, epoch) for seeds in measured.values()))
        for epoch, value in points
    )
    heads = tuple(HEADS[form] for form in measured)
    return PrintedCurve(title, printed, protocol, beside, chart, heads, lines)


def _by_epoch(study: StudyResult, label: str, term: str) -> list[list[Point]]:
    """A term of each seed's log against epochs, each point the mean over the epoch that it ends."""
    found = []
    for run in study.of(label):
        epoch = _epoch_images(run)
        lines = run.log.get(term, []) if epoch else []
        by_epoch: dict[int, list[float]] = {}
        for images, value in lines:
            by_epoch.setdefault(math.ceil(images / epoch), []).append(value)
        last = max((images for images, _ in lines), default=0.0) / epoch if epoch else 0.0
        found.append([(min(float(e), last), math.fsum(values) / len(values)) for e, values in sorted(by_epoch.items())])
    return [points for points in found if points]


def _epoch_images(run: RunResult) -> int:
    record = run.folder.record if run.folder and run.folder.exists else {}
    return int(((record.get("data") or {}).get("counts") or {}).get("train") or 0)


def _at_epoch(seeds: list[list[Point]], epoch: float) -> str:
    if not seeds:
        return NONE
    values = [value for points in seeds for at, value in points if at == epoch]
    return number(math.fsum(values) / len(values), 4) if values else "not reached"


def _strips(study: StudyResult, rows: Mapping[str, RowRecord], labels: dict[str, str]) -> Iterable[SystemPictures]:
    shown = {name: row for name, row in rows.items() if row.pictures}
    limit = round(TOTAL_BYTES / 4 / max(1, sum(len(row.pictures) for row in shown.values())))
    for name, row in shown.items():
        run = next((run for run in study.of(labels.get(name, "")) if run.folder and run.images and run.size), None)
        found = _pictures(run, row, limit) if run else ()
        if found:
            yield SystemPictures(name, found)


def _pictures(run: RunResult, row: RowRecord, limit: int) -> tuple[Picture, ...]:
    """The grid that was drawn at each of the paper's epochs, as a share of the run's own budget."""
    assert run.folder and run.images and run.size
    grids = run.folder.grids()
    found, epoch_images = [], _epoch_images(run)
    for epoch in row.pictures:
        wanted = run.images * epoch / row.epochs
        images, path = next(((images, path) for images, path in grids if images >= wanted - 0.5), (0, None))
        if path is None:
            continue
        words = f"epoch {epoch} of {row.epochs:g} in the paper, here after {count(images)} images"
        here = f"{images / epoch_images:.3g}" if epoch_images else ""
        short = f"epoch {epoch}" if here in ("", str(epoch)) else f"epoch {epoch}, here {here}"
        tiles = (STEP_TILES, STEP_TILES)
        shown = picture(path, run.size, limit, f"samples of {run.label}", words, tiles, short=short)
        found += [shown] if shown else []
    return tuple(found)


def _latents(study: StudyResult, rows: Mapping[str, RowRecord], labels: dict[str, str]) -> Iterable[SystemPictures]:
    """The views that rows name, of each row and its forms; of one seed."""
    systems = [
        (system, row.latents) for name, row in rows.items() for system in (name, *(f"{name}.{f}" for f in row.forms))
    ]
    limit = round(TOTAL_BYTES / 2 / max(1, sum(len(wanted) for _, wanted in systems)))
    for system, wanted in systems:
        folder = next((run.folder for run in study.of(labels.get(system, "")) if run.folder), None)
        if folder is None:
            continue
        for view in wanted:
            path = folder.path / "latents" / f"{view}.json"
            record = read_json(path) if path.is_file() else {}
            words = f"{view} of {system}"
            shown = drawing(path.with_suffix(".png"), limit, words, words) if record else None
            if shown:
                yield SystemPictures(system, (shown,), tuple(record["caption"]))


def _differences(
    study: StudyResult, rows: Mapping[str, RowRecord], labels: dict[str, str]
) -> Iterable[tuple[str, list[tuple[str, str, str]]]]:
    """Of each form that was run and is not the same run as its row."""
    for name, row in rows.items():
        published = _configuration(study, labels.get(name))
        for form in row.forms:
            own = _configuration(study, labels.get(f"{name}.{form}"))
            found = [
                (words_of(path), value_words(published.get(path)), value_words(own.get(path)))
                for path in dict.fromkeys([*published, *own])
                if published.get(path) != own.get(path) and path not in APART
            ]
            if published and own and found:
                yield f"{name}.{form}", found


def _configuration(study: StudyResult, label: str | None) -> dict[str, Any]:
    folders = (run.folder for run in study.of(label or "") if run.folder and run.folder.exists)
    folder = next(folders, None)
    return dict(leaves(folder.recorded("config"))) if folder else {}
