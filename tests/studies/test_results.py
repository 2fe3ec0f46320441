"""What is said to be equal and to vary is read off the configurations."""

from __future__ import annotations

from typing import Any

from paribus.results.score import Fact
from paribus.studies.results import different_machines, what_varied, what_was_equal
from tests.conftest import made_data, tiny_config


def settings(facts: list[Fact]) -> dict[Any, Any]:
    """By path, the values of settings: of all models, or each value's models."""
    found = {}
    for fact in facts:
        if fact.code == "setting":
            values, models = fact.figures["values"], fact.figures.get("models")
            assert isinstance(values, tuple)
            found[fact.figures["path"]] = values[0] if models is None else dict(zip(values, models, strict=True))
    return found


def figures(facts: list[Fact], code: str) -> dict[str, Any] | None:
    """The figures of the one fact with this code; None without one."""
    [*found] = (fact.figures for fact in facts if fact.code == code)
    assert len(found) < 2
    return found[0] if found else None


def test_only_differences_are_named() -> None:
    configs = {(model, 0): tiny_config(model) for model in ("gan", "dcgan")}
    varied = what_varied(configs)
    assert settings(varied)["backbone.name"] == {"mlp": ("gan",), "dcgan": ("dcgan",)}
    assert not any("batch_size" in path or "budget" in path for path in settings(varied))
    assert figures(varied, "seeds") is None
    equal = what_was_equal(configs, made_data())
    assert settings(equal)["training.batch_size"] == "8"
    assert figures(equal, "data") == {"name": "made", "images": 40, "size": 8, "channels": 1}


def test_whole_numbers_are_written_without_a_fraction() -> None:
    half_lives = {"vae": "1.4e6", "conv-vae": "0.5"}
    configs = {(m, 0): tiny_config(m, f"training.ema_half_life_images={n}") for m, n in half_lives.items()}
    said = settings(what_varied(configs))["training.ema_half_life_images"]
    assert said == {"1,400,000": ("vae",), "0.5": ("conv-vae",)}


def test_seeds_vary() -> None:
    configs = {("gan", seed): tiny_config("gan", f"seed={seed}") for seed in (0, 1)}
    assert what_varied(configs) == [Fact(code="seeds", figures={"seeds": (0, 1)})]


def test_machines_are_named_where_they_differ() -> None:
    here = {"cpu": "Xeon", "gpu": None, "torch": "2.13.0", "cores": 2}
    assert different_machines({}) == []
    assert different_machines({("gan", 0): here, ("gan", 1): here | {"cores": 8}}) == []
    found = different_machines({("gan", 0): here, ("gan", 1): here | {"gpu": "H100"}, ("vae", 0): here})
    assert figures(found, "machines") == {
        "machines": ("Xeon, torch 2.13.0", "Xeon, H100, torch 2.13.0"),
        "runs": (("gan seed 0", "vae seed 0"), ("gan seed 1",)),
    }


def test_a_sampler_that_is_the_same_for_all_is_named() -> None:
    configs = {(model, 0): tiny_config(model, "sampler.name=gmm") for model in ("vae", "conv-vae")}
    assert figures(what_was_equal(configs, made_data()), "sampler") == {"name": "gmm"}
    assert not any("sampler" in path for path in settings(what_varied(configs)))
    priors = {(model, 0): tiny_config(model) for model in ("vae", "conv-vae")}
    assert figures(what_was_equal(priors, made_data()), "sampler") is None


def test_samplers_that_differ_are_named_with_their_models() -> None:
    configs = {("vae", 0): tiny_config("vae", "sampler.name=two-stage"), ("gan", 0): tiny_config("gan")}
    assert settings(what_varied(configs))["sampler.name"] == {"two-stage": ("vae",), "prior": ("gan",)}
    assert figures(what_was_equal(configs, made_data()), "sampler") is None


def test_only_settings_that_the_sampler_uses_can_vary() -> None:
    given = {"vae": "sampler.components=5", "conv-vae": "sampler.updates=7"}
    mixtures = {(model, 0): tiny_config(model, "sampler.name=gmm", change) for model, change in given.items()}
    varied = settings(what_varied(mixtures))
    assert varied["sampler.components"] == {"5": ("vae",), "10": ("conv-vae",)}
    assert "sampler.updates" not in varied
    assert figures(what_was_equal(mixtures, made_data()), "sampler") == {"name": "gmm"}


def test_several_encoders_are_named() -> None:
    configs = {(model, 0): tiny_config(model, "evaluation.encoder=[classifier,pixels]") for model in ("gan", "dcgan")}
    evaluation = figures(what_was_equal(configs, made_data()), "evaluation")
    assert evaluation is not None and evaluation["encoders"] == ("classifier", "pixels")


def test_encoders_that_nobody_named_are_counted_too() -> None:
    def encoders(*overrides: str) -> Any:
        configs = {(model, 0): tiny_config(model, *overrides) for model in ("gan", "dcgan")}
        return (figures(what_was_equal(configs, made_data(n=80)), "evaluation") or {})["encoders"]

    assert encoders() == ("efficientnet", "classifier")
    assert encoders("evaluation.inception_weights=w.pth") == ("efficientnet", "classifier", "inception")
    assert encoders("evaluation.inception_weights=w.pth", "evaluation.encoder=inception-64") == ("inception-64",)


def test_a_schedule_beside_a_constant_is_a_difference() -> None:
    schedule = "training.optimizer.G.learning_rate={start: 0.1, end: 0.01, images: 5000}"
    configs = {("gan", 0): tiny_config("gan", schedule), ("dcgan", 0): tiny_config("dcgan")}
    said = settings(what_varied(configs))["training.optimizer.G.learning_rate"]
    assert said == {"0.1 to 0.01 over 5,000 images": ("gan",), "0.002": ("dcgan",)}


def test_what_differs_is_not_called_equal() -> None:
    budgets = {("gan", 0): tiny_config("gan", "training.budget=1epochs"), ("dcgan", 0): tiny_config("dcgan")}
    assert figures(what_was_equal(budgets, made_data()), "budget") is None
    assert settings(what_varied(budgets))["training.budget"]["1epochs"] == ("gan",)


def test_images_that_are_not_the_same_for_all_are_not_called_equal() -> None:
    sizes = {(f"gan size={size}", 0): tiny_config("gan", f"data.size={size}") for size in (8, 16)}
    assert figures(what_was_equal(sizes, made_data(), made_data(16)), "data") is None
    assert settings(what_varied(sizes))["data.size"] == {"8": ("gan size=8",), "16": ("gan size=16",)}


def test_trials_behind_the_settings_are_told() -> None:
    untuned = {(model, 0): tiny_config(model) for model in ("gan", "dcgan")}
    both = [*what_was_equal(untuned, made_data()), *what_varied(untuned)]
    assert not any("tuning" in path for path in settings(both))
    tuned = {key: tiny_config(key[0], "tuning.trials=20") for key in untuned}
    assert settings(what_was_equal(tuned, made_data()))["tuning.trials"] == "20"
    unequal = untuned | {("gan", 0): tuned["gan", 0]}
    assert settings(what_varied(unequal))["tuning.trials"] == {"20": ("gan",), "0": ("dcgan",)}
    assert "tuning.trials" not in settings(what_was_equal(unequal, made_data()))


def test_the_split_is_named() -> None:
    configs = {(model, 0): tiny_config(model, "evaluation.split=validation") for model in ("gan", "dcgan")}
    evaluation = figures(what_was_equal(configs, made_data()), "evaluation")
    assert evaluation is not None and evaluation["split"] == "validation"
