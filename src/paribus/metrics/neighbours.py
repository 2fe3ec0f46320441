"""Exact nearest neighbours in memory that does not grow with n x m; precision, recall, density and coverage by them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.metrics.estimates import feature_pair, full_precision

_SPARE = 8  # candidates beyond k that are measured exactly
_TILE = 1024  # points on each side of one tile of distances
_BLOCK = 1 << 21  # pairs in one block of exact distances
_CHUNK = 1 << 18  # numbers in one chunk of float64: they stay in the processor's cache
_TINY = 1e-30  # squared distances in units of the largest coordinate; below, float32 has few digits
TIE = 1 + 1e-12  # equal distances may differ in their last bits when summed in another order


def precision_recall_density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    """How real samples look (precision, density) and how much of the data they reach (recall, coverage).

    Around each point lies a ball whose radius is the distance to its k-th nearest neighbour within its own set.
    Precision: share of fake points inside some real ball. Recall: share of real points inside some fake ball.
    Density: number of real balls a fake point lies in, over k, averaged (may exceed 1). Coverage: share of real balls
    that hold a fake point. Higher is better for all four; a point on the edge (a duplicate) counts as inside.

    Comparable only when encoder, reference split, number of real and of fake points and k agree.

    Source: arXiv 1904.06991 (precision, recall) and arXiv 2002.09797 (density, coverage), with the `prdc` package as
    the reference code. We differ in counting ties (<= instead of <) and in exactness: |a|^2 + |b|^2 - 2ab only
    proposes; whatever its rounding leaves open is measured again from differences in float64. Otherwise
    near-duplicates, which copying models produce, go unseen.

    Args:
        real: Features (n, d), n > k.
        fake: Features (m, d), m > k.
        k: Which neighbour sets the radius.

    Returns:
        "precision", "recall", "density" and "coverage".
    """
    real, fake = feature_pair(real, fake, dtype=None)
    if min(len(real), len(fake)) <= k or k < 1:
        raise ParibusError(
            "Too few points for nearest neighbours.",
            where="precision_recall_density_coverage",
            got=f"{len(real)} real and {len(fake)} fake points, k = {k}",
            expected="more than k points on both sides, k at least 1",
            fix="give more samples",
        )
    reals, fakes = _comparable(real, fake)
    with full_precision(), torch.no_grad():
        real_radii, fake_radii = _radii(reals, k), _radii(fakes, k)
        balls_around_fake = torch.zeros(len(fake), dtype=torch.int64)
        real_found = torch.zeros(len(real), dtype=torch.bool)
        real_covered = torch.zeros(len(real), dtype=torch.bool)
        for rows in _tiles(len(real)):
            near = reals.rough(rows)
            for columns in _tiles(len(fake)):
                in_real, in_fake = _inside(reals, fakes, near, rows, columns, real_radii, fake_radii)
                balls_around_fake[columns] += in_real.sum(0)
                real_covered[rows] |= in_real.any(1)
                real_found[rows] |= in_fake.any(1)
    return {
        "precision": float((balls_around_fake > 0).double().mean()),
        "recall": float(real_found.double().mean()),
        "density": float(balls_around_fake.double().mean() / k),
        "coverage": float(real_covered.double().mean()),
    }


def nearest_distances(queries: Tensor, points: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """How far each query's nearest point is, and which one it is; exact also for near-duplicates.

    Args:
        queries: Features (n, d).
        points: Features (m, d), m of at least 1, or 2 with `own`.
        own: (n,) the row of each query among the points, which is left out; None where queries are not among them.

    Returns:
        Distances (n,) float64 and rows (n,) of `points`.
    """
    points, queries = feature_pair(points, queries, at_least=1, dtype=None)
    asked, known = _comparable(queries, points)
    with full_precision(), torch.no_grad():
        distances, rows = _nearest(asked, known, 1, _candidates(asked, known, 1, own), own)
    return distances / asked.unit, rows  # a power of two: distances to several sets can be compared to the last bits


def _comparable(*sets: Tensor) -> list[_Points]:
    """The sets around one middle and scaled to at most 1: the same neighbours, less rounding."""
    middle = sets[0][:: max(1, len(sets[0]) // 1000)].double().mean(0)
    ends = torch.stack([end.double() for rows in sets for end in rows.aminmax(dim=0)])
    largest = float((ends - middle).abs().max())
    unit = 2.0 ** -math.frexp(largest)[1]  # a power of two: exact, and float32 neither overflows nor underflows
    return [_Points(rows, middle, unit) for rows in sets]


class _Points:
    """Points as they were given, and what float32 copies of them take; no copy in float64 holds them all.

    Args:
        given: (n, d).
        middle: (d,) float64, taken off each point for rough distances.
        unit: What distances are multiplied by.
    """

    def __init__(self, given: Tensor, middle: Tensor, unit: float) -> None:
        self.given, self.middle, self.unit = given, middle, unit
        self.step = max(1, _CHUNK // given.shape[1])
        self.norms = torch.cat([self._rough(part).square().sum(1) for part in given.split(self.step)])
        # a squared distance from rough is off by at most slack * (|a|^2 + |b|^2) + _TINY: inputs, products, sums round
        self.slack = (8 + given.shape[1] ** 0.5) * torch.finfo(torch.float32).eps

    def __len__(self) -> int:
        return len(self.given)

    def rough(self, rows: slice = slice(None)) -> Tensor:
        """Rows around the middle, float32: their squared norms and products give rough distances."""
        given = self.given[rows]
        result = torch.empty(given.shape, dtype=torch.float32)
        for target, part in zip(result.split(self.step), given.split(self.step), strict=True):
            target.copy_(self._rough(part))
        return result

    def _rough(self, part: Tensor) -> Tensor:
        return (part.double() - self.middle).mul_(self.unit).float()


def _tiles(count: int) -> list[slice]:
    return [slice(start, min(start + _TILE, count)) for start in range(0, count, _TILE)]


def _exact_pairs(a: _Points, b: _Points, rows: Tensor, columns: Tensor) -> Tensor:
    """Distances |a[rows] - b[columns]|, (pairs,) float64, from differences of the points as given."""
    pairs = zip(rows.split(a.step), columns.split(a.step), strict=True)
    parts = [a.given[i].double().sub_(b.given[j]).mul_(a.unit).square_().sum(1).sqrt_() for i, j in pairs]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def _exact_rows(a: _Points, b: _Points, rows: Tensor, columns: slice = slice(None)) -> Tensor:
    """Distances (rows, columns) float64 of a[rows] from b[columns], from differences of the points as given."""
    queries = a.given[rows].double() * a.unit
    parts = (part.double() * b.unit for part in b.given[columns].split(b.step))
    return torch.cat([torch.cdist(queries, part, compute_mode="donot_use_mm_for_euclid_dist") for part in parts], 1)


def _radii(points: _Points, k: int) -> Tensor:
    """Distance of each point to its k-th nearest other point, (n,) float64."""
    candidates = _candidates_among(points, k)
    return _nearest(points, points, k, candidates, own=torch.arange(len(points)))[0]


class _Candidates:
    """The points that may be nearest to each query, by lower bounds of their squared distances.

    The largest bound that is kept bounds from below all points that are not kept. Bounds lack the share of the query's
    own norm, which is the same for all of its candidates.

    Args:
        queries: How many queries.
        kept: Candidates of each.
    """

    def __init__(self, queries: int, kept: int) -> None:
        self.bounds = torch.full((queries, kept), torch.inf)
        self.rows = torch.zeros(queries, kept, dtype=torch.int64)

    def offer(self, queries: slice, lower: Tensor, first: int) -> None:
        """Takes the bounds (q, p) of some queries' distances to p points, of which the first is row `first`."""
        kept = self.bounds.shape[1]
        bounds, rows = lower.topk(min(kept, lower.shape[1]), dim=1, largest=False)
        bounds = torch.cat([self.bounds[queries], bounds], 1)
        rows = torch.cat([self.rows[queries], rows + first], 1)
        self.bounds[queries], at = bounds.topk(kept, dim=1, largest=False)
        self.rows[queries] = rows.gather(1, at)


def _candidates(queries: _Points, points: _Points, k: int, own: Tensor | None) -> _Candidates:
    """Those of each query among the points but its `own` (n,), where it is one of them."""
    found = _Candidates(len(queries), min(k + _SPARE, len(points) - (own is not None)))
    least = (1 - points.slack) * points.norms
    for columns in _tiles(len(points)):
        far = points.rough(columns)
        for rows in _tiles(len(queries)):
            lower = torch.addmm(least[None, columns], queries.rough(rows), far.T, alpha=-2)
            if own is not None:
                inside = (own[rows] >= columns.start) & (own[rows] < columns.stop)
                lower[inside, own[rows][inside] - columns.start] = torch.inf
            found.offer(rows, lower, columns.start)
    return found


def _candidates_among(points: _Points, k: int) -> _Candidates:
    """Those of each point among all others; each product of two tiles serves the points of both."""
    found = _Candidates(len(points), min(k + _SPARE, len(points) - 1))
    least = (1 - points.slack) * points.norms
    tiles = _tiles(len(points))
    for place, rows in enumerate(tiles):
        near = points.rough(rows)
        for columns in tiles[place:]:
            far = near if columns == rows else points.rough(columns)
            products = torch.mm(near, far.T).mul_(-2)
            if columns == rows:
                products.fill_diagonal_(torch.inf)
            else:
                found.offer(columns, products.T + least[None, rows], rows.start)
            found.offer(rows, products.add_(least[None, columns]), columns.start)
    return found


def _nearest(
    queries: _Points, points: _Points, k: int, candidates: _Candidates, own: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Distance (n,) float64 of each query to its k-th nearest point, and that point's row (n,).

    `own` (n,) is the row of each query among the points, which is left out; None where queries are not among them.
    """
    distances = torch.empty(len(queries), dtype=torch.float64)
    places = torch.empty(len(queries), dtype=torch.int64)
    kept = candidates.rows.shape[1]
    for rows in _tiles(len(queries)):
        numbers = torch.arange(rows.start, rows.stop)
        bounds = candidates.bounds[rows, -1].double() + (1 - points.slack) * queries.norms[rows].double() - _TINY
        pairs = numbers.repeat_interleave(kept)
        near = _exact_pairs(queries, points, pairs, candidates.rows[rows].flatten()).view(-1, kept)
        distance, at = near.kthvalue(k, dim=1)
        place = candidates.rows[rows].gather(1, at[:, None])[:, 0]
        if kept < len(points) - (own is not None):
            unsure = torch.nonzero(distance.square() > bounds).flatten()
            step = max(1, _BLOCK // len(points))
            # more near-duplicates than spare candidates: measure the whole row
            for part in unsure.split(step) if len(unsure) else ():
                exact = _exact_rows(queries, points, numbers[part])
                if own is not None:
                    exact[torch.arange(len(part)), own[numbers[part]]] = torch.inf
                distance[part], place[part] = exact.kthvalue(k, dim=1)
        distances[rows], places[rows] = distance, place
    return distances, places


def _inside(
    real: _Points,
    fake: _Points,
    near: Tensor,
    rows: slice,
    columns: slice,
    real_radii: Tensor,
    fake_radii: Tensor,
) -> tuple[Tensor, Tensor]:
    """For a tile of real and fake points: which fake ones lie in each real ball, which fake balls hold each real one.

    `near` are the rough rows of the real points.
    """
    fake_norms = fake.norms[columns]
    squares = torch.addmm(fake_norms[None], near, fake.rough(columns).T, alpha=-2)
    squares += real.norms[rows, None]
    real_limit, fake_limit = (real_radii[rows] * TIE)[:, None], (fake_radii[columns] * TIE)[None]
    real_doubt = real.slack * (real.norms[rows, None] + fake_norms.max()) + _TINY
    fake_doubt = real.slack * (real.norms[rows].max() + fake_norms[None]) + _TINY
    in_real, open_pairs = _split_by(squares, real_limit.square().float(), real_doubt)
    in_fake, others = _split_by(squares, fake_limit.square().float(), fake_doubt)
    open_pairs |= others
    i, j = torch.nonzero(open_pairs, as_tuple=True)
    if len(i) > open_pairs.numel() // 8:
        exact = _exact_rows(real, fake, torch.arange(rows.start, rows.stop), columns)
        return exact <= real_limit, exact <= fake_limit
    exact = _exact_pairs(real, fake, i + rows.start, j + columns.start)
    in_real[i, j] = exact <= real_limit[i, 0]
    in_fake[i, j] = exact <= fake_limit[0, j]
    return in_real, in_fake


def _split_by(squares: Tensor, limits: Tensor, doubt: Tensor) -> tuple[Tensor, Tensor]:
    """Which squared distances are surely within their limits, and which are too near to them to tell."""
    surely = squares <= limits - doubt
    return surely, surely ^ (squares <= limits + doubt)
