"""Training on points: what is kept, that it is exact, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import paribus as pb
from paribus.base.errors import ParibusError, TrainingDiverged
from paribus.laboratory.frames import FIELD_SIDE, MAP_SIDE, MESH_SIDE, SAMPLES, Observer, as_images
from paribus.laboratory.models import (
    checked_overrides,
    configuration,
    contents,
    controls_of,
    experiments,
    laboratory_models,
)
from paribus.laboratory.points import point_set
from paribus.laboratory.recording import Recording, frame_steps, train_on_points
from paribus.objectives.base import Draw

SMALL = ("backbone.width=16", "training.batch_size=16")
ARRAYS = {
    "judged": (MAP_SIDE, MAP_SIDE),
    "push": (FIELD_SIDE, FIELD_SIDE, 2),
    "mesh": (MESH_SIDE, MESH_SIDE, 2),
    "latents": (SAMPLES, 2),
    "spreads": (SAMPLES, 2),
    "restored": (),
}
ADVERSARIAL = {"judged", "push", "mesh"}
POSTERIOR = {"mesh", "latents", "spreads", "restored"}
SEEN = {
    "gan": ADVERSARIAL,
    "wgan": ADVERSARIAL,
    "wgan-gp": ADVERSARIAL,
    "r3gan": ADVERSARIAL,
    "infogan": {"judged", "push"},  # its z is longer than 2: the codes are a part of it
    "autoencoder": {"mesh", "latents", "restored"},
    "vae": POSTERIOR,
    "beta-vae": POSTERIOR,
    "sigma-vae": POSTERIOR,
    "beta-tc-vae": POSTERIOR,
    "iwae": POSTERIOR,
    "aae": {"mesh", "latents", "restored"},  # its D is one of latents
    "avb": {"mesh", "latents", "restored"},  # a posterior without a density
    "vae-gan": POSTERIOR | {"judged"},
}


def small(data: str = "moons", model: str = "gan", *overrides: str, **given: Any) -> Recording:
    return train_on_points(data, model, **{"steps": 6, "frames": 3, "overrides": (*SMALL, *overrides)} | given)


def test_every_model_of_the_laboratory_is_known_here() -> None:
    assert set(laboratory_models()) == set(SEEN)


@pytest.mark.parametrize("model", SEEN)
def test_every_model_trains_and_shows_what_it_has(model: str) -> None:
    recording = small(model=model)
    assert recording["step"].tolist() == [0, 1, 6]
    assert recording["samples"].shape == (3, SAMPLES, 2)
    assert np.abs(recording["samples"]).max() <= 1
    assert not np.array_equal(recording["samples"][0], recording["samples"][2])
    for name, shape in ARRAYS.items():
        if name in SEEN[model]:
            assert recording[name].shape == (3, *shape)
            assert np.isfinite(recording[name]).all()
        else:
            with pytest.raises(KeyError):
                recording[name]
    assert all(any(term.endswith("/loss") for term in frame.terms) for frame in recording.frames[1:])
    assert recording.frames[0].terms == {}


@pytest.mark.parametrize("model", ["gan", "vae"])
def test_a_seed_gives_the_same_arrays_whatever_is_looked_at(model: str) -> None:
    first, again = small(model=model), small(model=model, frames=7)
    other = small(model=model, seed=1)
    for name in ("samples", *(SEEN[model] - {"restored"})):
        assert np.array_equal(first[name][-1], again[name][-1])
        assert not np.array_equal(first[name][-1], other[name][-1])


def test_it_is_the_training_step_of_every_run() -> None:
    """Against plain stochastic gradients by hand: one step of the GAN's two phases, from the same keys."""
    overrides = [f"training.optimizer.{role}.{name}" for role in "GD" for name in ("kind=sgd", "beta1=0.0")]
    recording = small("rings", "gan", *overrides, steps=1, frames=2)
    config = recording.config
    from paribus.laboratory.models import POINT
    from paribus.models import build_networks
    from paribus.objectives.base import Batch

    nets = build_networks(config, POINT)
    points = recording.points.draw(16, Draw(0, "points", 0))
    for phase in config.objective.phases():
        batch = Batch(as_images(points), None, 16, 0)
        parameters = [p for role in phase.trains for p in nets[role].parameters()]
        loss = phase.loss(nets, batch, Draw(0, phase.name, 0, 0))["loss"]
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.data -= 0.001 * gradient
    with torch.no_grad():
        samples = config.objective.generate(nets, torch.from_numpy(recording.z), None).flatten(1)
    assert np.allclose(samples.numpy(), recording["samples"][-1], atol=1e-6)


def test_looks_grow_by_a_factor() -> None:
    assert frame_steps(100, 2) == [0, 100]
    assert frame_steps(3, 4) == [0, 1, 2, 3]
    steps = frame_steps(10_000, 41)
    assert (len(steps), steps[:3], steps[-1]) == (41, [0, 1, 2], 10_000)
    late = np.array(steps[20:])
    assert (late[1:] / late[:-1]).std() < 0.02
    with pytest.raises(ParibusError, match="a moment after each step"):
        frame_steps(3, 5)


class Known(nn.Module):
    """An encoder with mean 2 x and deviation 0.5, or its inverse, a decoder of z / 2."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        if inputs.dim() == 2:
            return as_images(torch.atanh((inputs / 2).clamp(-0.999999, 0.999999)))
        means = 2 * inputs.flatten(1)
        return torch.cat([means, torch.full_like(means, 2 * np.log(0.5))], 1)


def test_latents_of_a_known_encoder() -> None:
    """Draws of the posterior are 0.25 off the data when decoded: of the moons' 0.03 that is far."""
    data = point_set("moons")
    observer = Observer(configuration("vae"), data)
    frame = observer.look({"E": Known(), "G": Known()}, 0, 0, {})
    assert frame.latents is not None and frame.spreads is not None and frame.mesh is not None
    assert np.allclose(frame.latents, 2 * observer.data.numpy())
    assert np.allclose(frame.spreads, 0.5)
    assert np.allclose(frame.samples, (observer.z / 2).clamp(-1, 1), atol=1e-5)
    assert frame.mesh[0, -1] == pytest.approx([1.0, -1.0], abs=1e-5)  # x grows along a row, y from row to row
    assert 0.05 < (frame.restored or 0) < 0.5
    assert frame.quality == frame.near.mean()


def test_an_autoencoder_restores_what_a_vae_blurs() -> None:
    """Without noise the same pair of networks restores every point; quality is then that of the data."""

    class Means(Known):
        def forward(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
            return super().forward(inputs)[:, :2]

    observer = Observer(configuration("autoencoder"), point_set("moons"))
    frame = observer.look({"E": Means(), "G": Known()}, 0, 0, {})
    assert frame.restored == pytest.approx(0.99, abs=0.01)


def test_all_else_is_equal() -> None:
    """Every model of the laboratory has the same networks' width, batch, learning rate and length of z."""
    equal = {
        path: control["value"]
        for model in laboratory_models()
        for path, control in controls_of(configuration(model)).items()
        if not control["own"]
    }
    for model in laboratory_models():
        controls = controls_of(configuration(model))
        assert {path: c["value"] for path, c in controls.items() if not c["own"]}.items() <= equal.items()
        assert all(control["low"] <= control["value"] <= control["high"] for control in controls.values())


def test_settings_of_the_page_reach_the_configuration() -> None:
    changed = checked_overrides("wgan-gp", {"objective.penalty_weight": 2.5, "backbone.width": 32})
    config = configuration("wgan-gp", overrides=changed)
    assert (config.objective.penalty_weight, config.backbone.width) == (2.5, 32)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backbone.width": 4096}, "out of bounds"),
        ({"training.batch_size": 16.5}, "a whole number"),
        ({"objective.penalty_weight": float("nan")}, "out of bounds"),
        ({"training.threads": 2}, "no such setting"),
        ({"objective.beta": 1}, "no such setting"),
    ],
)
def test_the_page_may_set_only_what_it_offers(settings: dict[str, float], words: str) -> None:
    with pytest.raises(ParibusError, match=words):
        checked_overrides("wgan-gp", settings)


@pytest.mark.parametrize(
    ("model", "overrides", "words"),
    [
        ("dcgan", (), "is not for points: it is the objective 'gan' on networks for images"),
        ("cvae", (), "points have no classes"),
        ("wgan_gp", (), "Did you mean 'wgan-gp'"),
        ("gan", ("backbone.name=conv",), "no pixels beside each other"),
        ("gan", ("objective.conditional=true",), "have no classes"),
        ("gan", ("training.batch_size=full",), "without number"),
        ("gan", ("training.budget=3epochs",), "no effect on points"),
        ("vae", ("objective.beta=-1",), "objective.beta"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(model: str, overrides: tuple[str, ...], words: str) -> None:
    with pytest.raises(ParibusError, match=words):
        configuration(model, overrides=overrides)


def test_a_training_that_diverges_says_so() -> None:
    with pytest.raises(TrainingDiverged, match="lower the learning rates"):
        small("grid", "vae", "training.optimizer.E.learning_rate=1e6", steps=20)


def test_it_is_there_from_python() -> None:
    assert pb.train_on_points is train_on_points


def test_experiments_can_be_set_on_the_page() -> None:
    """What both sides share is no setting of one model, and every side is within the bounds of the page."""
    assert list(experiments()) == [experiment["name"] for experiment in contents()["experiments"]]
    for experiment in contents()["experiments"]:
        point_set(experiment["data"])
        for side in experiment["sides"]:
            controls = controls_of(configuration(side["model"]))
            assert not any(controls[path]["own"] for path in experiment["equal"] if path in controls)
            assert all(controls[path]["own"] for path in side.get("settings", {}))


@pytest.mark.slow
@pytest.mark.parametrize("model", ["gan", "wgan-gp"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_modes_collapse_where_d_learns_too_seldom(seed: int, model: str) -> None:
    """By D's number of updates alone, with either objective: wgan-gp with three finds more than gan with one."""
    experiment = experiments()["Mode collapse"]
    few, many = (int(ended(experiment, model, overrides, seed).modes.sum()) for _, overrides in experiment["sides"])
    assert few <= 6
    assert many >= 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_smooth_critic_pushes_everywhere(seed: int) -> None:
    """Share of the plane with a push under 1 % of the longest: most of it by the GAN's D, none by the critic."""
    experiment = experiments()["The smooth critic"]
    shares = []
    for model, overrides in experiment["sides"]:
        lengths = np.linalg.norm(ended(experiment, model, overrides, seed).push, axis=-1)
        shares.append(float((lengths < 0.01 * lengths.max()).mean()))
    assert shares[0] > 0.4
    assert shares[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_prior_hole_is_smaller_with_a_kl(seed: int) -> None:
    experiment = experiments()["The prior hole"]
    for (model, overrides), least in zip(experiment["sides"], (0.7, 0.2), strict=True):
        frame = ended(experiment, model, overrides, seed)
        assert frame.restored is not None and frame.restored > 0.9
        assert least < frame.restored - frame.quality < least + 0.3


def ended(experiment: dict[str, Any], model: str, overrides: list[str], seed: int) -> Any:
    """The last moment of one side of an experiment."""
    given = {"steps": experiment["steps"], "frames": 2, "seed": seed, "overrides": overrides}
    return train_on_points(experiment["data"], model, **given).frames[-1]
