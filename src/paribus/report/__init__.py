"""One self-contained HTML file about a study or a run, or about several of them."""

from paribus.report.html import write_page, write_report

__all__ = ["write_page", "write_report"]
