"""Inversion of a decoder: the latents whose images are nearest to given ones, for models without an encoder too."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from paribus.base.randomness import keyed_seed
from paribus.base.torch_internals import Adam

Decoder = Callable[[Tensor], Tensor]
"""Latents (n, latent) to images (n, C, H, W) in [-1, 1], differentiable, each image a function of its own latent."""

CANDIDATES = 16
"""Latents of the prior that are tried for each start; the nearest are chosen."""
LEARNING_RATE = 0.1
"""Of Adam, at the start; it falls to 0 along half a cosine."""
PRIOR_WEIGHT = 1e-3
"""Of the latents' mean square: under a standard normal prior this is about 1, so it costs a thousandth."""


def prior_candidates(draw: Callable[[int, int], Tensor], images: int, starts: int, seed: int) -> Tensor:
    """Latents (16 starts, images, latent) for `inverted_latents` to choose from.

    Args:
        draw: Latents (n, latent) of the prior, from n and a seed.
        images: How many are to be inverted.
        starts: Descents for each.
        seed: The same seed gives the same candidates.
    """
    return torch.stack([draw(images, keyed_seed("inversion", seed, k)) for k in range(starts * CANDIDATES)])


def inverted_latents(
    decode: Decoder,
    images: Tensor,
    candidates: Tensor,
    *,
    starts: int,
    steps: int,
    prior_weight: float = PRIOR_WEIGHT,
    step_done: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """Latents (n, latent) of images by gradient descent on the decoder's input, and their losses (n,).

    For each image |G(z) - x|² / pixels + w |z|² / latent, white being 1 and black 0, is minimised by `steps` updates
    of Adam from each of its `starts` best candidates; the end with the least loss is kept. The second term holds
    latents to where a standard normal prior has them: far from there a decoder reaches images that no sample ever is.
    Images do not influence each other, so that it does not matter which are inverted together.

    Source: arXiv:1611.05644 and 1802.05701, who compare GANs by the error that inversion leaves. We differ: several
    starts, chosen among candidates, since there are local minima; the squared error for every model, and the prior's
    log density weighted by w.

    Args:
        decode: The decoder; with the images' classes bound to it, where it is conditional.
        images: uint8 (n, C, H, W).
        candidates: Latents (k, n, latent), as of `prior_candidates`.
        starts: Descents for each image, at most k.
        steps: Updates of each.
        prior_weight: w; 0 where the prior is not a standard normal distribution.
        step_done: Called after each update.
    """
    with torch.no_grad():
        device = decode(candidates[0]).device  # the decoder knows where it computes
    candidates, targets = candidates.to(device), images.to(device).float() / 255

    def losses(z: Tensor) -> Tensor:
        errors = (decode(z).float() + 1) / 2 - targets
        return errors.square().flatten(1).mean(1) + prior_weight * z.square().mean(1)

    with torch.no_grad():
        order = torch.stack([losses(z) for z in candidates]).argsort(0)  # (k, n)
    rows = torch.arange(len(images), device=device)
    ends = torch.stack([_descent(losses, candidates[place, rows], steps, step_done) for place in order[:starts]])
    with torch.no_grad():
        remaining = torch.stack([losses(z) for z in ends])  # (starts, n)
    best = remaining.argmin(0)
    return ends[best, rows], remaining[best, rows]


def _descent(losses: Callable[[Tensor], Tensor], start: Tensor, steps: int, step_done: Callable[[], None]) -> Tensor:
    z = start.clone().requires_grad_()
    # Adam treats each number by itself, so the sum over images gives each image an optimiser of its own
    optimizer = Adam([z], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        losses(z).sum().backward()
        optimizer.step()
        schedule.step()
        step_done()
    return z.detach()
