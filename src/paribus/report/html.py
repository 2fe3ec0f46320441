"""The report: a study's or a run's folder as one HTML file that opens anywhere and asks nothing of any server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from paribus.base import wording
from paribus.base.files import write_atomically
from paribus.base.outputs import check_output_file
from paribus.report import analyses, curves, encoders, tables
from paribus.report.cautions import cautions_of
from paribus.report.live import live as live_part
from paribus.report.manuscript import manuscript_texts, replication_markdown
from paribus.report.marks import STYLES, swatch
from paribus.report.pictures import gallery
from paribus.report.replication import replication
from paribus.report.verdict import verdict, what_next
from paribus.results.comparison import may_be_ranked
from paribus.results.metric import Metric
from paribus.results.outlook import improvements
from paribus.results.protocol import Protocol
from paribus.results.run import RunResult
from paribus.results.study import StudyResult
from paribus.results.study_files import read_folder
from paribus.results.words import (
    budget_words,
    fact_words,
    finding_words,
    improvement_words,
    protocol_words,
    sampler_words,
    statement,
)


def write_report(folder: Path, out: Path | None = None, *, live: bool = False) -> Path:
    """Writes the report on a study or a run, finished or not.

    Args:
        folder: A folder with a study.yaml or a run.yaml.
        out: The file to write; by default report.html in the folder.
        live: Whether decoders that lie in the runs' folders (live.json) go into the page, with sliders.

    Returns:
        The path of the written file.

    Raises:
        ParibusError: The folder holds neither a study nor a run, a file in it cannot be read, or the report cannot be
            written.
    """
    folder = Path(folder)
    return write_page(read_folder(folder), Path(out) if out is not None else folder / "report.html", live=live)


def write_page(study: StudyResult, target: Path, *, live: bool = False) -> Path:
    """Writes the report on what was read already; the rest as `write_report`."""
    check_output_file(target)
    write_atomically(target, rendered(study, live=live))
    return target


def rendered(study: StudyResult, *, live: bool = False) -> str:
    """The whole page."""
    decoders = live_part(study) if live else None
    extra = bool(decoders)
    return page(
        "report.html.j2",
        _context(study) | {"live": decoders},
        styles=("report.css", *(["live.css"] if extra else [])),
        scripts=("report.js", *(["decoder.js", "live.js"] if extra else [])),
    )


def page(
    template: str,
    context: dict[str, Any],
    *,
    styles: Sequence[str] = ("report.css",),
    scripts: Sequence[str] = ("report.js",),
) -> str:
    """A template as a page that holds its styles and scripts and may load nothing."""
    environment = Environment(
        loader=PackageLoader("paribus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "svg": Markup,
        "swatch": lambda style: Markup(swatch(style)),
        "sentence": wording.sentence,
        "statement": statement,
        "fact_words": fact_words,
        "number": wording.number,
        "probability": analyses.probability,
        "interval_words": analyses.interval_words,
        "method_words": analyses.method_words,
        "tied": lambda text: text.replace(" ± ", "\u00a0±\u00a0"),
    }

    def joined(names: Sequence[str]) -> str:
        return "\n".join(environment.get_template(name).render(styles=STYLES) for name in names)

    style, script = joined(styles), joined(scripts)
    policy = (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template(template).render(
        **context, style=Markup(style), script=Markup(script), policy=policy
    )


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _context(study: StudyResult) -> dict[str, Any]:
    said = verdict(study)
    primary = said.metric
    board = tables.leaderboard(study, primary)
    views, latents = encoders.other_views(study), analyses.latents_table(study)
    columns, lines = tables.all_scores(study)
    cost_heads, cost_rows = tables.cost_table(study)
    steadiness, steadiness_lines = analyses.steadiness_table(study)
    ranked = dict.fromkeys([*([primary] if primary else []), *study.ranking_metrics])
    plots = [curves.metric_plot(study, m) for m in ranked if any(run.value(m) is not None for run in study.done)]
    replicated = replication(study)
    return {
        "study": study,
        "heading": study.name,
        "facts": _facts(study),
        "verdict": said,
        "next_steps": what_next(study, said),
        "improvements": [improvement_words(study, found) for found in improvements(study)],
        "cautions": cautions_of(study),
        "board": board,
        "caption": encoders.caption(study),
        "views": views,
        "latents": latents,
        "replication": replicated,
        "explained": _explained(
            *board.columns,
            *(metric for view in views for metric in view.board.columns),
            *(metric for _, metric in (latents.columns if latents else ())),
            *steadiness,
        ),
        "steadiness": steadiness,
        "steadiness_lines": steadiness_lines,
        "plots": [plot for plot in plots if plot] if not study.single else [],
        "score_columns": columns,
        "score_lines": lines,
        "gallery": gallery(study),
        "curves": curves.training_curves(study),
        "snapshots": curves.snapshot_chart(study),
        "time_charts": curves.time_charts(study, primary) if primary and not study.single else [],
        "standings": analyses.standings(study, primary),
        "budgets": analyses.budget_table(study),
        "effects": analyses.effect_table(study, primary),
        "crossed": analyses.cross_tables(study, primary),
        "manuscript": manuscript_texts(study, board) if study.done else None,
        "replication_markdown": replication_markdown(replicated) if replicated else "",
        "commands": [(run.label, run.command, _machine_words(run)) for run in study.runs if run.command],
        "fronts": curves.pareto_figures(study, primary) if primary and not study.single else [],
        "comparable": primary is not None and may_be_ranked(study, primary),
        "cost_heads": cost_heads,
        "cost_rows": cost_rows,
        "glossary": _glossary(study, board.columns),
        "protocols": _protocols(study),
        "encoders": encoders.encoder_facts(study),
        "data_facts": _data_facts(study),
        "findings": _findings(study),
        "machine_facts": _machine_facts(study),
    }


def _facts(study: StudyResult) -> list[str]:
    facts = [study.data_name]
    facts += [budget] if (budget := budget_words(study.budget)) else []
    if not study.single:
        facts += [wording.plural(len(study.models), "model"), wording.plural(len(study.seeds), "seed")]
    else:
        facts += [f"seed {study.seeds[0]}"]
    return facts + ([study.created.replace("T", " ")[:16]] if study.created else [])


def _glossary(study: StudyResult, columns: tuple[Metric, ...]) -> list[Metric]:
    metrics = (study.metric(name) for name in dict.fromkeys([*(m.name for m in columns), *study.measured]))
    return [metric for metric in metrics if metric.meaning and metric.section != "floor"]


def _explained(*metrics: Metric) -> list[Metric]:
    """The metrics that a heading's question mark explains, each once."""
    return [metric for metric in {metric.name: metric for metric in metrics}.values() if metric.meaning]


def _protocols(study: StudyResult) -> list[tuple[str, list[str]]]:
    """Each protocol once, with the labels of the metrics that it is about; and where latents come from, by model."""
    alike: dict[str, list[Protocol]] = {}  # by what they say without their seeds
    labels: dict[str, list[str]] = {}
    drawn: dict[str, list[str]] = {}
    for run in study.runs:
        models = drawn.setdefault(f"latents from {sampler_words(run.sampler)}", []) if run.scores else [run.model]
        if run.model not in models:
            models.append(run.model)
        for name, score in run.scores.items():
            label, words = study.metric(name).label, protocol_words(score.protocol.model_copy(update={"seed": None}))
            alike.setdefault(words, []).append(score.protocol)
            if label not in labels.setdefault(words, []):
                labels[words].append(label)
    found = {protocol_words(*protocols): labels[words] for words, protocols in alike.items()}
    return list(({words: names for words, names in found.items() if words} | drawn).items())


def _data_facts(study: StudyResult) -> list[tuple[str, str]]:
    data, facts = study.data, []
    if data.name:
        facts.append(("data", data.name))
    if data.size:
        channels = {1: "grey", 3: "RGB"}.get(data.channels or 0, "")
        facts.append(("images", f"{data.size} × {data.size} pixels{f', {channels}' if channels else ''}"))
    if data.counts:
        splits = sorted(data.counts, key=lambda name: {"train": 0, "validation": 1, "test": 2}.get(name, 3))
        counts = ((name, data.counts[name]) for name in splits)
        facts.append(("splits", ", ".join(f"{name} {wording.count(n)}" for name, n in counts if n is not None)))
    if names := data.class_names:
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        facts.append(("classes", f"{len(names)}: {shown}"))
    if data.fingerprint:
        facts.append(("fingerprint", data.fingerprint.removeprefix("sha256:")[:16]))
    return facts


def _findings(study: StudyResult) -> list[str]:
    """What was found in the images; of several sets with their names."""
    several = bool(study.data.sets)
    return [f"{name}: {finding_words(fact)}" if several else finding_words(fact) for name, fact in study.data.findings]


PROGRAMS = {"python": "Python", "torch": "PyTorch", "paribus": "Paribus"}


def _machine_words(run: RunResult) -> str:
    known = run.machine.model_dump(exclude_none=True)
    facts = [str(known[key]) for key in ("gpu", "cpu") if key in known][:1]
    facts += [wording.plural(run.machine.threads, "thread")] if run.machine.threads else []
    return ", ".join([*facts, *(f"{name} {known[key]}" for key, name in PROGRAMS.items() if key in known)])


def _machine_facts(study: StudyResult) -> list[tuple[str, Any]]:
    machine = study.machine.model_copy(update={"threads": study.threads or study.machine.threads})
    names = PROGRAMS | {"cpu": "CPU", "gpu": "GPU"}
    known = machine.model_dump(exclude_none=True)
    return [(names.get(key, key.replace("_", " ")), value) for key, value in known.items()]
