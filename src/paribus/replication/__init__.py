"""Published comparisons as studies: what a paper reports, beside what the same settings give here."""
