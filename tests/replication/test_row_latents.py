"""Views of latents that rows name: options that exist, pictures in the report, drawn once and again after more."""

from __future__ import annotations

import inspect
from typing import get_args

from paribus.replication.papers import paper, paper_names
from paribus.replication.study import VIEWS
from paribus.results.replication import ViewName


def test_every_view_that_a_row_may_name_is_there() -> None:
    assert set(VIEWS) == set(get_args(ViewName))
    for name in paper_names():
        for row in paper(name).rows.values():
            for view, options in row.latents.items():
                inspect.signature(VIEWS[view]).bind("subject", **options)


def test_what_the_papers_show_of_latents() -> None:
    shown = {(name, row): set(of.latents) for name in paper_names() for row, of in paper(name).rows.items()}
    assert shown["mennborg-2020", "vae-mnist"] == {"manifold"}
    assert shown["mennborg-2020", "vae-cifar10"] == {"traverse"}
    assert shown["guo-2023", "vae"] == {"manifold"}
    assert shown["guo-2023", "cvae-gan"] == {"classes", "turn"}
    assert shown["chaturvedula-2023", "vae"] == {"clusters"}
    assert shown["hinrichsen-2023", "cifar10-biggan"] == {"truncation"}
