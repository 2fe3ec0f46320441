"""`python -m tests.torture`: every surface with all its cases, and a table of counts; 1 if a promise was broken."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from tests.torture.harness import KEPT, Counts, Ending, outcome_of, tried
from tests.torture.surfaces import SURFACES

BEGIN, END = "<!-- counts: python -m tests.torture -->", "<!-- /counts -->"


def table(all_counts: list[Counts], seed: int) -> str:
    """The counts as Markdown."""
    lines = [f"Seed {seed}.", "", "| surface | promise | cases | " + " | ".join(Ending) + " | minutes |"]
    lines.append("|---|---|" + "--:|" * (len(Ending) + 2))
    for counts in all_counts:
        numbers = [sum(counts.endings.values()), *(counts.endings[ending] for ending in Ending)]
        row = " | ".join(f"{number:,}" for number in numbers)
        lines.append(f"| {counts.surface.name} | {counts.surface.promise} | {row} | {counts.seconds / 60:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("surfaces", nargs="*", help=f"of {', '.join(surface.name for surface in SURFACES)}; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, help="of each surface; else as many as it states")
    parser.add_argument("--case", type=int, help="this one alone, in this process, and what came of it")
    parser.add_argument("--document", type=Path, help="a Markdown file whose table of counts is to be replaced")
    options = parser.parse_args()
    wanted = [surface for surface in SURFACES if not options.surfaces or surface.name in options.surfaces]
    if options.case is not None:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for surface in wanted:
                surface.prepare(Path(folder))
                outcome = outcome_of(surface, options.case, options.seed, Path(folder))
                print(surface.name, outcome.ending, outcome.what, sep="\n")
        return
    everything = []
    for surface in wanted:
        counts = tried(surface, range(options.cases or surface.cases), options.seed)
        everything.append(counts)
        print(surface.name, dict(counts.endings), f"{counts.seconds:.0f} s", file=sys.stderr, flush=True)
        for case, outcome in counts.broken[:20]:
            print(
                f"{shlex.quote(surface.name)} --seed {options.seed} --case {case}: {outcome.ending}\n{outcome.what}\n",
                flush=True,
            )
    text = table(everything, options.seed)
    print(text)
    if options.document:
        before = options.document.read_text()
        new = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}\n{END}", before, flags=re.DOTALL)
        options.document.write_text(new)
    sys.exit(any(ending not in KEPT for counts in everything for ending in counts.endings))


if __name__ == "__main__":
    main()
