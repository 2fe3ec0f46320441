import json
import math
from dataclasses import replace

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings
from paribus.data import ImageData, Split
from paribus.evaluation import compare_images, evaluate, evaluate_images, select_best_snapshot
from paribus.evaluation.measures.costs import training_costs
from paribus.metrics.reconstruction import structural_similarities
from paribus.metrics.sharpness import sharpness_terms
from paribus.results.protocol import ImageForm, ImageSet, Likelihood, Protocol
from paribus.results.score import Fact, Score, differences
from paribus.results.statistics import jackknife_error
from tests.conftest import of_classes

CLASSES = 4
GAUSSIAN = Likelihood(density="gaussian", pixels="[-1, 1]", deviation=1.0)


def blobs(n, seed, size=8):
    """Images with a soft spot in one of four corners, of varying place, size and brightness; sorted by class."""
    seeded = torch.Generator().manual_seed(seed)
    labels = (torch.arange(n) * CLASSES) // n
    grid = torch.arange(size).float()
    centre = 1.5 + 3.5 * torch.stack([labels // 2, labels % 2]).float() + torch.randn(2, n, generator=seeded) * 0.5
    width = 1 + torch.rand(n, generator=seeded)
    y = (grid[None] - centre[0][:, None]) / width[:, None]
    x = (grid[None] - centre[1][:, None]) / width[:, None]
    spot = torch.exp(-(y[:, :, None] ** 2 + x[:, None, :] ** 2) / 2)
    bright = 150 + 100 * torch.rand(n, 1, 1, generator=seeded)
    noise = torch.randn(n, size, size, generator=seeded) * 4
    return (spot * bright + noise).clamp(0, 255).to(torch.uint8)[:, None], labels


def split(n, seed, labelled=True):
    images, labels = blobs(n, seed)
    return Split(images, labels if labelled else None)


def made(labelled=True, test=200, fingerprint="blobs", train=1000):
    names = ("north-west", "north-east", "south-west", "south-east") if labelled else None
    parts = (split(train, 0, labelled), split(100, 1, labelled), split(test, 2, labelled))
    return ImageData("blobs", *parts, names, f"{fingerprint}-{labelled}-{test}-{train}")


DATA, UNLABELLED = made(), made(labelled=False)


class Fake:
    """A model whose samples are given: it draws from them at random."""

    def __init__(self, images, *, latents=None, kl=5.0, prior=None, labels=None):
        self.images, self.latents, self.kl, self.prior, self.labels = images, latents, kl, prior, labels
        self.parameters = {"G": 70, "D": 30}
        self.seeds = []

    can_encode = property(lambda self: self.latents is not None)
    seed = 0
    sampler_words = property(lambda self: None if self.prior is None else "a mixture")
    has_log_weights = property(lambda self: self.latents is not None)
    prior_is_normal = False
    likelihood = property(lambda self: GAUSSIAN if self.latents is not None else None)

    @property
    def classes(self):
        return 0 if self.labels is None else CLASSES if self.labels.max() < CLASSES else CLASSES**3

    def with_prior(self):
        return Fake(self.prior)

    def sample_batches(self, n, *, labels=None, seed=0, rows=None):
        self.seeds.append(seed)
        if labels is None:
            yield from self._order(n, seed)(self.images).split(37)
        else:
            yield from self.images[of_classes(self.labels, labels)].split(37)

    def _order(self, n, seed=0):
        order = torch.randperm(len(self.images), generator=torch.Generator().manual_seed(seed))
        return lambda of_images: of_images[order.repeat(n // len(order) + 1)[:n]]

    def sample(self, n, *, seed=0):
        return torch.cat(list(self.sample_batches(n, seed=seed)))

    def reconstruct(self, images, labels=None):
        return (images.int() - 3).clamp(0, 255).to(torch.uint8)

    def likelihood_terms(self, images, labels=None, *, seed=0):
        n = len(images)
        means = images.flatten(1)[:, : len(self.latents)].float() * torch.tensor(self.latents)
        terms = {"reconstruction_nats": images.flatten(1).double().mean(1), "kl_nats": torch.full((n,), self.kl)}
        return terms | {"posterior_means": means}

    def log_weights(self, images, labels=None, *, count, seed=0):
        self.weighed = len(images), count
        spread = torch.linspace(-1, 1, count).double() if count > 1 else torch.zeros(1).double()
        return -images.flatten(1).double().mean(1, keepdim=True) + spread


def scores(entries):
    return {entry.metric: entry for entry in entries}


def codes(score):
    return [fact.code for fact in score.warnings]


NOISE = torch.randint(0, 256, (300, 1, 8, 8), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(shared_cache, monkeypatch):
    monkeypatch.setenv("PARIBUS_CACHE", str(shared_cache))
    return shared_cache


@pytest.mark.parametrize(("data", "encoder"), [(DATA, "classifier"), (UNLABELLED, "pixels")])
def test_fresh_images_score_near_the_floor_and_noise_far_away(data, encoder):
    settings = EvaluationSettings(samples=200, encoder=encoder)
    good = scores(evaluate(Fake(blobs(300, 5)[0]), data, settings))
    bad = scores(evaluate(Fake(NOISE), data, settings))
    assert good["kid"].encoder.id.startswith(encoder)
    assert good["frechet"].value < 2 * good["floor_frechet"].value
    assert bad["frechet"].value > 5 * good["frechet"].value
    assert abs(good["kid"].value) < bad["kid"].value / 10
    for metric in ("precision", "coverage", "recall", "density"):
        assert good[metric].value > 0.5 * good[f"floor_{metric}"].value, metric
    assert bad["precision"].value < 0.3 or bad["coverage"].value < 0.3
    assert bad["coverage"].value < 0.3
    assert good["frechet"].n == 200 and good["frechet"].split == "test"
    assert good["frechet"].error > 0 and good["precision"].error is None
    assert bad["floor_frechet"] == good["floor_frechet"]
    assert ("classifier_score" in good) == (encoder == "classifier")


def test_a_model_of_one_class_is_found_out():
    images, labels = blobs(400, 5)
    found = scores(evaluate(Fake(images[labels == 2]), DATA, EvaluationSettings(samples=200)))
    assert found["missing_classes"].value == 3
    lost = {"classes": ("north-west", "north-east", "south-east"), "count": 3}
    assert found["missing_classes"].warnings == (Fact(code="missing_classes", figures=lost),)
    assert found["class_divergence"].value == pytest.approx(math.log(4), rel=0.05)
    assert codes(found["class_divergence"]) == ["uneven_classes"]
    assert found["recall"].value < 0.5 * found["floor_recall"].value
    assert found["coverage"].value < 0.5 * found["floor_coverage"].value
    assert found["precision"].value > 0.5


def test_a_conditional_model_is_asked_for_classes():
    images, labels = blobs(400, 5)
    settings = EvaluationSettings(samples=200)
    obedient = scores(evaluate(Fake(images, labels=labels), DATA, settings))["class_agreement"]
    assert obedient.value > 0.95 and obedient.encoder.id.startswith("classifier") and obedient.n == 200
    swapped = torch.tensor([1, 0, *range(2, CLASSES)])[labels]
    muddled = scores(evaluate(Fake(images, labels=swapped), DATA, settings))
    assert muddled["class_agreement"].value == pytest.approx(obedient.value * (1 - 2 / CLASSES), abs=0.05)
    assert "class_agreement" not in scores(evaluate(Fake(images), DATA, settings))


class Evenly(Fake):
    """Asked for anything, it gives every class equally often."""

    def sample_batches(self, n, *, labels=None, seed=0, rows=None):
        yield from super().sample_batches(n, labels=torch.arange(n) % CLASSES, seed=seed)


def test_classes_come_as_often_as_among_training_images():
    """Perfect samples of a data set of uneven classes are no mode collapse."""

    def uneven(n, seed):
        images, labels = blobs(20 * n, seed)
        weights = torch.tensor([0.9, 0.04, 0.03, 0.03])[labels]
        rows = weights.multinomial(n, generator=torch.Generator().manual_seed(seed))
        return Split(images[rows], labels[rows])

    data = ImageData("uneven", uneven(1000, 11), uneven(100, 12), uneven(400, 13), DATA.class_names, "uneven")
    asked = EvaluationSettings(samples=400, metrics=["frechet", "kid", "class_divergence", "floor_frechet"])
    perfect, evenly = (scores(evaluate(kind(*blobs(4000, 5)[:1], labels=blobs(4000, 5)[1]), data, asked))
                       for kind in (Fake, Evenly))  # fmt: skip
    assert perfect["frechet"].value < 1.5 * perfect["floor_frechet"].value
    assert abs(perfect["kid"].value) < 3 * perfect["kid"].error
    assert perfect["class_divergence"].value < 0.02
    assert evenly["frechet"].value > 10 * perfect["frechet"].value and evenly["class_divergence"].value > 0.5
    assert perfect["frechet"].protocol.labels == "as in training"
    other, few = replace(DATA, train=Split(DATA.train.images, None), class_names=None), blobs(400, 5)
    asked = EvaluationSettings(samples=200, metrics=["kid"])
    found = scores(evaluate(Fake(few[0], labels=few[1]), other, asked))
    assert found["kid"].protocol.labels == "evenly"  # nothing is known of how often each is among these


def test_distance_within_the_classes_that_were_asked_for():
    images, labels = blobs(400, 5)
    names = ["frechet", "frechet_within_classes", "floor_frechet_within_classes"]
    settings = EvaluationSettings(samples=200, metrics=names)
    obedient = scores(evaluate(Fake(images, labels=labels), DATA, settings))
    deaf = scores(evaluate(Fake(images, labels=(labels + 1) % CLASSES), DATA, settings))
    found, floor = obedient["frechet_within_classes"], obedient["floor_frechet_within_classes"]
    assert found.value < 1.5 * floor.value and found.error > 0
    assert deaf["frechet_within_classes"].value > 5 * found.value
    assert deaf["frechet"].value == pytest.approx(obedient["frechet"].value, rel=0.1)  # it sees no labels
    assert floor == deaf["floor_frechet_within_classes"]
    least = found.protocol.least_per_class
    figures = {"least": least, "features": 64, "needed": 128}
    assert found.warnings == (Fact(code="too_few_of_a_class", figures=figures),) and found.n == 200
    assert 0 < least < 128 and floor.protocol.stands_in and floor.protocol.images.origin == "train"
    unconditional = scores(evaluate(Fake(images), DATA, settings))["frechet_within_classes"]
    assert unconditional.value is None and codes(unconditional) == ["not_conditional"]


def test_distance_within_classes_of_too_few_images_is_left_out_unless_asked_for():
    images, labels = blobs(400, 5)
    few = scores(evaluate(Fake(images, labels=labels), DATA, EvaluationSettings(samples=200)))
    assert not {"frechet_within_classes", "floor_frechet_within_classes"} & set(few)
    many = made(test=800)
    found = scores(evaluate(Fake(*blobs(800, 5)[:1], labels=blobs(800, 5)[1]), many, EvaluationSettings(samples=800)))
    assert found["frechet_within_classes"].value > found["frechet"].value
    assert not found["frechet_within_classes"].warnings


def test_samples_that_are_alike_lack_diversity():
    images, labels = blobs(400, 5)
    settings = EvaluationSettings(samples=200)
    fresh, one_class = (scores(evaluate(Fake(of), DATA, settings)) for of in (images, images[labels == 2]))
    found, floor = fresh["diversity"], fresh["floor_diversity"]
    assert found.value == pytest.approx(1, abs=4 * found.error)
    assert floor.value == pytest.approx(1, abs=4 * floor.error)
    assert one_class["diversity"].value < 0.7 < found.value
    assert found.encoder.id.startswith("classifier") and found.n == 200


def test_one_repeated_image_covers_nothing():
    whole_batches = 5 * 37  # of Fake's size: some processors round a small last batch by other instructions
    found = scores(evaluate(Fake(blobs(8, 5)[0][:1]), DATA, EvaluationSettings(samples=whole_batches)))
    assert found["coverage"].value < 0.05 and found["diversity"].value == 0
    assert codes(found["coverage"]) == ["low_coverage"]


def test_entries_say_how_they_came_about():
    entries = evaluate(Fake(blobs(300, 5)[0]), DATA, EvaluationSettings(samples=128, seed=7), weights="best")
    for entry in entries:
        assert Score(**entry.as_json()) == entry
        assert entry.weights == "best"
    found = scores(entries)
    assert found["kid"].protocol == Protocol(
        images=ImageSet(origin="samples", count=128),
        reference=ImageSet(origin="test", count=128, whole=False),
        form=ImageForm(height=8, width=8, channels=1),
        seed=7,
    )
    assert found["parameters"].value == 100
    assert found["samples_per_second"].value > 0
    assert not {"elbo", "mse", "inception_score", "train_seconds"} & set(found)


def test_validation_images_stand_in_for_the_test_images():
    settings = EvaluationSettings(samples=200, split="validation")
    changed = replace(DATA, test=Split(NOISE[:200], DATA.test.labels))  # whatever the test images are
    model = Fake(blobs(300, 5)[0], latents=[1.0, 0.5])
    held_out, otherwise = (
        [score for score in evaluate(model, data, settings) if score.metric != "samples_per_second"]
        for data in (DATA, changed)
    )
    assert otherwise == held_out
    found = scores(held_out)
    assert {entry.split for entry in held_out} == {"validation", "train", None}
    assert found["frechet"].n == found["elbo"].n == len(DATA.validation)
    sets = [entry.protocol.model_dump(include={"images", "reference", "held_out"}) for entry in held_out]
    assert "test" not in {own["origin"] for of in sets for own in of.values() if own}
    as_test = replace(DATA, test=DATA.validation, fingerprint="validation as test")
    assert found["kid"].value == scores(evaluate(model, as_test, EvaluationSettings(samples=200)))["kid"].value
    [image_score] = evaluate_images(blobs(300, 5)[0], DATA, EvaluationSettings(metrics=["kid"], split="validation"))
    assert (image_score.split, image_score.n) == ("validation", len(DATA.validation))
    with pytest.raises(ParibusError, match="no validation images to score against"):
        evaluate(model, replace(DATA, validation=Split(NOISE[:0], None)), settings)


def test_samples_are_made_once_and_evaluation_repeats_exactly():
    model, settings = Fake(blobs(300, 5)[0]), EvaluationSettings(encoder=["classifier", "pixels"], samples=150)
    wanted = settings.model_copy(update={"metrics": ["frechet", "kid", "coverage", "classifier_score"]})
    first = evaluate(model, DATA, wanted)
    assert model.seeds == [0]
    assert evaluate(model, DATA, wanted) == first
    encoders = [entry.encoder.id.partition("-")[0] for entry in first if entry.metric == "kid"]
    assert encoders == ["classifier", "pixels"]


def test_a_choice_of_a_sorted_split_holds_all_classes():
    # the test split is sorted by class: the first 64 of 200 would hold two classes of four
    found = scores(evaluate(Fake(blobs(300, 5)[0]), DATA, EvaluationSettings(samples=64, metrics=["missing_classes"])))
    assert found["missing_classes"].value == 0


def test_frechet_of_too_few_samples_is_hidden_unless_asked_for():
    settings = EvaluationSettings(samples=100)
    few = Fact(code="too_few_samples", figures={"n": 100, "features": 64, "least": 128})
    hidden = scores(evaluate(Fake(NOISE), DATA, settings))
    asked = scores(evaluate(Fake(NOISE), DATA, settings.model_copy(update={"metrics": ["frechet"]})))
    for metric in ("frechet", "floor_frechet"):
        assert hidden[metric].value is None
        assert hidden[metric].warnings == asked["frechet"].warnings == (few,)
    assert hidden["kid"].value is not None
    assert asked["frechet"].value > 0
    assert list(asked) == ["frechet"]


def test_a_tiny_test_split_gives_no_number_and_no_crash():
    found = scores(evaluate(Fake(NOISE), made(test=6)))
    assert found["kid"].value is None
    assert found["kid"].warnings == (Fact(code="too_few_images", figures={"n": 6, "least": 10}),)


def test_likelihood_and_reconstruction():
    settings = EvaluationSettings(samples=200)
    found = scores(evaluate(Fake(blobs(300, 5)[0], latents=[1.0, 0.0, 0.5]), DATA, settings))
    mean = DATA.test.images.double().mean().item()
    assert found["reconstruction_nats"].value == pytest.approx(mean)
    assert found["elbo"].value == pytest.approx(mean + 5)
    assert found["elbo"].error > 0
    assert found["active_units"].value == 2
    assert found["elbo"].protocol.likelihood == GAUSSIAN and found["elbo"].protocol.draws == 1
    difference = DATA.test.images.double() - (DATA.test.images.double() - 3).clamp_min(0)
    mse = (difference / 255).square().mean().item()
    assert found["mse"].value == pytest.approx(mse)
    assert found["psnr"].value == pytest.approx(-10 * math.log10(mse))
    assert not any(entry.warnings for entry in found.values())


def test_the_bound_by_several_latents_says_how_many(monkeypatch):
    model, mean = Fake(NOISE, latents=[1.0]), DATA.test.images.double().flatten(1).mean(1)
    found = scores(evaluate(model, DATA, EvaluationSettings(samples=200, metrics=["iwae"])))["iwae"]
    gain = (torch.linspace(-1, 1, 64).double().logsumexp(0) - math.log(64)).item()
    assert found.value == pytest.approx(mean.mean().item() - gain)
    assert found.error == pytest.approx((mean.std() / 200**0.5).item()) and found.n == 200
    assert found.protocol == Protocol(
        images=ImageSet(origin="test", count=200),
        form=ImageForm(height=8, width=8, channels=1),
        seed=0,
        likelihood=GAUSSIAN,
        draws=64,
    )
    monkeypatch.setattr("paribus.evaluation.measures.likelihood.IWAE_IMAGES", 70)
    one = scores(evaluate(model, DATA, EvaluationSettings(samples=200, metrics=["iwae"], iwae_samples=1)))["iwae"]
    assert model.weighed == (70, 1) and one.n == 70 and one.protocol.draws == 1
    assert one.protocol.images == ImageSet(origin="test", count=70, whole=False)
    without = scores(evaluate(Fake(NOISE), DATA, EvaluationSettings(samples=64, metrics=["iwae"])))["iwae"]
    assert without.value is None and codes(without) == ["no_known_density"]


def blurred(images):
    """Each pixel's mean with its neighbours, mirrored at the border."""
    padded = torch.nn.functional.pad(images.double(), (1, 1, 1, 1), mode="reflect")
    return torch.nn.functional.avg_pool2d(padded, 3, stride=1).to(torch.uint8)


def test_sharpness_is_a_ratio_to_real_images():
    settings = EvaluationSettings(samples=200)
    same = scores(evaluate(Fake(blobs(300, 5)[0]), DATA, settings))
    soft = scores(evaluate_images(blurred(blobs(300, 5)[0]), DATA, settings))
    rough = scores(evaluate(Fake(NOISE, latents=[1.0]), DATA, settings))
    for metric in ("sharpness", "high_frequency"):
        assert same[metric].value == pytest.approx(1, abs=4 * same[metric].error)
        assert soft[metric].value < 0.8 < 2 < rough[metric].value
        assert same[metric].encoder is None and same[metric].n == 200 and same[metric].split == "test"
        expected = sharpness_terms(DATA.test.images)[metric].mean().item()
        assert same[f"real_{metric}"].value == pytest.approx(expected)
        assert same[f"real_{metric}"] == rough[f"real_{metric}"]
        made = sharpness_terms((DATA.test.images.int() - 3).clamp_min(0).to(torch.uint8))[metric].mean().item()
        assert rough[f"reconstruction_{metric}"].value == pytest.approx(made / expected)
        assert rough[f"reconstruction_{metric}"].error < same[metric].error
    assert "reconstruction_sharpness" not in same


def test_sharpness_is_measured_in_the_one_pass_and_where_asked_for(monkeypatch):
    model = Fake(blobs(300, 5)[0], latents=[1.0])
    found = scores(evaluate(model, DATA, EvaluationSettings(samples=100, metrics=["sharpness", "ssim", "mind"])))
    assert model.seeds == [0]
    assert set(found) == {"sharpness", "ssim", "mind"}
    monkeypatch.setattr("paribus.evaluation.measures.sharpness.sharpness_terms", None)
    evaluate(model, DATA, EvaluationSettings(samples=100, metrics=["kid", "ssim"]))


def test_small_images_have_no_sharpness():
    small = NOISE[:, :, :6, :6].contiguous()
    found = scores(compare_images(small, small.flip(0)))
    assert found["sharpness"].value is None and codes(found["sharpness"]) == ["small_images"]
    assert found["kid"].value is not None


def test_copies_of_training_images_are_found_and_distances_do_not_mind():
    settings = EvaluationSettings(samples=200)
    fresh = scores(evaluate(Fake(blobs(300, 5)[0]), DATA, settings))
    copies = scores(evaluate(Fake(DATA.train.images), DATA, settings))
    assert fresh["copying"].value == pytest.approx(0.5, abs=4 * fresh["copying"].error)
    assert not fresh["copying"].warnings
    assert copies["copying"].value == 1 and copies["authenticity"].value == 0
    assert copies["copying"].warnings == (Fact(code="copies", figures={"share": 1.0}),)
    assert copies["frechet"].value < fresh["floor_frechet"].value + 2 * copies["frechet"].error
    assert copies["copying"].split == "train" and copies["copying"].encoder.id.startswith("classifier")
    protocol = copies["copying"].protocol
    assert (protocol.searched, protocol.held_out) == tuple(
        ImageSet(origin=origin, count=count) for origin, count in (("train", 1000), ("test", 200))
    )
    for metric in ("copying", "authenticity"):
        floor = fresh[f"floor_{metric}"]
        assert floor == copies[f"floor_{metric}"]
        assert floor.n == 100 and floor.protocol.stands_in
        assert floor.protocol.images == ImageSet(origin="validation", count=100)
        assert floor.value == pytest.approx(fresh[metric].value, abs=5 * math.hypot(floor.error, 0.035))


def test_copying_has_no_floor_without_validation_images():
    bare = ImageData("bare", DATA.train, Split(DATA.train.images[:0], None), DATA.test, DATA.class_names, "bare")
    found = scores(evaluate(Fake(blobs(300, 5)[0]), bare, EvaluationSettings(samples=200)))
    assert found["copying"].value is not None and "floor_copying" not in found


def test_the_extrapolated_distance_is_left_out_of_few_samples_unless_asked_for():
    images, settings = blobs(300, 5)[0], EvaluationSettings(samples=200)
    assert "frechet_infinity" not in scores(evaluate(Fake(images), DATA, settings))
    asked = settings.model_copy(update={"metrics": ["frechet", "frechet_infinity"]})
    found = scores(evaluate(Fake(images), DATA, asked))
    assert found["frechet_infinity"].value < found["frechet"].value
    assert found["frechet_infinity"].warnings[0].figures["least"] == 512


def test_scores_of_classes():
    images, labels = blobs(400, 5)
    found = scores(evaluate(Fake(images[labels < 2]), DATA, EvaluationSettings(samples=200)))
    assert found["modes_found"].value in (2, 3)
    assert found["mode_score"].value < 0.75 * found["classifier_score"].value
    asked = EvaluationSettings(samples=200, metrics=["histogram_kl", "class_divergence"])
    entries = evaluate(Fake(images[labels < 2]), DATA, asked)
    assert [entry.metric for entry in entries] == ["class_divergence"]
    assert entries[0].value == found["class_divergence"].value


def test_similarity_of_reconstructions():
    found = scores(evaluate(Fake(NOISE, latents=[1.0]), DATA, EvaluationSettings(samples=200)))
    three_darker = (DATA.test.images.int() - 3).clamp(0, 255).to(torch.uint8)
    expected = structural_similarities(DATA.test.images, three_darker).mean().item()
    assert found["ssim"].value == pytest.approx(expected)
    assert found["ssim"].protocol.window == 7


def test_the_prior_hole_is_measured(monkeypatch):
    images, settings = blobs(300, 5)[0], EvaluationSettings(samples=200)
    model = Fake(images, latents=[1.0], prior=NOISE)
    made = []
    reconstruct = model.reconstruct
    monkeypatch.setattr(model, "reconstruct", lambda *given: made.append(len(given[0])) or reconstruct(*given))
    found = scores(evaluate(model, DATA, settings))
    assert sum(made) == 200, "test images were reconstructed more than once"
    assert found["frechet"].protocol == found["prior_frechet"].protocol  # a sampler is a part of the model
    from_prior = scores(evaluate(Fake(NOISE), DATA, settings))
    three_darker = (DATA.test.images.int() - 3).clamp_min(0).to(torch.uint8)
    reconstructed = scores(evaluate_images(three_darker, DATA, settings))
    for metric in ("frechet", "kid"):
        for key in ("value", "error", "n", "encoder", "split"):
            assert getattr(found[f"prior_{metric}"], key) == getattr(from_prior[metric], key)
            assert getattr(found[f"reconstruction_{metric}"], key) == getattr(reconstructed[metric], key)
        assert found[f"reconstruction_{metric}"].value < found[metric].value < found[f"prior_{metric}"].value
    assert not {"prior_kid", "reconstruction_kid"} & set(from_prior)


def test_the_prior_hole_is_not_measured_unasked():
    model = Fake(blobs(300, 5)[0], latents=[1.0], prior=NOISE)
    model.reconstruct = model.with_prior = None
    found = evaluate(model, DATA, EvaluationSettings(samples=200, metrics=["kid"]))
    assert [entry.metric for entry in found] == ["kid"]
    model = Fake(blobs(300, 5)[0], latents=[1.0])
    found = scores(evaluate(model, DATA, EvaluationSettings(samples=200, metrics=["reconstruction_kid", "prior_kid"])))
    assert found["reconstruction_kid"].value is not None
    assert found["prior_kid"].value is None and codes(found["prior_kid"]) == ["draws_from_prior_already"]


def test_posterior_collapse_is_said():
    found = scores(evaluate(Fake(blobs(300, 5)[0], latents=[0.0, 0.0], kl=0.05), DATA, EvaluationSettings(samples=100)))
    (carried,), (used,) = found["kl_nats"].warnings, found["active_units"].warnings
    assert carried.code == used.code == "posterior_collapse"
    assert carried.figures == {"nats": pytest.approx(0.05)} and used.figures == {"units": 2}
    assert not found["elbo"].warnings


def test_values_that_are_not_finite_become_none():
    found = scores(evaluate(Fake(NOISE, latents=[1.0], kl=math.nan), DATA, EvaluationSettings(samples=100)))
    assert found["elbo"].value is None
    assert codes(found["elbo"]) == ["not_finite"]


def test_named_metrics_that_do_not_apply_say_why():
    names = ["elbo", "mse", "classifier_score", "inception_score", "train_seconds"]
    entries = evaluate(Fake(NOISE), UNLABELLED, EvaluationSettings(metrics=names))
    assert [entry.metric for entry in entries] == names
    assert all(entry.value is None for entry in entries)
    because = ["no_likelihood", "no_encoder", "needs_classifier", "needs_inception_classes", "counted_in_training"]
    assert [codes(entry) for entry in entries] == [[code] for code in because]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metrics": ["frechett"]}, "Unknown metric 'frechett'. Did you mean 'frechet'"),
        ({"encoder": "pixel"}, "Unknown encoder 'pixel'. Did you mean 'pixels'"),
        ({"encoder": "classifier"}, "'classifier' needs labelled data"),
        ({"encoder": "classifier-2"}, "'classifier-2' needs labelled data"),
    ],
)
def test_mistakes_are_named(settings, words):
    with pytest.raises(ParibusError, match=words.replace("?", "[?]")):
        evaluate(Fake(NOISE), UNLABELLED, EvaluationSettings(**settings))


def stacks(n, seed):
    """Images of three blobs each, and their classes as the digits of one number."""
    images, labels = blobs(3 * n, seed)
    order = torch.randperm(3 * n, generator=torch.Generator().manual_seed(seed)).view(n, 3)
    return images[order, 0], labels[order] @ torch.tensor([CLASSES**2, CLASSES, 1])


def test_modes_of_stacked_images_are_found_channel_by_channel():
    parts = (Split(*stacks(400, 0)), Split(*stacks(100, 1)), Split(*stacks(400, 2)))
    data = ImageData("stacks", *parts, tuple(map(str, range(CLASSES**3))), "stacks", channel_classes=CLASSES)
    images, labels = stacks(800, 5)
    settings = EvaluationSettings(samples=400, metrics=["modes_found", "kid"])
    found = scores(evaluate(Fake(images), data, settings))
    assert found["modes_found"].value >= 62  # of 64, each with 6 samples on average
    assert found["kid"].encoder.id.startswith("classifier-") and found["kid"].encoder.id.endswith("x3")
    few = labels < CLASSES**2  # the first channel's first class alone
    assert scores(evaluate(Fake(images[few]), data, settings))["modes_found"].value in range(14, 22)


def test_automatic_encoder_needs_enough_images_a_class():
    few = ImageData("few", *(Split(p.images, p.labels) for p in (split(60, 0), split(20, 1), split(40, 2))),
                    tuple("abcd"), "few")  # fmt: skip
    found = scores(evaluate_images(NOISE, few, EvaluationSettings(metrics=["kid"])))
    assert found["kid"].encoder.name == "efficientnet" and found["kid"].encoder.may_rank


def test_few_labelled_images_are_compared_by_what_photographs_teach_and_read_by_their_own_classifier():
    entries = evaluate(Fake(blobs(300, 5)[0]), made(train=400), EvaluationSettings(samples=200))
    by_metric = {e.metric: e.encoder.name for e in reversed(entries) if e.encoder}
    assert by_metric["kid"] == "efficientnet" and by_metric["classifier_score"] == "classifier"
    assert {e.encoder.may_rank for e in entries if e.encoder and e.encoder.name == "classifier"} == {False}


@pytest.mark.parametrize("encoder", ["pixels", "self", "classifier"])
def test_an_encoder_that_knows_a_few_images_alone_may_not_rank(encoder):
    asked = EvaluationSettings(samples=200, encoder=encoder, metrics=["kid"])
    few, many = (evaluate(Fake(NOISE), made(train=n), asked)[0].encoder for n in (400, 1000))
    assert (few.fitted_on, few.may_rank, many.fitted_on, many.may_rank) == (400, False, 1000, True)


def test_unlabelled_images_are_seen_through_what_photographs_teach_and_through_pixels():
    many = ImageData("many", split(1000, 0, False), split(100, 1, False), split(200, 2, False), None, "many")
    asked = EvaluationSettings(metrics=["kid"])
    kids = [evaluate_images(images, many, asked) for images in (blobs(200, 5)[0], NOISE)]
    assert [entry.encoder.id.partition("-")[0] for entry in kids[0]] == ["efficientnet", "pixels"]
    assert all(good.value < 0.1 * bad.value for good, bad in zip(*kids, strict=True))


def test_a_second_classifier_is_as_good_and_another():
    settings = EvaluationSettings(encoder=["classifier", "classifier-2"], metrics=["frechet", "classifier_score"])
    entries = evaluate_images(blobs(200, 5)[0], DATA, settings)
    second = {e.metric: e for e in entries if e.encoder.id.startswith("classifier-2-")}
    first = {e.metric: e for e in entries if not e.encoder.id.startswith("classifier-2-")}
    assert first.keys() == second.keys() == {"frechet", "classifier_score"}
    assert first["frechet"].value != second["frechet"].value
    assert second["classifier_score"].value == pytest.approx(first["classifier_score"].value, rel=0.1)
    assert second["classifier_score"].encoder.accuracy > 0.9


def test_images_of_any_program_are_scored_like_a_models():
    images = blobs(200, 5)[0]
    settings = EvaluationSettings(samples=200)
    given = scores(evaluate_images(images, DATA, settings))
    model = scores(evaluate(Fake(images), DATA, settings))
    for metric in ("frechet", "kid", "recall", "missing_classes"):
        assert given[metric].value == pytest.approx(model[metric].value, rel=1e-5), metric
    assert given["kid"].protocol.images.origin == "given"
    with pytest.raises(ParibusError, match="do not fit those"):
        evaluate_images(images[:, :, :7, :7], DATA, settings)


def test_two_sets_of_images():
    near = scores(compare_images(blobs(300, 5)[0], blobs(250, 6)[0]))
    far = scores(compare_images(NOISE, blobs(250, 6)[0]))
    assert near["kid"].encoder.name == "efficientnet"
    assert near["frechet"].n == 250 and near["frechet"].split == "against"
    assert far["kid"].value > 10 * abs(near["kid"].value)
    assert far["frechet"].value > near["frechet"].value
    compared = {"frechet", "kid", "mind", "precision", "recall", "density", "coverage", "diversity"}
    compared |= {"sharpness", "high_frequency", "two_sample_accuracy"}
    assert set(near) == compared | {"real_sharpness", "real_high_frequency"}
    with pytest.raises(ParibusError, match="needs a data set"):
        compare_images(NOISE, NOISE, EvaluationSettings(encoder="classifier"))


def test_the_best_snapshot_has_the_least_kernel_distance_on_validation():
    mixed = torch.cat([NOISE[:150], blobs(150, 5)[0]])
    models = {100: Fake(NOISE), 200: Fake(blobs(300, 5)[0]), 400: Fake(mixed)}
    entries = select_best_snapshot(models, DATA, EvaluationSettings())
    assert [entry.snapshot for entry in entries] == [100, 200, 400]
    assert {(entry.metric, entry.split, entry.n) for entry in entries} == {("kid", "validation", 100)}
    assert min(entries, key=lambda entry: entry.value).snapshot == 200
    nothing = ImageData("x", DATA.train, Split(DATA.train.images[:0], None), DATA.test, DATA.class_names, "x")
    assert select_best_snapshot(models, nothing, EvaluationSettings()) == []


def test_cost_of_training_stands_beside_the_scores():
    done = {
        "status": "done",
        "seconds": 12.5,
        "images": 6400,
        "flops_per_image": 1e6,
        "peak_memory_bytes": 10,
        "sampler_seconds": 2,
    }
    found = scores(training_costs(done))
    assert {name: entry.value for name, entry in found.items()} == {
        "train_seconds": 12.5,
        "sampler_seconds": 2,
        "images_seen": 6400,
        "flops_per_image": 1e6,
        "peak_memory_bytes": 10,
    }


def test_progress_is_told(capsys):
    seen = []
    settings = EvaluationSettings(samples=128, metrics=["kid"])
    evaluate(Fake(NOISE), DATA, settings, progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert ("generating samples", 128, 128) in seen
    assert capsys.readouterr().out == ""


def test_samples_that_lack_the_rare_kinds_are_found_out():
    asked = EvaluationSettings(samples=200, encoder="classifier", metrics=["rare_share", "rare_coverage"])
    data = made(train=400)
    images, _ = blobs(400, 0)
    order = images.float().mean((1, 2, 3)).argsort()  # brightness is one of the things that make a kind
    kinds = {"all": images, "usual": images[order[150:250]], "unusual": images[torch.cat([order[:20], order[-20:]])]}
    found = {name: scores(evaluate(Fake(chosen), data, asked)) for name, chosen in kinds.items()}
    share, coverage = (
        {name: own[f"rare_{what}"].value for name, own in found.items()} for what in ("share", "coverage")
    )
    assert share["usual"] < share["all"] < share["unusual"] and share["all"] == pytest.approx(1, abs=0.5)
    assert coverage["usual"] < coverage["all"]
    assert found["all"]["rare_share"].protocol.rare_among == 400 and found["all"]["rare_share"].protocol.rare > 0
    assert not {"rare_share", "rare_coverage"} & set(scores(evaluate(Fake(images), DATA)))


def test_models_of_several_training_seeds_are_scored_on_samples_of_their_own():
    def of(training: int, asked: int):
        model = Fake(NOISE)
        model.seed = training
        kid = scores(evaluate(model, DATA, EvaluationSettings(samples=100, encoder="pixels", seed=asked)))["kid"]
        assert set(model.seeds) == {training + asked} == {kid.protocol.seed}
        return kid

    first, second = of(0, 0), of(1, 0)
    assert first.value != second.value and not differences(first, second)
    assert of(0, 1).value == second.value


def test_a_score_holds_what_each_block_of_test_images_does_to_it():
    found = scores(evaluate(Fake(NOISE), DATA, EvaluationSettings(samples=200, encoder="pixels")))
    for metric in ("frechet", "kid"):
        score = found[metric]
        assert len(score.left_out) == 20
        assert 0 < jackknife_error(score.left_out) < score.error
        assert Score(**json.loads(json.dumps(score.as_json()))) == score
