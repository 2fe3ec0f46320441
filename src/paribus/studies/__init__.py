"""Studies: many runs under one budget and one evaluation, and what can be said about their differences."""
