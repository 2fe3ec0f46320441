"""The report: a study's or a run's folder as one HTML file that opens anywhere and asks nothing of any server."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from paribus.base.files import check_output_file, write_atomically
from paribus.report import curves, encoders, pareto, settings, tables, wording
from paribus.report.cautions import cautions_of
from paribus.report.comparison import protocols_agree
from paribus.report.contents import Metric, Run, Study
from paribus.report.crossed import cross_tables
from paribus.report.effects import effect_table
from paribus.report.latents import latents_table
from paribus.report.live import live as live_part
from paribus.report.marks import STYLES, swatch
from paribus.report.paper import paper, replication_markdown
from paribus.report.pictures import gallery
from paribus.report.ranking import ranking
from paribus.report.reading import read_folder
from paribus.report.replication import replication
from paribus.report.steadiness import steadiness_table
from paribus.report.verdict import verdict


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
    target = Path(out) if out is not None else folder / "report.html"
    study = read_folder(folder)
    check_output_file(target)
    write_atomically(target, rendered(study, live=live))
    return target


def rendered(study: Study, *, live: bool = False) -> str:
    """The whole page."""
    decoders = live_part(study) if live else None
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
        "setting": settings.read_sentence,
        "tied": lambda text: text.replace(" ± ", "\u00a0±\u00a0"),
    }

    def joined(*names: str) -> str:
        return "\n".join(environment.get_template(name).render(styles=STYLES) for name in names)

    style = joined("report.css", *(["live.css"] if decoders else []))
    script = joined("report.js", *(["decoder.js", "live.js"] if decoders else []))
    page = environment.get_template("report.html.j2")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return page.render(**_context(study), live=decoders, style=Markup(style), script=Markup(script), policy=policy)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _context(study: Study) -> dict[str, Any]:
    said = verdict(study)
    primary = said.metric
    board = tables.leaderboard(study, primary)
    views, latents = encoders.other_views(study), latents_table(study)
    columns, lines = tables.all_scores(study)
    cost_heads, cost_rows = tables.cost_table(study)
    steady_columns, steady_rows = steadiness_table(study)
    others = [m for m in ("frechet", "kid") if m != primary and any(run.value(m) is not None for run in study.done)]
    plots = [curves.metric_plot(study, m) for m in (*([primary] if primary else []), *others)]
    replicated = replication(study)
    return {
        "study": study,
        "heading": study.name,
        "facts": _facts(study),
        "verdict": said,
        "cautions": cautions_of(study),
        "board": board,
        "caption": encoders.caption(study),
        "views": views,
        "latents": latents,
        "replication": replicated,
        "explained": _explained(
            *board.columns,
            *(metric for view in views for metric in view.board.columns),
            *(source.metric for source in (latents.sources if latents else ())),
            *steady_columns,
        ),
        "steady_columns": steady_columns,
        "steady_rows": steady_rows,
        "plots": [plot for plot in plots if plot] if not study.single else [],
        "score_columns": columns,
        "score_lines": lines,
        "gallery": gallery(study),
        "curves": curves.training_curves(study),
        "snapshots": curves.snapshot_chart(study),
        "time_charts": curves.time_charts(study, primary) if primary and not study.single else [],
        "ranking": ranking(study, primary),
        "effects": effect_table(study, primary),
        "crossed": cross_tables(study, primary),
        "paper": paper(study, board) if study.done else None,
        "replication_markdown": replication_markdown(replicated) if replicated else "",
        "commands": [(run.label, run.command, _machine_words(run)) for run in study.runs if run.command],
        "fronts": pareto.pareto_figures(study, primary) if primary and not study.single else [],
        "comparable": primary is not None and protocols_agree(study, primary),
        "cost_heads": cost_heads,
        "cost_rows": cost_rows,
        "glossary": _glossary(study, board.columns),
        "protocols": _protocols(study),
        "encoders": encoders.encoder_facts(study),
        "data_facts": _data_facts(study),
        "machine_facts": _machine_facts(study),
    }


def _facts(study: Study) -> list[str]:
    facts = [study.data_name]
    facts += [budget] if (budget := wording.budget_words(study.budget)) else []
    if not study.single:
        facts += [wording.plural(len(study.models), "model"), wording.plural(len(study.seeds), "seed")]
    else:
        facts += [f"seed {study.seeds[0]}"]
    return facts + ([study.created.replace("T", " ")[:16]] if study.created else [])


def _glossary(study: Study, columns: tuple[Metric, ...]) -> list[Metric]:
    measured = {name for run in study.runs for name in (*run.scores, *run.best)}
    names = dict.fromkeys([*(m.name for m in columns), *(n for n in study.metrics if n in measured), *sorted(measured)])
    return [m for m in (study.metric(n) for n in names if not n.startswith("floor_")) if m.meaning]


def _explained(*metrics: Metric) -> list[Metric]:
    """The metrics that a heading's question mark explains, each once."""
    return [metric for metric in {metric.name: metric for metric in metrics}.values() if metric.meaning]


def _protocols(study: Study) -> list[tuple[str, list[str]]]:
    """Each protocol once, with the labels of the metrics that it is about."""
    found: dict[str, list[str]] = {}
    for run in study.runs:
        for name, score in run.scores.items():
            label = study.metric(name).label
            if score.protocol and label not in found.setdefault(score.protocol, []):
                found[score.protocol].append(label)
    return list(found.items())


def _data_facts(study: Study) -> list[tuple[str, str]]:
    data, facts = study.data, []
    if data.get("name"):
        facts.append(("data", str(data["name"])))
    if data.get("size"):
        channels = {1: "grey", 3: "RGB"}.get(data.get("channels") or 0, "")
        facts.append(("images", f"{data['size']} × {data['size']} pixels{f', {channels}' if channels else ''}"))
    counts = data.get("counts")
    if isinstance(counts, dict):
        splits = sorted(counts, key=lambda name: {"train": 0, "validation": 1, "test": 2}.get(name, 3))
        facts.append(("splits", ", ".join(f"{k} {wording.count(counts[k])}" for k in splits if counts[k] is not None)))
    if names := data.get("class_names"):
        shown = ", ".join(str(name) for name in names[:20]) + (", …" if len(names) > 20 else "")
        facts.append(("classes", f"{len(names)}: {shown}"))
    if data.get("fingerprint"):
        facts.append(("fingerprint", str(data["fingerprint"]).removeprefix("sha256:")[:16]))
    return facts


def _machine_words(run: Run) -> str:
    known = run.machine
    facts = [str(known[key]) for key in ("gpu", "cpu") if known.get(key)][:1]
    facts += [wording.plural(known["threads"], "thread")] if known.get("threads") else []
    names = {"python": "Python", "torch": "PyTorch", "paribus": "Paribus"}
    return ", ".join([*facts, *(f"{name} {known[key]}" for key, name in names.items() if known.get(key))])


def _machine_facts(study: Study) -> list[tuple[str, Any]]:
    first = ("cpu", "gpu", "cores", "threads")
    known = study.machine | ({"threads": study.threads} if study.threads else {})
    keys = [*(k for k in first if k in known), *(k for k in known if k not in first)]
    names = {"cpu": "CPU", "gpu": "GPU", "python": "Python", "torch": "PyTorch", "paribus": "Paribus"}
    return [(names.get(key, key.replace("_", " ")), known[key]) for key in keys if known[key] is not None]
