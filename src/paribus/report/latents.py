"""Where latents come from: what samples score from the prior and from a fitted sampler, beside reconstructions."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.base.wording import number
from paribus.report.tables import Cell, score_cell
from paribus.results.comparison import floor
from paribus.results.metric import Metric
from paribus.results.study import StudyResult


@dataclass(frozen=True)
class Source:
    """A column: where latents come from, and the metric that explains it."""

    head: str
    metric: Metric


@dataclass(frozen=True)
class LatentsTable:
    """Columns by source, rows (model, style, sampler, cells), and what the gaps mean."""

    label: str
    sources: tuple[Source, ...]
    rows: tuple[tuple[str, int, str, tuple[Cell, ...]], ...]
    meaning: str


def latents_table(study: StudyResult) -> LatentsTable | None:
    """The distances of models that have one beside that of their samples; by the first ranking metric that has a value.

    A column that no model has is left out.
    """
    for base in study.ranking_metrics:
        beside = (f"prior_{base}", f"reconstruction_{base}")
        models = [m for m in study.models if any(study.values(m, name) for name in beside)]
        if models:
            return _table(study, base, models)
    return None


def _table(study: StudyResult, base: str, models: list[str]) -> LatentsTable:
    names = {"prior": f"prior_{base}", "fitted": base, "reconstruction": f"reconstruction_{base}"}
    heads = {"prior": "N(0,\u00a0I)", "fitted": "Fitted sampler", "reconstruction": "Reconstructions"}
    rows = []
    for model in models:
        fitted = next((run.sampler for run in study.of(model) if run.sampler != "prior"), "")
        own = names if fitted else names | {"prior": base, "fitted": ""}
        cells = {source: score_cell(study, model, name) if name else Cell() for source, name in own.items()}
        rows.append((model, study.models.index(model), fitted, cells))
    kept = [source for source in names if any(cells[source].value is not None for *_, cells in rows)]
    # where the prior is the only source of latents, its column holds the samples' own scores
    fits = any(fitted for _, _, fitted, _ in rows)
    metrics = names if fits else names | {"prior": base}
    return LatentsTable(
        study.metric(base).label,
        tuple(Source(heads[source], study.metric(metrics[source])) for source in kept),
        tuple((model, style, fitted, tuple(cells[s] for s in kept)) for model, style, fitted, cells in rows),
        _meaning(study, base, fitted="fitted" in kept, reconstructed="reconstruction" in kept),
    )


def _meaning(study: StudyResult, base: str, *, fitted: bool, reconstructed: bool) -> str:
    low, high = floor(study, base)
    real = f", {number(low)} here" if low is not None and low == high else ""
    text = ""
    if reconstructed:
        text = (
            "One decoder made all images of a row; its columns differ by the latents that it was given. "
            "Reconstructions are decoded from latents of test images, samples from latents that were drawn. "
            "What samples score above reconstructions, beyond what real images score against other real "
            f"images{real}, is the prior hole: N(0, I) yields latents that the decoder did not meet in training. "
        )
    if fitted:
        text += "A sampler fitted to the training images' latents narrows that gap as far as it finds where they lie."
    return text.strip()
