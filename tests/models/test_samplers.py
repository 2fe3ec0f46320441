"""Samplers fitted after training: what they recover, and that they are the same again everywhere."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.seals import tensors_content
from paribus.config import DataSettings
from paribus.data import Split
from paribus.models import Model, build_networks, load_model, save_model
from paribus.models.files import weights_of, with_sampler
from paribus.models.samplers import Mixture, TwoStage, fitted_sampler, new_sampler
from paribus.objectives.base import Draw
from paribus.results.folder import RunFolder
from paribus.runs.run import complete_run
from tests.conftest import fit_in, made_data, tiny_config

QUICK = ("sampler.updates=20", "sampler.components=3")
FITTED = ("gmm", "two-stage")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ring(n: int, seed: int) -> Tensor:
    angles = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 * math.pi
    return torch.stack([angles.cos(), angles.sin()], 1) + 0.05 * normal(n, 2, seed=seed + 1)


def energy_distance(x: Tensor, y: Tensor) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'| (Székely): 0 for equal distributions."""
    x, y = x.double(), y.double()
    return float(2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean())


def model_of(*overrides: str) -> Model:
    """A VAE with initial weights."""
    config, data = tiny_config("vae", *QUICK, *overrides), made_data()
    nets = build_networks(config, data.shape)
    return Model(config, nets, data.shape, data.class_names)


def two_stage(*overrides: str, latent_dim: int = 2, classes: int = 0) -> TwoStage:
    config = tiny_config("vae", "sampler.name=two-stage", f"objective.latent_dim={latent_dim}", *overrides)
    sampler = new_sampler(config, classes)
    assert isinstance(sampler, TwoStage)
    return sampler


def test_a_known_mixture_is_recovered() -> None:
    centres = torch.tensor([[4.0, 0.0], [-4.0, 1.0]], dtype=torch.float64)
    factors = torch.tensor([[[1.0, 0.0], [0.8, 0.3]], [[0.2, 0.0], [0.0, 2.0]]], dtype=torch.float64)
    first = torch.arange(8000) % 4 == 0  # a quarter
    noise = normal(8000, 2)
    z = torch.where(first[:, None], centres[0] + noise @ factors[0].T, centres[1] + noise @ factors[1].T)
    sampler = Mixture(2, 2, 0)
    sampler.fit(z, None, 0)
    order = sampler.means[:, 0].argsort(descending=True)
    torch.testing.assert_close(sampler.weights[0, order], torch.tensor([0.25, 0.75]).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(sampler.means[order], centres, atol=0.1, rtol=0)
    found = sampler.factors[order] @ sampler.factors[order].mT
    torch.testing.assert_close(found, factors @ factors.mT, atol=0.15, rtol=0)

    drawn = sampler.sample(20_000, None, Draw(0))
    assert drawn.dtype == torch.float32
    right = drawn[drawn[:, 0] > 0].double()
    assert len(right) / len(drawn) == pytest.approx(0.25, abs=0.01)
    torch.testing.assert_close(right.mean(0), centres[0], atol=0.1, rtol=0)
    torch.testing.assert_close(right.T.cov(), factors[0] @ factors[0].T, atol=0.15, rtol=0)


def test_latents_that_float32_cannot_tell_apart_are_fitted_in_float64() -> None:
    # far from the origin and nearly dependent: in float32 the covariance loses the direction that matters
    spread = normal(500, 1)
    z = 1e7 + torch.cat([spread, spread + 1e-3 * normal(500, 1, seed=1)], 1)
    rounded = z.float().double()
    assert (rounded[:, 0] - rounded[:, 1]).std() > 10 * (z[:, 0] - z[:, 1]).std()
    sampler = Mixture(2, 1, 0)
    sampler.fit(z, None, 0)
    covariance = sampler.factors[0] @ sampler.factors[0].T
    difference = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    expected = (z[:, 0] - z[:, 1]).var(correction=0)
    # scikit-learn's 1e-6 of the latents' variance, on both, is all that is added
    assert float(difference) == pytest.approx(float(expected + 2e-6 * z.var(0).mean()), rel=0.02)
    assert sampler.means.dtype == sampler.factors.dtype == torch.float64


def test_latents_on_a_line_have_a_mixture() -> None:
    z = normal(300, 1) * torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    sampler = Mixture(3, 4, 0)
    sampler.fit(z, None, 0)
    drawn = sampler.sample(500, None, Draw(0))
    assert (drawn[:, 1] - 2 * drawn[:, 0]).abs().max() < 0.1
    assert drawn[:, 2].abs().max() < 0.1


def test_a_conditional_mixture_shares_gaussians_and_weighs_them_by_class() -> None:
    labels = torch.arange(3000) % 3
    z = normal(3000, 2) * 0.1 + torch.tensor([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], dtype=torch.float64)[labels]
    sampler = Mixture(2, 3, 4)
    sampler.fit(z, labels, 0)
    asked = torch.tensor([0, 1, 2]).repeat(100)
    drawn = sampler.sample(300, asked, Draw(0)).double()
    for label in range(3):
        torch.testing.assert_close(drawn[asked == label].mean(0), z[labels == label].mean(0), atol=0.1, rtol=0)
    # the fourth class is in no image: it gets the weights of all
    torch.testing.assert_close(sampler.weights[3], torch.full((3,), 1 / 3, dtype=torch.float64), atol=0.01, rtol=0)


def test_a_second_vae_learns_a_ring() -> None:
    sampler = two_stage("sampler.updates=400")
    sampler.fit(3 + 2 * ring(2000, 0), None, 0)
    drawn = (sampler.requires_grad_(False).sample(1000, None, Draw(1)) - 3) / 2
    fresh = ring(1000, 7)
    standard = energy_distance(normal(1000, 2, seed=9), fresh)
    # a Gaussian of the ring's own moments is no ring either
    moments = energy_distance(normal(1000, 2, seed=9) * fresh.std(0) + fresh.mean(0), fresh)
    assert energy_distance(drawn, fresh) < 0.5 * min(standard, moments)
    assert 0.02 < float(sampler.log_deviation.detach().exp()) < 0.5, "the deviation was not learned"


def test_a_conditional_second_vae_knows_the_class() -> None:
    labels = torch.arange(600) % 2
    z = 0.3 * normal(600, 2) + torch.tensor([[4.0, 0.0], [-4.0, 0.0]], dtype=torch.float64)[labels]
    sampler = two_stage("sampler.updates=150", classes=2)
    sampler.fit(z, labels, 0)
    drawn = sampler.requires_grad_(False).sample(200, torch.arange(200) % 2, Draw(0))
    assert drawn[::2, 0].mean() > 2
    assert drawn[1::2, 0].mean() < -2


def test_the_second_vaes_loss_is_the_bound() -> None:
    sampler = two_stage(latent_dim=3)
    with torch.no_grad():
        sampler.log_deviation.fill_(-0.7)
    z = normal(50, 3).float()
    found = sampler.loss(z, None, 0.25, Draw(4))
    means, log_variances = sampler.encoder(z).chunk(2, dim=1)
    posterior = torch.distributions.Normal(means, (0.5 * log_variances).exp())
    u = means + posterior.scale * Draw(4).normal(50, 3)
    likelihood = torch.distributions.Normal(sampler.decoder(u), math.exp(-0.7)).log_prob(z).sum(1)
    prior = torch.distributions.Normal(torch.zeros(50, 3), torch.ones(50, 3))
    divergence = torch.distributions.kl_divergence(posterior, prior).sum(1)
    torch.testing.assert_close(found, (0.25 * divergence - likelihood).mean())


def test_the_kls_weight_rises_over_the_warmup(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    sampler = two_stage("sampler.updates=8", "sampler.warmup=0.5")
    loss = sampler.loss
    monkeypatch.setattr(sampler, "loss", lambda z, y, weight, draw: seen.append(weight) or loss(z, y, weight, draw))
    sampler.fit(normal(30, 2), None, 0)
    assert seen == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("conditional", [False, True])
def test_a_fit_repeats_and_leaves_everything_else_alone(name: str, conditional: bool) -> None:
    model = model_of(f"sampler.name={name}", f"objective.conditional={conditional}")
    before, train = weights_of(model.nets), made_data().train
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = fitted_sampler(model, train)
    assert torch.equal(torch.get_rng_state(), state)
    assert weights_of(model.nets) == before
    second = fitted_sampler(model, train)
    assert first is not None and second is not None
    for name_, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name_])
    from_prior = model.latents(30, seed=2)
    model.sampler = first
    z = model.latents(30, seed=2)
    assert torch.equal(z, model.latents(30, seed=2))
    assert not torch.equal(z, model.latents(30, seed=3))
    assert not torch.equal(z, from_prior)
    assert torch.equal(model.with_prior().latents(30, seed=2), from_prior)
    assert torch.equal(torch.cat(list(model.sample_batches(30, seed=2, batch_size=7))), model.sample(30, seed=2))
    if conditional:
        sevens = model.latents(9, seed=2, labels=torch.zeros(9, dtype=torch.int64))
        assert torch.equal(model.decode(sevens, torch.zeros(9, dtype=torch.int64)), model.sample(9, label=0, seed=2))


CHANGES = ["sampler.components=2", "sampler.updates=19", "sampler.learning_rate=1e-3", "sampler.warmup=0.9", "seed=1"]


@pytest.mark.parametrize("change", CHANGES)
def test_every_setting_changes_the_samples(change: str) -> None:
    name = "gmm" if "components" in change else "two-stage"
    latents = []
    for changes in ((), (change,)):
        model = model_of(f"sampler.name={name}", *changes)
        model.sampler = fitted_sampler(model, made_data().train)
        latents.append(model.latents(20))
    assert not torch.equal(*latents)


@pytest.mark.parametrize("name", FITTED)
def test_saved_and_loaded_gives_the_same_samples(name: str, tmp_path: Path) -> None:
    model = model_of(f"sampler.name={name}", "objective.conditional=true")
    model.sampler = fitted_sampler(model, made_data().train)
    save_model(tmp_path, model)
    assert torch.equal(load_model(tmp_path).sample(9, seed=3), model.sample(9, seed=3))
    plain = model_of("objective.conditional=true")
    networks = tensors_content(weights_of(plain.nets))
    assert (tmp_path / "model.safetensors").read_bytes() == networks, "the networks' file changed"

    other = model_of(f"sampler.name={name}", "objective.conditional=true", "seed=1")
    other.sampler = fitted_sampler(other, made_data().train)
    save_model(tmp_path / "other", other)
    (tmp_path / "sampler.safetensors").write_bytes((tmp_path / "other" / "sampler.safetensors").read_bytes())
    with pytest.raises(ParibusError, match="sampler is missing or belongs to other weights"):
        load_model(tmp_path)
    (tmp_path / "sampler.safetensors").unlink()
    with pytest.raises(ParibusError, match="no such file"):
        load_model(tmp_path)


def test_without_a_sampler_nothing_is_written(tmp_path: Path) -> None:
    save_model(tmp_path, model_of())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("name", FITTED)
def test_another_sampler_is_fitted_once_from_the_runs_own_images(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, loads = made_data(), []

    def load(settings: DataSettings) -> object:
        loads.append(settings.name)
        return data

    monkeypatch.setattr("paribus.models.files.load_data", load)
    config = tiny_config("vae", *QUICK)
    run = complete_run(config, data, RunFolder(tmp_path), score=False)
    first = with_sampler(tmp_path, run.model, {"name": name})
    again = with_sampler(tmp_path, load_model(tmp_path), {"name": name})
    assert len(loads) == 1
    assert torch.equal(first.sample(9), again.sample(9))
    assert first.config.sampler.name == name
    trained = complete_run(
        tiny_config("vae", *QUICK, f"sampler.name={name}"), data, RunFolder(tmp_path / "b"), score=False
    )
    assert torch.equal(trained.model.sample(9), first.sample(9)), "fitted later is not fitted at once"
    assert with_sampler(tmp_path / "b", trained.model, {"name": name}) is trained.model
    prior = with_sampler(tmp_path / "b", trained.model, {"name": "prior"})
    assert torch.equal(prior.sample(9), run.model.sample(9))
    assert len(loads) == 1

    [kept] = (tmp_path / "samplers").iterdir()
    kept.write_bytes(kept.read_bytes()[:-50])
    assert torch.equal(with_sampler(tmp_path, run.model, {"name": name}).sample(9), first.sample(9))
    assert len(loads) == 2, "a damaged file was used"


def test_other_images_are_no_ground_for_a_sampler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = complete_run(tiny_config("vae"), made_data(), RunFolder(tmp_path), score=False)
    monkeypatch.setattr("paribus.models.files.load_data", lambda settings: made_data(n=41))
    with pytest.raises(ParibusError, match="images with another fingerprint"):
        with_sampler(tmp_path, run.model, {"name": "gmm"})

    def gone(settings: DataSettings) -> object:
        raise ParibusError("There is no such folder.", where="x")

    monkeypatch.setattr("paribus.models.files.load_data", gone)
    with pytest.raises(ParibusError, match=r"they are unavailable[\s\S]*There is no such folder"):
        with_sampler(tmp_path, run.model, {"name": "gmm"})


def test_a_run_fits_its_sampler_outside_the_budget_and_scores_with_it(tmp_path: Path) -> None:
    data = made_data()
    overrides = (*QUICK, "sampler.name=gmm", "training.snapshots=[1/2,1/1]", "evaluation.encoder=pixels")
    run = complete_run(tiny_config("vae", *overrides), data, RunFolder(tmp_path / "gmm"))
    plain = complete_run(tiny_config("vae", *overrides, "sampler.name=prior"), data, RunFolder(tmp_path / "plain"))
    assert run.folder.done is not None and plain.folder.done is not None
    assert run.folder.done["model_sha256"] == plain.folder.done["model_sha256"]
    assert run.folder.done["sampler_seconds"] > 0
    assert "sampler_seconds" not in plain.folder.done
    scores = {score.metric: score for score in run.scores}
    plain_scores = {score.metric: score for score in plain.scores}
    assert scores["kid"].protocol == plain_scores["kid"].protocol, "a sampler belongs to the model"
    assert scores["prior_kid"].value == plain_scores["kid"].value != scores["kid"].value
    assert scores["reconstruction_kid"] == plain_scores["reconstruction_kid"]

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "gmm").rglob("*") if path.name != ".lock"}
    complete_run(tiny_config("vae", *overrides), data, RunFolder(tmp_path / "gmm"))
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "gmm").rglob("*") if path.name != ".lock"}
    assert after == before, "a finished run was touched"


def test_a_snapshot_has_the_prior(tmp_path: Path) -> None:
    config = tiny_config("vae", *QUICK, "sampler.name=gmm", "training.snapshots=[1/2,1/1]")
    run = complete_run(config, made_data(), RunFolder(tmp_path), score=False)
    snapshot = load_model(tmp_path, weights=run.folder.snapshot(run.folder.snapshots()[0]))
    assert snapshot.sampler is None
    assert torch.equal(snapshot.latents(5), run.model.with_prior().latents(5))


def test_a_model_without_an_encoder_has_no_sampler() -> None:
    with pytest.raises(ParibusError) as caught:
        tiny_config("gan", "sampler.name=gmm")
    assert str(caught.value) == (
        "The sampler 'gmm' is fitted to latents, and 'gan' has no encoder.\n"
        "  where:    sampler.name\n"
        "  got:      gmm with objective 'gan'\n"
        "  expected: prior\n"
        "  fix:      leave sampler.name at prior, or choose a model with an encoder, such as vae"
    )


def test_too_few_images_are_found_before_training(tmp_path: Path) -> None:
    config = tiny_config("vae", "sampler.name=gmm", "sampler.components=41")
    with pytest.raises(ParibusError, match="too few training images for the sampler 'gmm'"):
        complete_run(config, made_data(), RunFolder(tmp_path))
    assert not (tmp_path / "metrics.jsonl").exists()


def test_latents_that_are_not_finite_are_named() -> None:
    model = model_of("sampler.name=gmm")
    next(model.nets["E"].parameters()).fill_(math.nan)
    with pytest.raises(ParibusError, match="infinite or undefined numbers in the training images' latents"):
        fitted_sampler(model, Split(made_data().train.images, None))


def test_training_with_a_sampler_draws_pictures_from_the_prior_until_it_is_fitted(tmp_path: Path) -> None:
    outcome = fit_in(tmp_path, tiny_config("vae", *QUICK, "sampler.name=gmm"), made_data())
    assert outcome.model.sampler is None
    assert outcome.model.sample(3).shape == (3, 1, 8, 8)
