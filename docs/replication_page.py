"""A replication as a page in Markdown: what was run, with which reductions, and the tables of its report.

python docs/replication_page.py runs/guo-2023-cpu > docs/results/guo-2023.md
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from paribus.base.wording import plural
from paribus.report.manuscript import replication_markdown
from paribus.report.replication import replication
from paribus.results.study_files import read_folder


def main() -> None:
    """Prints the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what `paribus replicate` wrote")
    folder = parser.parse_args().folder
    study = read_folder(folder)
    found = replication(study)
    if found is None:
        parser.error(f"{folder} holds no replication")
    machine = study.machine
    command = f"paribus replicate {found.name} --scale {found.scale}"
    bf16 = "bf16 in hardware" if machine["native_bf16"] else "no bf16 in hardware"
    on = f"{machine['cpu']}, {plural(machine['cores'], 'core')}, {bf16}"
    minutes = math.fsum(run.seconds or 0 for run in study.runs) / 60
    seeds = plural(len(study.seeds), "seed")
    parts = [
        f"# {found.name} at `{found.scale}`",
        f"{found.title}. `{command}`: {plural(len(study.runs), 'run')}, {seeds}, {minutes:.0f} minutes of training in "
        f"all without scoring; {on}, PyTorch {machine['torch']}.",
        f"**{found.summary}**",
        *_list("Reductions of this scale", found.reductions),
        replication_markdown(found),
        *_list("What was not equal", found.not_equal),
        *_list("What the paper shows and this does not", found.missing),
    ]
    print("\n\n".join(parts))


def _list(title: str, items: tuple[str, ...]) -> list[str]:
    return [f"## {title}", "\n".join(f"- {item}" for item in items)] if items else []


if __name__ == "__main__":
    main()
