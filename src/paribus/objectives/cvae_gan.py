"""CVAE-GAN: as its authors meant it (arXiv:1703.10155), and in two forms from guo-2023."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot, softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import (
    Batch,
    Builder,
    Draw,
    Nets,
    Phase,
    cross_entropy_terms,
    discriminator_outputs,
    whole_batch,
    whole_mean,
    with_features,
)
from paribus.objectives.encoding import HybridObjective

CENTRE_DECAY = 0.99  # of the moving averages of the classes' feature means, an update


class Classifier(nn.Module):
    """C with the moving means of each class's last features, of real images and of samples."""

    real_centres: Tensor
    fake_centres: Tensor

    def __init__(self, net: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("real_centres", torch.zeros(classes, features))
        self.register_buffer("fake_centres", torch.zeros(classes, features))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.net(images).float()


@objectives.register("cvae-gan")
class CVAEGAN(HybridObjective):
    """E encodes image and class, G decodes z and class, D tells real from fake, C tells classes.

    With x_f = G(z ~ q(z|x, c), c) and x_p = G(z ~ N(0, I), c), f_D and f_C the last features of D and C, squared norms
    summed over pixels or features, means over the batch:

    | term | formula | weight |
    | --- | --- | --- |
    | L_D | BCE(D(x), 1) + BCE(D(x_f), 0) + BCE(D(x_p), 0), for D | 1 |
    | L_C | CE(C(x), c), for C, on real images only | 1 |
    | L_KL | KL(q(z|x, c), N(0, I)), for E | kl_weight |
    | L_G | (|x - x_f|^2 + |f_D(x) - f_D(x_f)|^2 + |f_C(x) - f_C(x_f)|^2) / 2, for E and G | reconstruction_weight |
    | L_GD | |mean f_D(x) - mean f_D(x_p)|^2 / 2, for G | discriminator_matching |
    | L_GC | sum_c |mean_c f_C(x) - mean_c f_C(x_p)|^2 / 2, for G | classifier_matching |

    The class means are moving averages; a sample moves them as if it were alone in them, so that noise in few samples a
    class is no force against variety. It is asymmetric: G sees no cross-entropy, it matches means.
    `described` (guo-2023's text): G gets D's and C's cross-entropies on x_f and x_p too.
    `published` (guo-2023's code): E does not see the class; D's fakes are decoded from Gaussian numbers in the place of
    z and of the class code; E and G minimise the mean squared error a pixel of [0, 1] images, plus the KL summed over
    latents and batch, plus D's and C's binary cross-entropies on x_f. The KL outweighs all else and the latents
    collapse; it is here to be shown beside the other.
    """

    optimizers: ClassVar[dict[str, Optimizer]] = {
        "E": Optimizer(learning_rate=1e-3, beta1=0.5),
        "G": Optimizer(learning_rate=1e-3, beta1=0.5),
        "D": Optimizer(learning_rate=2e-4, beta1=0.5),
        "C": Optimizer(learning_rate=2e-4, beta1=0.5),
    }

    couples_batch: ClassVar[bool] = True  # means over the batch are matched

    conditional: Literal[True] = True
    """Always: without classes it is another model."""
    variant: Literal["intended", "described", "published"] = "intended"
    """Whose losses."""
    kl_weight: float = Field(3.0, ge=0, le=1e12)
    """Of L_KL (intended, described)."""
    reconstruction_weight: float = Field(1.0, ge=0, le=1e12)
    """Of L_G."""
    discriminator_matching: float = Field(1e-3, ge=0, le=1e12)
    """Of L_GD."""
    classifier_matching: float = Field(1e-3, ge=0, le=1e12)
    """Of L_GC."""
    cross_entropy_weight: float = Field(1.0, ge=0, le=1e12)
    """Of D's and C's cross-entropies in G's loss (described, published)."""

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        plain = replace(image, classes=0)
        classifier = backbone.down(plain, image.classes)
        return {
            "E": backbone.down(plain if self.variant == "published" else image, 2 * self.latent_dim),
            "G": backbone.up(self.latent_dim, image),
            "D": backbone.down(plain, 1, projection=True),
            "C": Classifier(classifier, image.classes, int(classifier.feature_count)),  # type: ignore[arg-type]
        }

    @override
    def phases(self) -> tuple[Phase, ...]:
        published = self.variant == "published"
        return (
            Phase("C", ("C",), self._classifier_loss),
            Phase("D", ("D",), self._discriminator_loss),
            Phase("EG", ("E", "G"), self._published_loss if published else self._generator_loss),
        )

    def _classifier_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        logits, labels = nets["C"](batch.images), _labels(batch)
        accuracy = (logits.argmax(1) == labels).float().mean()
        loss = _one_against_all(logits, labels) if self.variant == "published" else cross_entropy(logits, labels)
        return {"loss": loss, "accuracy": accuracy}

    def _discriminator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        n = len(batch)
        if self.variant == "published":
            code = draw.normal(n, len(_classifier(nets).real_centres))
            sets = [batch.images, self.generate(nets, self.prior(n, draw), code)]
        else:
            samples = self.generate(nets, self.prior(n, draw), batch.labels)
            sets = [batch.images, self.reconstructions(nets, batch, draw)[0], samples]
        return cross_entropy_terms(*discriminator_outputs(nets["D"], sets, None))

    def _generator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        images = batch.images
        reconstructions, kl = self.reconstructions(nets, batch, draw)
        samples = self.generate(nets, self.prior(len(batch), draw), batch.labels)
        with torch.no_grad():
            _, of_real = _last_features(nets["D"], images)
        judged_f, of_f = _last_features(nets["D"], reconstructions)
        judged_p, of_p = _last_features(nets["D"], samples)
        labels, classifier = _labels(batch), _classifier(nets)
        with torch.no_grad():
            _, real_c = _last_features(classifier.net, images)
        logits_f, c_of_f = _last_features(classifier.net, reconstructions)
        logits_p, c_of_p = _last_features(classifier.net, samples)
        pixels = _half_square(images - reconstructions)
        distance = pixels + _half_square(of_real - of_f) + _half_square(real_c - c_of_f)
        difference = _moved(classifier.real_centres, real_c, labels) - _moved(classifier.fake_centres, c_of_p, labels)
        terms = {
            "reconstruction": distance,
            "pixels": pixels,
            "kl": kl,
            "discriminator_matching": 0.5 * whole_mean(of_real.mean(0) - of_p.mean(0)).square().sum(),
            "classifier_matching": 0.5 * difference.square().sum(),
            "accuracy_samples": (logits_p.argmax(1) == labels).float().mean(),
        }
        loss = self.kl_weight * kl + self.reconstruction_weight * distance
        loss = loss + self.discriminator_matching * terms["discriminator_matching"]
        loss = loss + self.classifier_matching * terms["classifier_matching"]
        if self.variant == "described":
            entropies = softplus(-judged_f).mean() + softplus(-judged_p).mean()
            entropies = entropies + cross_entropy(logits_f, labels) + cross_entropy(logits_p, labels)
            loss = loss + self.cross_entropy_weight * entropies
        return {"loss": loss} | terms

    def _published_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        reconstructions, kl = self.reconstructions(nets, batch, draw)
        error = ((batch.images - reconstructions) / 2).square().mean()
        entropies = softplus(-nets["D"](reconstructions).float()).mean()
        entropies = entropies + _one_against_all(nets["C"](reconstructions), _labels(batch))
        images = len(whole_batch(_labels(batch)))
        loss = self.reconstruction_weight * error + kl * images + self.cross_entropy_weight * entropies
        return {"loss": loss, "reconstruction": error, "kl": kl}


def _labels(batch: Batch) -> Tensor:
    assert batch.labels is not None, "a conditional objective gets labels"
    return batch.labels


def _classifier(nets: Nets) -> Classifier:
    net = nets["C"]
    assert isinstance(net, Classifier)
    return net


def _last_features(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    output, stages = with_features(net, images)
    return output, stages[-1].flatten(1).float()


def _half_square(difference: Tensor) -> Tensor:
    return 0.5 * difference.float().flatten(1).square().sum(1).mean()


def _one_against_all(logits: Tensor, labels: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[1]).float())


def _moved(centres: Tensor, features: Tensor, labels: Tensor) -> Tensor:
    """Moves the classes' centres (in place) towards the batch's class means and returns them.

    Their value is the moving average, their gradient that of the batch's means.
    """
    features, members = whole_batch(features), one_hot(whole_batch(labels), len(centres)).float()
    counts = members.sum(0)[:, None]
    means = members.T @ features / counts.clamp_min(1)
    with torch.no_grad():
        centres.copy_(torch.where(counts > 0, CENTRE_DECAY * centres + (1 - CENTRE_DECAY) * means, centres))
    return torch.where(counts > 0, means + (centres - means).detach(), centres.clone())
