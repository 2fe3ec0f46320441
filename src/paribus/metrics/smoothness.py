"""How smoothly images change with their latents: the perceptual path length, in an encoder's features."""

from __future__ import annotations

import math

from torch import Tensor

ANGLE = 1 / 16
"""Radians between the two ends of a step."""


def step_ends(starts: Tensor, targets: Tensor, angle: float = ANGLE) -> Tensor:
    """Latents (n, z) an angle away from `starts` on the way to `targets`: cos a start + sin a target.

    Of two independent standard normal latents this is one too, wherever on the way one stands, so that every step of
    every path is distributed as the first one is. Straight lines would lead through latents that no sample comes from.
    """
    return math.cos(angle) * starts + math.sin(angle) * targets


def squared_speeds(first: Tensor, second: Tensor, angle: float = ANGLE) -> Tensor:
    """Squared path length of each step from its ends' features: (n,) float64; the metric `smoothness` is their mean.

    E |f(G(z')) - f(G(z))|² / (2 - 2 cos a) with z, e ~ N(0, I), z' = cos a z + sin a e, f the encoder and a the angle
    of the step; 2 - 2 cos a is the mean squared length of z' - z along each latent dimension. As a goes to 0 it becomes
    the mean squared Frobenius norm of the Jacobian of f(G(z)). For a linear f(G(z)) it is the samples' total variance
    in the features, at any angle, and no map has less than that (Poincaré's inequality): jumps between modes cost.
    Lower is smoother. A model that makes one image gets 0: read it beside recall and diversity.

    Comparable only when encoder, step and resolution agree.

    Source: the perceptual path length of arXiv 1812.04948, equation 2. We differ in four ways. Features are the
    evaluation's own, not VGG's. Steps are 1/16 radian (1/25 of the way from one latent to the next) in place of 1e-4,
    whose ends are mostly the same bytes: on a VAE of MNIST in its classifier's features, unrounded images have 36.9 at
    1/256 and 34.9 at 1/16; rounded ones have 42.3, 34.9, and 372 at 1e-4. Lengths are in units of the latents, not of
    the way between two of them (for slerp that is (pi/2)² times as much). No outliers are dropped.

    Args:
        first: Features (n, d) of the images at the starts.
        second: Features (n, d) of the images at the ends.
        angle: Radians of the step.
    """
    return (second.double() - first.double()).square().sum(1).cpu() / (2 - 2 * math.cos(angle))
