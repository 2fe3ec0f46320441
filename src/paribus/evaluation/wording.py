"""Progress in words."""


def stage_words(stage: str, done: int, total: int) -> str:
    """A piece of work, and how much of it is done where it has parts."""
    return f"{stage} {done:,} of {total:,}" if total > 1 else stage
