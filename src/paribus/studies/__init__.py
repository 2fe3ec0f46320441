"""Studies: many runs under one budget and one evaluation, and what can be said about their differences."""

from paribus.studies.study import Study, compare

__all__ = ["Study", "compare"]
