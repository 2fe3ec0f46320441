"""The table of docs/metrics.md, from what the measures say of their metrics.

python docs/metrics_table.py
"""

from __future__ import annotations

from pathlib import Path

from paribus.evaluation.measures import metrics
from paribus.results.metric import Metric

PAGE = Path(__file__).with_name("metrics.md")
BEGIN, END = "<!-- metrics, by docs/metrics_table.py -->\n\n", "\n<!-- end of metrics -->"


def main() -> None:
    """Writes the table into the page."""
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def rewritten(page: str) -> str:
    """The page with the table as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + table() + END + after


def table() -> str:
    """A row a metric; floors, which are said of all of them together, have none."""
    rows = [_row(metric) for metric in metrics().values() if metric.section != "floor"]
    return "| metric | what it measures | better | does not see |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _row(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    asked = "" if metric.by_default else ", where it is named"
    better = f"towards {metric.target:g}" if metric.target is not None else metric.direction.replace("none", "")
    return f"| `{metric.name}`{asked} | {metric.label}{unit}. {metric.meaning} | {better} | {metric.unseen} |\n"


if __name__ == "__main__":
    main()
