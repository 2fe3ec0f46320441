"""Distances between features beside the ordinary way to compute them, each call in a process of its own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial

import numpy as np
import prdc
import scipy.linalg
import torch
from alone import Measured, alone
from harness import Result, alternate, command
from torch import Tensor

from paribus.metrics.distances import frechet_distance
from paribus.metrics.neighbours import precision_recall_density_coverage

K = 5  # nearest neighbours


def frechet_results(count: int, dimensions: int, rounds: int, threads: int) -> list[Result]:
    """Ours beside the published formula with SciPy's matrix square root."""
    name = f"Fréchet distance, {count:,} x {dimensions}, {threads} thread(s)"
    rates, ours, peer = _beside(partial(_pair, count, dimensions), frechet_distance, _frechet_by_sqrtm, rounds, threads)
    print(f"{name}: {ours[0].value!r}, and {abs(ours[0].value / peer[0].value - 1):.0e} of it away")
    return [Result(name, *rates, None, "calls/min", command())]


def neighbour_results(count: int, dimensions: int, rounds: int, threads: int) -> list[Result]:
    """Ours beside the `prdc` package: speed, and what each adds to the memory that features take."""
    name = f"precision to coverage, {count:,} x {dimensions}, {threads} thread(s)"
    calls = partial(precision_recall_density_coverage, k=K), _neighbours_by_prdc
    rates, ours, peer = _beside(partial(_pair, count, dimensions), *calls, rounds, threads)
    apart = max(abs(ours[0].value[metric] - value) for metric, value in peer[0].value.items())
    print(f"{name}: at most {apart:.0e} apart")
    extra = [max(call.extra_bytes for call in calls) / 1e6 for calls in (ours, peer)]
    return [
        Result(name, *rates, None, "calls/min", command()),
        Result(f"{name}, added memory", *extra, extra[0] / extra[1], None, "MB", command()),
    ]


def _beside(
    prepare: Callable[[], tuple[Tensor, Tensor]],
    our_call: Callable[..., object],
    peer_call: Callable[..., object],
    rounds: int,
    threads: int,
) -> tuple[tuple[float, float, float], list[Measured], list[Measured]]:
    """Calls a minute of both and their ratio, and all that was measured."""
    measured: tuple[list[Measured], list[Measured]] = ([], [])

    def rate(call: Callable[..., object], calls: list[Measured]) -> float:
        calls.append(alone(prepare, call, threads))
        return 60 / calls[-1].seconds

    rates = alternate(lambda: rate(our_call, measured[0]), lambda: rate(peer_call, measured[1]), rounds)
    return rates, *measured


def _pair(count: int, dimensions: int) -> tuple[Tensor, Tensor]:
    """Float32 features of two sets that differ a little in place and scale; what both calls load is loaded."""
    seeded = torch.Generator().manual_seed(0)
    scales = torch.linspace(0.1, 3, dimensions)
    real, fake = (torch.randn(count, dimensions, generator=seeded).mul_(scales) for _ in range(2))
    fake.mul_(1.1).add_(0.05)
    few = real[:50, :8], fake[:50, :8]
    for call in (frechet_distance, _frechet_by_sqrtm, precision_recall_density_coverage, _neighbours_by_prdc):
        call(*few)
    return real, fake


def _frechet_by_sqrtm(real: Tensor, fake: Tensor) -> float:
    x, y = (rows.double().numpy() for rows in (real, fake))
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(cov_x @ cov_y)
    return float(np.square(x.mean(0) - y.mean(0)).sum() + np.trace(cov_x + cov_y) - 2 * np.trace(root).real)


def _neighbours_by_prdc(real: Tensor, fake: Tensor) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the counts
        return prdc.compute_prdc(real.numpy(), fake.numpy(), nearest_k=K)
