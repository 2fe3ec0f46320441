"""What a paper needs of a study: a paragraph on methods, tables as Markdown and LaTeX, all scores as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from paribus.base.wording import listed, plural, sentence
from paribus.report.analyses import axis_values
from paribus.report.replication import Replication
from paribus.report.tables import Cell, Leaderboard
from paribus.results.comparison import comparison, may_be_ranked
from paribus.results.metric import Metric
from paribus.results.study import StudyResult
from paribus.results.words import protocol_words, statement

LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "×": r"$\times$", "→": r"$\to$",
    "↓": r"$\downarrow$", "↑": r"$\uparrow$", "−": r"$-$", "–": "--", "\u202f": r"\,", "\u00a0": "~", "é": r"\'e",
}  # fmt: skip
"""Signs that LaTeX reads as commands, and those that not every engine has."""


@dataclass(frozen=True)
class ManuscriptTexts:
    """Texts ready to be copied; `csv` is a data URI."""

    methods: str
    markdown: str
    latex: str
    csv: str
    file_name: str


def manuscript_texts(study: StudyResult, board: Leaderboard) -> ManuscriptTexts:
    """Everything that a paper needs."""
    name = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in study.name)
    uri = "data:text/csv;charset=utf-8," + quote(scores_csv(study), safe=",")
    return ManuscriptTexts(
        methods(study, board.primary), markdown(board), latex(study, board), uri, f"{name}-scores.csv"
    )


def methods(study: StudyResult, primary: str | None) -> str:
    """A paragraph that says what was trained on what, what was equal, and how it was measured and compared."""
    version = f" {study.machine.paribus}" if study.machine.paribus else ""
    seeds = listed([str(seed) for seed in study.seeds])
    trained = f"{_subjects(study)} {'was' if len(study.models) == 1 else 'were'} trained on {study.data_name}"
    sentences = [
        f"With Paribus{version}, {trained}, each with {plural(len(study.seeds), 'seed')} ({seeds}).",
        *(str(statement(fact)) for fact in study.equal),
    ]
    scored = [run for run in study.done if primary and run.value(primary) is not None]
    if primary and scored and may_be_ranked(study, primary):
        protocol = protocol_words(*(run.scores[primary].protocol for run in scored))
        sentences += [f"{study.metric(primary).label}: {protocol}."] if protocol else []
    counts = [len(study.values(model, primary)) for model in study.models] if primary else []
    if counts and min(counts) > 1:
        sentences.append("Values are means over seeds.")
        if min(counts) > 2:
            sentences.append("± is half the width of the 95 % t-interval of the mean.")
    if primary and counts and not study.single and may_be_ranked(study, primary):
        tested = comparison(study, primary).tested
        if tested:
            corrected = f", corrected for {tested} pairs by Holm's method" if tested > 1 else ""
            sentences.append(f"Pairs of models were compared by a t-test of the difference over seeds{corrected}.")
            if all(pair.by.shared for pair in comparison(study, primary).pairs):
                sentences.append("The error of the test images, which all seeds share, was added to its variance.")
    machine = study.machine
    parts = [name for name in (machine.gpu, machine.cpu) if name][:1]
    parts += [f"PyTorch {machine.torch}"] if machine.torch else []
    sentences += [f"Machine: {', '.join(parts)}."] if parts else []
    return " ".join(sentences)


def _subjects(study: StudyResult) -> str:
    """The models by name; where there are further axes, how many settings of which axes."""
    axes = axis_values(study)
    if len(axes) < 2:
        return listed(list(study.models))
    return f"{plural(len(study.models), 'setting')} ({'; '.join(f'{a}: {listed(v)}' for a, v in axes.items())})"


def markdown(board: Leaderboard) -> str:
    """The leaderboard as a table in Markdown; bold: no other model is told apart as better."""
    return _markdown_table(["Model"], map(_head, board.columns), _rows(board, lambda text: f"**{text}**"))


def replication_markdown(found: Replication) -> str:
    """A replication's numbers and columns by epoch, beside each form, and its claims, as tables in Markdown."""
    numbers = [
        [
            *(line.system, f"{line.printed.quantity} ({line.printed.place})"),
            *(sentence(text) for text in (line.protocol, line.beside)),
            *(str(line.printed.value), *(_cell_text(cell) for cell in line.cells)),
        ]
        for line in found.lines
    ]
    claims = [
        [sentence(judged.claim), sentence(judged.decision), " ".join(sentence(part.text) for part in judged.parts)]
        for judged in found.claims
    ]
    heads = ["System", "Quantity", "How the paper measured", "What stands beside"]
    tables = [_markdown_table(heads, ["Published", *found.heads], numbers)] if numbers else []
    for curve in found.curves:
        rows = [[epoch, published, *values] for epoch, published, values in curve.lines]
        words = f"{curve.title} ({curve.printed.place}). {sentence(curve.protocol)} {sentence(curve.beside)}"
        tables += [words.rstrip(), _markdown_table(["Epoch"], ["Published", *curve.heads], rows)]
    tables += [_markdown_table(["Claim", "Verdict", "Figures and rules"], [], claims)] if claims else []
    return "\n\n".join(tables)


def _markdown_table(words: Sequence[str], numbers: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with columns of words to the left, columns of numbers to the right."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    heads = [*words, *numbers]
    rule = ["---" if k < len(words) else "---:" for k in range(len(heads))]
    return "\n".join(map(line, [heads, rule, *rows]))


def latex(study: StudyResult, board: Leaderboard) -> str:
    """The same for LaTeX with the package booktabs."""
    body = [f"{' & '.join(cells)} \\\\" for cells in _rows(board, lambda text: rf"\textbf{{{text}}}", escaped)]
    heads = ["Model", *(escaped(_head(metric)) for metric in board.columns)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(study.data_name)}, {escaped(plural(len(study.seeds), 'seed'))}.}}",
            rf"\begin{{tabular}}{{l{'r' * len(board.columns)}}}",
            r"\toprule",
            f"{' & '.join(heads)} \\\\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def escaped(text: str) -> str:
    """A text as LaTeX prints it literally."""
    return "".join(LATEX.get(sign, sign) for sign in text)


def _cell_text(cell: Cell) -> str:
    return " ".join(part for part in (cell.text, cell.minor) if part)


def _head(metric: Metric) -> str:
    return f"{metric.label} {metric.arrow}".rstrip()


def _rows(
    board: Leaderboard, bold: Callable[[str], str], written: Callable[[str], str] = lambda text: text
) -> list[list[str]]:
    """Name and cells of each model's last weights, then of real images."""

    def cell(found: Cell) -> str:
        text = written(_cell_text(found))
        return bold(text) if found.leads else text

    rows = [[written(entry.model), *(cell(found) for found in entry.lines[0].cells)] for entry in board.entries]
    if board.has_floor:
        rows.append(["real images", *(written(found.text) for found in board.floor)])
    return rows


def scores_csv(study: StudyResult) -> str:
    """Every score of every run: a line for each run, weights and encoder, two columns (value, error) for each metric.

    Nothing is rounded; what was not measured is empty.
    """
    axes = list(dict.fromkeys(axis for run in study.runs for axis in run.axes if axis != "model"))
    names = study.measured
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    heads = [head for name in names for head in (name, f"{name}_error")]
    writer.writerow(["model", *axes, "seed", "status", "weights", "encoder", "images", "train_seconds", *heads])
    for run in study.runs:
        for weights, table in (("last", run.scores), ("best", run.best), *(("last", t) for t in run.others.values())):
            if not table and weights != "last":
                continue
            encoder = next((score.encoder.id for score in table.values() if score.encoder), None)
            found = [table.get(name) for name in names]
            numbers = [number for s in found for number in ((s.value, s.error) if s else (None, None))]
            images = run.best_images if weights == "best" else run.images
            writer.writerow(
                [
                    run.axes.get("model", run.model),
                    *(run.axes.get(axis) for axis in axes),
                    run.seed,
                    run.status,
                    weights,
                    encoder,
                    images,
                    run.seconds if weights == "last" else None,
                    *numbers,
                ]
            )
    return file.getvalue()
