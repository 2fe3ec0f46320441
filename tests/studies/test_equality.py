"""What is said to be equal and to vary is read off the configurations."""

from __future__ import annotations

from paribus.studies.equality import different_machines, what_varied, what_was_equal
from tests.conftest import made_data, tiny_config


def test_only_differences_are_named() -> None:
    configs = {(model, 0): tiny_config(model) for model in ("gan", "dcgan")}
    sentences = what_varied(configs)
    assert "backbone.name: mlp (gan); dcgan (dcgan)." in sentences
    assert not any("batch_size" in sentence or "budget" in sentence for sentence in sentences)
    assert not any(sentence.startswith("seed") for sentence in sentences)
    equal = what_was_equal(configs, made_data())
    assert "training.batch_size: 8 for every model." in equal
    assert any("40 training images of made (8x8, grey)" in sentence for sentence in equal)


def test_whole_numbers_are_written_without_a_fraction() -> None:
    half_lives = {"vae": "1.4e6", "conv-vae": "0.5"}
    configs = {(m, 0): tiny_config(m, f"training.ema_half_life_images={n}") for m, n in half_lives.items()}
    assert "training.ema_half_life_images: 1,400,000 (vae); 0.5 (conv-vae)." in what_varied(configs)


def test_seeds_vary() -> None:
    configs = {("gan", seed): tiny_config("gan", f"seed={seed}") for seed in (0, 1)}
    assert what_varied(configs) == ["seed: 0, 1 (initial weights, order of the images, noise)."]


def test_machines_are_named_where_they_differ() -> None:
    here = {"cpu": "Xeon", "gpu": None, "torch": "2.13.0", "cores": 2}
    assert different_machines({}) == []
    assert different_machines({("gan", 0): here, ("gan", 1): here | {"cores": 8}}) == []
    [sentence] = different_machines({("gan", 0): here, ("gan", 1): here | {"gpu": "H100"}, ("vae", 0): here})
    assert sentence.startswith(
        "Machine: Xeon, torch 2.13.0 (gan seed 0, vae seed 0); Xeon, H100, torch 2.13.0 (gan seed"
    )


def test_a_sampler_that_is_the_same_for_all_is_named() -> None:
    configs = {(model, 0): tiny_config(model, "sampler.name=gmm") for model in ("vae", "conv-vae")}
    said = "a mixture of Gaussians (gmm) fitted to training latents after training, outside the budget"
    assert f"Sampler: every model's latents are drawn from {said}." in what_was_equal(configs, made_data())
    assert not any("sampler" in sentence for sentence in what_varied(configs))
    priors = {(model, 0): tiny_config(model) for model in ("vae", "conv-vae")}
    assert not any("ampler" in sentence for sentence in what_was_equal(priors, made_data()))


def test_samplers_that_differ_are_named_with_their_models() -> None:
    configs = {("vae", 0): tiny_config("vae", "sampler.name=two-stage"), ("gan", 0): tiny_config("gan")}
    said = "a second VAE (two-stage) fitted to training latents after training, outside the budget"
    assert f"sampler.name: {said} (vae); the prior (gan)." in what_varied(configs)
    assert not any(sentence.startswith("Sampler") for sentence in what_was_equal(configs, made_data()))


def test_only_settings_that_the_sampler_uses_can_vary() -> None:
    given = {"vae": "sampler.components=5", "conv-vae": "sampler.updates=7"}
    mixtures = {(model, 0): tiny_config(model, "sampler.name=gmm", change) for model, change in given.items()}
    assert "sampler.components: 5 (vae); 10 (conv-vae)." in what_varied(mixtures)
    assert not any("sampler.updates" in sentence for sentence in what_varied(mixtures))
    assert any(sentence.startswith("Sampler: every model") for sentence in what_was_equal(mixtures, made_data()))


def test_several_encoders_are_named() -> None:
    configs = {(model, 0): tiny_config(model, "evaluation.encoder=[classifier,pixels]") for model in ("gan", "dcgan")}
    [evaluation] = [s for s in what_was_equal(configs, made_data()) if s.startswith("Evaluation")]
    assert evaluation.startswith("Evaluation: the same 2 encoders (classifier, pixels; the first ranks), at most")


def test_encoders_that_nobody_named_are_counted_too() -> None:
    def said(*overrides: str) -> str:
        configs = {(model, 0): tiny_config(model, *overrides) for model in ("gan", "dcgan")}
        return next((s for s in what_was_equal(configs, made_data(n=80)) if s.startswith("Evaluation")), "")

    assert said().startswith("Evaluation: one encoder (classifier), at most")
    given = said("evaluation.inception_weights=w.pth")
    assert given.startswith("Evaluation: the same 2 encoders (classifier, inception; the first ranks), at most")
    named = said("evaluation.inception_weights=w.pth", "evaluation.encoder=inception-64")
    assert named.startswith("Evaluation: one encoder (inception-64), at most")


def test_a_schedule_beside_a_constant_is_a_difference() -> None:
    schedule = "training.optimizer.G.learning_rate={start: 0.1, end: 0.01, images: 5000}"
    configs = {("gan", 0): tiny_config("gan", schedule), ("dcgan", 0): tiny_config("dcgan")}
    [said] = [s for s in what_varied(configs) if s.startswith("training.optimizer.G.learning_rate")]
    assert said == "training.optimizer.G.learning_rate: 0.1 to 0.01 over 5,000 images (gan); 0.002 (dcgan)."


def test_what_differs_is_not_called_equal() -> None:
    budgets = {("gan", 0): tiny_config("gan", "training.budget=1epochs"), ("dcgan", 0): tiny_config("dcgan")}
    assert not any(sentence.startswith("Budget") for sentence in what_was_equal(budgets, made_data()))
    assert any(sentence.startswith("training.budget: 1epochs (gan)") for sentence in what_varied(budgets))


def test_images_that_are_not_the_same_for_all_are_not_called_equal() -> None:
    sizes = {(f"gan size={size}", 0): tiny_config("gan", f"data.size={size}") for size in (8, 16)}
    assert not any(sentence.startswith("Data") for sentence in what_was_equal(sizes, made_data(), made_data(16)))
    assert "data.size: 8 (gan size=8); 16 (gan size=16)." in what_varied(sizes)


def test_trials_behind_the_settings_are_told() -> None:
    untuned = {(model, 0): tiny_config(model) for model in ("gan", "dcgan")}
    assert not any("tuning" in sentence for sentence in [*what_was_equal(untuned, made_data()), *what_varied(untuned)])
    tuned = {key: tiny_config(key[0], "tuning.trials=20") for key in untuned}
    assert "tuning.trials: 20 for every model." in what_was_equal(tuned, made_data())
    unequal = untuned | {("gan", 0): tuned["gan", 0]}
    assert "tuning.trials: 20 (gan); 0 (dcgan)." in what_varied(unequal)
    assert not any("tuning" in sentence for sentence in what_was_equal(unequal, made_data()))


def test_the_split_is_named() -> None:
    configs = {(model, 0): tiny_config(model, "evaluation.split=validation") for model in ("gan", "dcgan")}
    assert any("scored against the validation split." in sentence for sentence in what_was_equal(configs, made_data()))
