"""Models as users see them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import paribus as pb
from paribus.base.errors import Damaged, ParibusError
from paribus.config import ImageShape
from paribus.models import Model, load_model, save_model
from paribus.models.grids import image_grid
from paribus.models.inputs import network_images
from paribus.models.model import to_bytes
from tests.conftest import fit_in, made_data, tiny_config


@pytest.fixture
def vae(tmp_path: Path) -> Model:
    return fit_in(tmp_path / "run", tiny_config("vae"), made_data()).model


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    shape = ImageShape(1, 16)
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(to_bytes(network_images(every, shape)), every)
    assert network_images(every, shape).min() == -1
    assert network_images(every, shape).max() == 1


def test_samples_depend_on_the_seed_and_not_on_batches(vae: Model) -> None:
    whole = vae.sample(70, seed=1)
    assert torch.equal(torch.cat(list(vae.sample_batches(70, seed=1, batch_size=9))), whole)
    assert not torch.equal(vae.sample(70, seed=2), whole)
    assert torch.equal(vae.sample(70, seed=1), whole)


@pytest.mark.parametrize(
    ("model", "overrides"),
    [
        ("vae", ()),
        ("gan", ("objective.noise=uniform", "objective.latent_dim=2")),
        ("infogan", ()),
        ("cvae", ("sampler.name=gmm", "sampler.components=2")),
        ("vae", ("sampler.name=two-stage", "sampler.updates=5")),
    ],
)
def test_an_image_of_a_seed_is_the_same_whatever_is_drawn_besides(
    model: str, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    score = {"evaluation": {"encoder": "pixels", "metrics": ["kid"], "samples": 64}}
    made = pb.train(
        model, made_data(), budget="32img", out=tmp_path / "run", config=score, overrides=["backbone.width=8",
        "training.threads=1", "training.batch_size=8", *overrides], score=False,
    ).model  # fmt: skip
    labels = None if not made.classes else torch.arange(200) * 7 % 3
    many = made.latents(200, 3, labels)
    for n in (1, 2, 63, 64, 65, 150):
        assert torch.equal(made.latents(n, 3, None if labels is None else labels[:n]), many[:n])
    for rows in ((0, 200), (5, 9), (60, 70), (128, 200), (199, 200)):
        assert torch.equal(made.latents(200, 3, labels, rows), many[slice(*rows)])
    images = made.sample(200, labels=labels, seed=3)
    for n in (1, 65):
        few = made.sample(n, labels=None if labels is None else labels[:n], seed=3)
        assert (few.int() - images[:n].int()).abs().max() <= 1  # sums of other lengths of batches round otherwise
    assert len(torch.unique(many, dim=0)) == 200


@pytest.mark.parametrize("n", [10**11, 10**40])
def test_more_samples_than_memory_holds_are_refused(vae: Model, n: int) -> None:
    for call in (vae.sample, lambda n: next(vae.sample_batches(n))):
        with pytest.raises(ParibusError, match="do not fit into memory"):
            call(n)


def test_encode_decode_reconstruct_fit_together(vae: Model) -> None:
    images = made_data().test.images
    z = vae.encode(images)
    assert z.shape == (24, 4)
    assert torch.equal(vae.decode(z), vae.reconstruct(images))


def test_generated_images_follow_their_latents(vae: Model) -> None:
    z = vae.latents(3).requires_grad_()
    generated = vae.generate(z)
    assert torch.equal(to_bytes(generated.detach()), vae.decode(z.detach()))
    generated[1].sum().backward()
    assert z.grad is not None
    assert z.grad[1].abs().min() > 0
    assert not z.grad[[0, 2]].any()


def test_likelihood_terms_are_per_image_and_repeat(vae: Model) -> None:
    images = made_data().test.images
    terms = vae.likelihood_terms(images)
    assert {name: tuple(term.shape) for name, term in terms.items()} == {
        "reconstruction_nats": (24,), "kl_nats": (24,), "posterior_means": (24, 4),
    }  # fmt: skip
    assert torch.equal(vae.likelihood_terms(images)["reconstruction_nats"], terms["reconstruction_nats"])
    torch.testing.assert_close(terms["posterior_means"], vae.encode(images))


def test_log_weights_are_per_image_and_do_not_depend_on_their_number(vae: Model) -> None:
    images = made_data().test.images
    assert vae.has_log_weights
    few, many = vae.log_weights(images, count=2), vae.log_weights(images, count=5)
    assert many.shape == (24, 5)
    assert torch.equal(many[:, :2], few)
    assert not torch.equal(many, vae.log_weights(images, count=5, seed=1))


def test_sampling_leaves_torchs_randomness_alone(vae: Model) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    vae.sample(3)
    vae.likelihood_terms(made_data().test.images)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_gan_has_no_encoder(tmp_path: Path) -> None:
    model = fit_in(tmp_path, tiny_config("gan"), made_data()).model
    assert not model.can_encode
    assert model.likelihood is None
    assert not model.has_log_weights
    with pytest.raises(ParibusError, match="The model 'gan' has no importance weights"):
        model.log_weights(made_data().test.images)
    with pytest.raises(ParibusError, match="The model 'gan' has no encoder"):
        model.encode(made_data().test.images)


def test_which_priors_are_normal(tmp_path: Path) -> None:
    for number, (model, overrides) in enumerate([("vae", ()), ("gan", ()), ("gan", ("objective.noise=uniform",))]):
        made = fit_in(tmp_path / str(number), tiny_config(model, *overrides), made_data()).model
        assert made.prior_is_normal == (number < 2)
    assert not fit_in(tmp_path / "codes", tiny_config("infogan"), made_data()).model.prior_is_normal


def test_labels_by_index_and_name(tmp_path: Path) -> None:
    model = fit_in(tmp_path, tiny_config("gan", "objective.conditional=true"), made_data()).model
    assert torch.equal(model.sample(4, label=1), model.sample(4, label="b"))
    assert not torch.equal(model.sample(4, label=1), model.sample(4, label=2))
    labels = model.sample_labels(7)
    assert labels is not None
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    with pytest.raises(ParibusError, match=r"Unknown label 'bb'\. Did you mean 'b'"):
        model.sample(1, label="bb")


def test_an_unconditional_model_takes_no_label(vae: Model) -> None:
    with pytest.raises(ParibusError, match="is not conditional"):
        vae.sample(1, label=0)


def test_a_conditional_model_needs_labels(tmp_path: Path) -> None:
    from dataclasses import replace

    from paribus.data import Split

    data = made_data()
    bare = replace(data, train=Split(data.train.images, None), class_names=None)
    with pytest.raises(ParibusError, match="A conditional model needs labelled data"):
        fit_in(tmp_path, tiny_config("gan", "objective.conditional=true"), bare)
    model = fit_in(tmp_path / "run", tiny_config("gan", "objective.conditional=true"), data).model
    with pytest.raises(ParibusError, match="The conditional model 'gan' needs labels"):
        model.decode(model.latents(2))


def test_damaged_files_are_named(tmp_path: Path, vae: Model) -> None:
    save_model(tmp_path, vae)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(Damaged, match="another sha256") as caught:
        load_model(tmp_path)
    assert str(weights) in str(caught.value)


def test_weights_of_another_size_are_refused(tmp_path: Path, vae: Model) -> None:
    save_model(tmp_path, vae)
    record = json.loads((tmp_path / "config.json").read_text())
    record["config"]["objective"]["latent_dim"] = 5
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(ParibusError, match="The weights do not fit"):
        load_model(tmp_path)


def test_an_unfinished_run_has_no_model(tmp_path: Path, vae: Model) -> None:
    save_model(tmp_path, vae)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ParibusError, match="There is no trained model here"):
        load_model(tmp_path)


def test_grids_lie_row_by_row() -> None:
    images = torch.arange(3, dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, 1, 2, 2)
    grid = image_grid(images, columns=2)
    assert grid.size == (4, 4)
    assert [grid.getpixel((x, y)) for x, y in [(0, 0), (2, 0), (0, 2), (2, 2)]] == [0, 1, 2, 0]


def test_one_class_turns_into_another(tmp_path: Path) -> None:
    """The ends of a row are the two classes' own images of the same z; between them lie mixtures."""
    config = tiny_config("vae", "objective.conditional=true", "training.budget=30updates")
    model = fit_in(tmp_path, config, made_data()).model
    images = model.class_change("a", "c", rows=2, steps=5, seed=3).unflatten(0, (2, 5))
    z = model.latents(2, 3)
    for position, label in ((0, 0), (4, 2)):
        assert torch.equal(images[:, position], model.decode(z, torch.full((2,), label)))
    middle = images[:, 2].float()
    assert not torch.equal(images[:, 2], images[:, 0])
    ends = (images[:, 0].float() - images[:, 4].float()).abs().mean()
    assert (middle - images[:, 0].float()).abs().mean() < ends
    with pytest.raises(ParibusError, match="Unknown label"):
        model.class_change("a", "nothing")


def test_a_numbered_class_has_one_meaning(tmp_path: Path) -> None:
    model = fit_in(tmp_path, tiny_config("gan", "objective.conditional=true"), made_data()).model
    model.class_names = ("1", "2", "10")
    for label, index in (("2", 1), (2, 1), ("10", 2), (10, 2), (1, 0)):
        labels = model.sample_labels(3, label)
        assert labels is not None
        assert labels.tolist() == [index] * 3
    for label in (0, "0", 3):
        with pytest.raises(ParibusError, match="Unknown label"):
            model.sample_labels(1, label)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """A model with classes, and one without."""
    folder = tmp_path_factory.mktemp("both")
    return {name: fit_in(folder / name, tiny_config(name), made_data()).model for name in ("vae", "cvae")}


@pytest.mark.parametrize("number", [np.uint8(70), np.uint16(70), np.uint32(70), np.uint64(70), torch.tensor(70)])
def test_numbers_of_arrays_count_as_pythons(both: dict[str, Model], number: Any) -> None:
    assert torch.equal(both["vae"].sample(number), both["vae"].sample(70))
    assert torch.equal(both["vae"].sample(3, seed=number), both["vae"].sample(3, seed=70))


IMAGES = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("decode", {"z": np.zeros((2, 5))}, "no latents"),
        ("decode", {"z": None}, "no latents"),
        ("decode", {"z": torch.zeros(2, 4, device="meta")}, "no latents"),
        ("decode", {"z": [[0.0, math.nan, 0.0, 0.0]]}, "must be finite"),
        ("first_layer", {"z": torch.zeros(4)}, "no latents"),
        ("sample", {"n": 0}, "no number of images"),
        ("sample", {"n": 2, "seed": -1}, "no seed"),
        ("sample", {"n": 2, "seed": True}, "no seed"),
        ("sample", {"n": 2, "seed": None}, "no seed"),
        ("sample", {"n": 2, "labels": torch.zeros(2).long()}, "not conditional"),
        ("latents", {"n": 2.5}, "no number of latents"),
        ("kl_by_dimension", {"images": None}, "not images"),
        ("kl_by_dimension", {"images": IMAGES[:0]}, "no images"),
        ("log_weights", {"images": IMAGES, "count": 0}, "no number of draws"),
        ("likelihood_terms", {"images": IMAGES, "seed": "a"}, "no seed"),
    ],
)
def test_what_a_model_cannot_use_is_said(
    both: dict[str, Model], method: str, arguments: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ParibusError, match=expected):
        getattr(both["vae"], method)(**arguments)


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("decode", {"z": torch.zeros(2, 4), "labels": [0]}, "one label"),
        ("decode", {"z": torch.zeros(2, 4), "labels": torch.full((2, 3), math.nan)}, "wrong type"),
        ("encode", {"images": IMAGES, "labels": [0, 1, 2]}, "one label"),
        ("sample", {"n": 2, "labels": 3}, "wrong type"),
        ("sample", {"n": 2, "labels": [0, 1, 2]}, "one label"),
        ("sample", {"n": 2, "labels": [0, 1], "label": 1}, "in one way"),
        ("class_change", {"first": 0, "second": 1, "rows": 0}, "no number of rows"),
        ("class_change", {"first": 0, "second": 1, "rows": 10**9, "steps": 10**6}, "do not fit"),
        ("class_change", {"first": 0, "second": 1, "steps": 1}, "whole number from 2 on"),
    ],
)
def test_what_a_model_with_classes_cannot_use_is_said(
    both: dict[str, Model], method: str, arguments: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ParibusError, match=expected):
        getattr(both["cvae"], method)(**arguments)


def test_latents_may_be_lists_and_arrays(both: dict[str, Model]) -> None:
    z = both["vae"].latents(3)
    for given in (z.tolist(), z.numpy(), z.double(), np.asfortranarray(z.numpy())):
        assert torch.equal(both["vae"].decode(given), both["vae"].decode(z))
