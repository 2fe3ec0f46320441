"""One self-contained HTML file about a study or a run."""

from paribus.report.html import write_report

__all__ = ["write_report"]
