"""From STUDY.yaml to variants: every combination once, and one clear error with its line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from paribus.base.errors import ParibusError
from paribus.config import DataSettings
from paribus.report import write_report
from paribus.studies.files import StudyFile, read_values
from paribus.studies.plan import StudyPlan, StudyRun, study_runs, with_values
from paribus.studies.study import Study, stored_description
from paribus.training.hardware import usable_cores
from tests.conftest import made_data

EXAMPLES = Path(__file__).parents[2] / "examples"

PLAN = """\
axes:
  model: [vae, gan]
  objective.latent_dim: [4, 8]
seeds: [0, 3]
budget: 2kimg
overrides:
  training: {batch_size: 32}
evaluation: {samples: 200}
"""


def written(folder: Path, text: str = PLAN) -> Path:
    path = folder / "sizes.yaml"
    path.write_text(text)
    return path


def variants(plan: StudyPlan) -> list[StudyRun]:
    """The runs of the first seed."""
    return [run for run in study_runs(plan, Path("study")) if run.seed == plan.seed_list[0]]


def test_every_combination_is_run_with_every_seed(tmp_path: Path) -> None:
    plan = StudyFile(written(tmp_path)).plan()
    assert plan.name == "sizes"
    found = variants(plan)
    assert [variant.label for variant in found] == [
        "vae latent_dim=4", "vae latent_dim=8", "gan latent_dim=4", "gan latent_dim=8",
    ]  # fmt: skip
    assert found[2].axes == {"model": "gan", "objective.latent_dim": 4}
    config = found[3].config
    assert (config.model, config.objective.latent_dim) == ("gan", 8)
    assert (config.training.batch_size, str(config.training.budget), config.evaluation.samples) == (32, "2kimg", 200)
    assert config.data.name == "digits"
    runs = study_runs(plan, tmp_path)
    assert [(run.label, run.seed) for run in runs] == [(variant.label, seed) for variant in found for seed in (0, 3)]
    assert [run.name for run in runs][:2] == ["vae latent_dim=4 seed 0", "vae latent_dim=4 seed 3"]
    assert {run.folder.path.parent for run in runs} == {tmp_path / "runs"}


def test_names_of_runs() -> None:
    plan = StudyPlan(
        model="vae",
        axes={"objective.latent_dim": [4, 8], "data.name": ["digits", "/a b/c"]},
        seeds=[2],
        budget="1epochs",
    )
    names = [run.folder.path.name for run in study_runs(plan, Path("study"))]
    assert len(set(names)) == 4
    assert names[1].startswith("vae-latent_dim=4-data=-a-b-c-seed2-")
    assert all(name.rpartition("-")[2].isalnum() and "/" not in name for name in names)
    [alone] = study_runs(StudyPlan(model="vae", seeds=[2], budget="1epochs"), Path("study"))
    assert alone.folder.path == Path("study/runs/vae-seed2")


def test_data_are_a_name_or_a_group_of_settings_of_which_the_rest_is_left_to_others() -> None:
    plan = StudyPlan(model="vae", data="mnist", overrides={"data": {"size": 16}}, budget="1epochs")
    again = StudyPlan(**plan.model_dump(mode="json"))
    assert plan.data == DataSettings(name="mnist")
    for read in (plan, again):
        assert [(run.config.data.name, run.config.data.size) for run in variants(read)] == [("mnist", 16)]
    assert plan.model_dump(mode="json")["data"] == {"name": "mnist"}


def test_labels_use_as_much_of_a_path_as_tells_axes_apart() -> None:
    paths = ["training.optimizer.G.learning_rate", "training.optimizer.D.learning_rate"]
    axes = {"objective.loss": ["hinge"], **{path: ["1e-3"] for path in paths}}
    [variant] = variants(StudyPlan(model="dcgan", axes=axes, budget="1epochs"))
    assert variant.label == "dcgan loss=hinge G.learning_rate=1e-3 D.learning_rate=1e-3"
    assert variant.config.training.optimizer["G"].learning_rate == 0.001


def test_another_objective_starts_from_its_own_defaults() -> None:
    axes = {"objective.name": ["vae", "iwae"], "objective.latent_dim": [4]}
    found = variants(StudyPlan(model="gan", axes=axes, budget="1epochs"))
    assert [variant.label for variant in found] == ["gan objective=vae latent_dim=4", "gan objective=iwae latent_dim=4"]
    assert [variant.config.objective.name for variant in found] == ["vae", "iwae"]


def test_named_settings_stand_side_by_side() -> None:
    settings = {"defaults": {}, "trial 7": {"objective.latent_dim": 6, "training.optimizer.G.learning_rate": "1e-3"}}
    found = variants(StudyPlan(model="vae", settings=settings, axes={"data.size": [8, 16]}, budget="1kimg"))
    labels = ["vae size=8 defaults", "vae size=8 trial 7", "vae size=16 defaults", "vae size=16 trial 7"]
    assert [variant.label for variant in found] == labels
    config = found[1].config
    assert (config.objective.latent_dim, config.training.optimizer["G"].learning_rate) == (6, 0.001)
    assert found[1].axes == {"model": "vae", "data.size": 8, "settings": "trial 7"}
    assert len({variant.folder.path for variant in found}) == 4


def test_named_settings_may_name_their_models() -> None:
    settings = {"small": {"model": "vae", "objective.latent_dim": 2}, "plain": {"model": "gan"}}
    found = variants(StudyPlan(settings=settings, budget="1kimg"))
    assert [(variant.label, variant.config.model) for variant in found] == [("vae small", "vae"), ("gan plain", "gan")]


def test_settings_called_as_their_model_say_so_once() -> None:
    settings = {name: {"model": "vae-gan" if "gan" in name else "vae"} for name in ("vae", "vae-gan", "wide gan")}
    settings["wide gan"]["backbone.width"] = 8
    found = variants(StudyPlan(settings=settings, budget="1kimg"))
    assert [variant.label for variant in found] == ["vae", "vae-gan", "vae-gan wide gan"]


def test_named_settings_may_have_budgets_of_their_own(tmp_path: Path) -> None:
    found = variants(StudyFile(written(tmp_path, OWN_BUDGETS)).plan())
    assert [(str(v.config.training.budget), v.config.data.name) for v in found] == [
        ("2epochs", "digits"),
        ("3epochs", "mnist"),
    ]


OWN_BUDGETS = """\
model: vae
settings:
  short: {training.budget: 2epochs}
  long:
    training.budget: 3epochs
    data.name: mnist
"""
SETTINGS = "model: vae\nbudget: 1kimg\nsettings:\n  a: {}\n  b:\n    "
MISTAKES = [
    (SETTINGS + "objective.latent_dmi: 3\n", 6, "Unknown setting 'objective.latent_dmi'. Did you mean 'latent_dim'?"),
    (SETTINGS + "seed: 3\n", 6, "Seeds are named by themselves."),
    (SETTINGS + "training.budget: 3kimg\n", 6, "A study's budget is named more than once."),
    (SETTINGS.replace("budget: 1kimg\n", "") + "training.budget: 3kimg\n", 3, "A study needs a budget."),
    (OWN_BUDGETS.replace("3epochs", "3kimg"), 5, "The budgets of one study must have one unit"),
    (OWN_BUDGETS.replace("3epochs", "three"), 5, "A budget must be a positive number with a unit."),
    (SETTINGS + "model: gan\n", 1, "The study names no model."),
    (SETTINGS.replace("{}", "{model: gan}") + "model: vae\n", 4, "The study names its models twice."),
    (SETTINGS.replace("model: vae\n", "") + "model: vea\n", 1, "The study names no model."),
    (SETTINGS.replace("model: vae\n", "").replace("{}", "{model: gan}") + "model: vea\n", 5, "Unknown model 'vea'."),
    (SETTINGS + "backbone.width: 8\nparams: match\n", 6, "Widths are what 'params' chooses."),
    ("[1, 2]", 1, "A study's file must hold named settings."),
    ("axes: [", None, "The study's file cannot be read."),
    (PLAN + "budgets: 3kimg\n", 9, "Unknown setting 'budgets'. Did you mean 'budget'?"),
    (PLAN + "budget: 3kimg\n", 9, "A key stands twice."),
    (PLAN.replace("latent_dim", "latent_dmi"), 3, "Unknown setting 'objective.latent_dmi'. Did you mean 'latent_dim'?"),
    (PLAN.replace("objective.", "objectiv."), 3, "Unknown setting 'objectiv'. Did you mean 'objective'?"),
    (PLAN.replace("[4, 8]", "[]"), 3, "An axis needs a value."),
    (PLAN.replace("[4, 8]", "8"), 3, "Setting 'axes.objective.latent_dim' has a wrong value."),
    (PLAN.replace("[4, 8]", "[4, 8, 4]"), 3, "A value stands twice."),
    (PLAN.replace("[4, 8]", "\n  - 4\n  - -1"), 5, "Setting 'objective.latent_dim' has a wrong value."),
    (PLAN.replace("[vae, gan]", "[vae, gam]"), 2, "Unknown model 'gam'. Did you mean 'gan'?"),
    (PLAN.replace("[0, 3]", "[0, 3, 0]"), 4, "A seed is named twice."),
    (PLAN.replace("[0, 3]", "0"), 4, "A number of seeds is at least 1."),
    (PLAN.replace("budget: 2kimg\n", ""), 1, "A study needs a budget."),
    (PLAN.replace("2kimg", "2"), 5, "A budget must be a positive number with a unit."),
    (PLAN.replace("objective.latent_dim: [4, 8]", "seed: [0, 1]"), 3, "Seeds are named by themselves."),
    (PLAN.replace("batch_size: 32", "batch_size: 1"), 7, "Setting 'training.batch_size' has a wrong value."),
    (PLAN.replace("training: {batch_size: 32}", "seed: 7"), 7, "Seeds are named by themselves."),
    (PLAN.replace("training: {batch_size: 32}", "model: gan"), 7, "A study names its models by themselves."),
    (PLAN.replace("batch_size: 32", "budget: 1kimg"), 7, "A study's budget is named more than once."),
    (PLAN.replace("samples: 200", "samples: 2"), 8, "Setting 'evaluation.samples' has a wrong value."),
    (PLAN + "model: vae\n", 2, "The study names its models twice."),
    ("model: vae\nbudget: 1kimg\naxes: {training.budget: [2kimg]}\n", 3, "A study's budget is named more than once."),
    ("model: vae\naxes:\n  training.budget: [2kimg, 3epochs]\n", 3, "The budgets of one study must have one unit"),
    ("model: vae\naxes: {training.precision: [auto], training.optimizer.E: [{}, {kind: adam}]}\nbudget: 1kimg\n", 2,
     "Two of the study's runs would be the same."),
    ("model: vae\nbudget: 1kimg\nparams: match\naxes: {backbone.width: [8, 16]}\n", 4, "Widths are what 'params'"),
    ("model: vae\nbudget: 1kimg\nparams: 0\n", 3, "Setting 'params' has a wrong value."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), MISTAKES, ids=[f"{k}" for k in range(len(MISTAKES))])
def test_mistakes_are_named_with_their_line(text: str, line: int | None, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ParibusError) as caught:
        file = StudyFile(path)
        plan = file.plan()
        with file.naming_lines():
            variants(plan)
    assert str(caught.value).startswith(message)
    place = f"where:    {path}, line {line}" if line else f"where:    {path}"
    assert place in str(caught.value)


def test_a_golden_error(tmp_path: Path) -> None:
    file = StudyFile(written(tmp_path, PLAN.replace("objective.latent_dim", "objective.beta")))
    with pytest.raises(ParibusError) as caught, file.naming_lines():
        variants(file.plan())
    first, where, got, *_ = str(caught.value).splitlines()
    assert first == "Unknown setting 'objective.beta'."
    assert where == f"  where:    {tmp_path}/sizes.yaml, line 3: axes.objective.beta.0 (gan)"
    assert got == "  got:      beta"


def test_values_are_added_to_axes_and_seeds() -> None:
    plan = StudyPlan(model="vae", axes={"objective.latent_dim": [4]}, seeds=2, budget="1kimg")
    more = with_values(plan, *read_values("objective.latent_dim=8,16"))
    assert more.axes == {"objective.latent_dim": [4, 8, 16]}
    assert with_values(plan, *read_values("seeds=5")).seed_list == [0, 1, 5]
    models = [variant.config.model for variant in variants(with_values(plan, *read_values("model=gan")))]
    assert models == ["vae", "gan"]
    for text in ("objective.latent_dim=4", "seeds=1", "seeds=0,1", "model=vae"):  # given again after an interruption
        assert with_values(plan, *read_values(text)) == plan
    for text, held in (("objective.latent_dim=8,4", "4"), ("seeds=1,2", "0, 1"), ("model=vae,gan", "vae")):
        with pytest.raises(ParibusError, match=f"(?s)has this value already.*a value besides {held}\n"):
            with_values(plan, *read_values(text))
    with pytest.raises(ParibusError, match="A value stands twice"):
        variants(with_values(plan, "objective.latent_dim", [8, 8]))
    with pytest.raises(ParibusError, match=r"no axis 'objective.latent'. Did you mean 'objective.latent_dim'"):
        with_values(plan, "objective.latent", [4])
    for text in ("seeds", "=3", "seeds=", "seeds=[1"):
        with pytest.raises(ParibusError, match="must have the form"):
            read_values(text)


def test_threads_stay_those_that_the_study_began_with(tmp_path: Path) -> None:
    """Whichever variant comes first: one that names its own says nothing of the others."""
    own = usable_cores() + 1
    plan = StudyPlan(model="vae", settings={"one": {"training.threads": own}, "all": {}}, seeds=1, budget="60s")

    def threads() -> list[int | None]:
        study = Study.of(plan, tmp_path, write_report=write_report, images=made_data())
        study.write_description()
        return [run.config.training.threads for run in study.runs]

    assert threads() == threads() == [own, usable_cores()]
    assert stored_description(tmp_path)["threads"] == usable_cores()
    named = StudyPlan(model="vae", overrides={"training": {"threads": own}}, seeds=1, budget="60s")
    study = Study.of(named, tmp_path / "named", write_report=write_report, images=made_data())
    assert study.prepared.threads == own


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_studies_of_one_budget(path: Path) -> None:
    found = variants(StudyFile(path).plan())
    assert {variant.config.model for variant in found} == {"conv-vae", "vae-gan", "dcgan", "biggan"}
    assert len({str(variant.config.training.budget) for variant in found}) == 1
    assert not any(variant.config.objective.conditional for variant in found)


def test_where_some_models_know_the_labels_an_encoder_that_does_not_stands_beside_a_classifier(tmp_path: Path) -> None:
    def encoders(*models: str, **evaluation: str) -> set[str]:
        plan = StudyPlan(data="digits", axes={"model": list(models)}, seeds=1, budget="1kimg", evaluation=evaluation)
        return {str(run.config.evaluation.encoder) for run in study_runs(plan, tmp_path)}

    assert encoders("vae", "cvae") == {"['auto', 'efficientnet']"}
    assert encoders("vae", "gan") == encoders("cvae", "cvae-gan") == {"auto"}
    assert encoders("vae", "cvae", encoder="pixels") == {"pixels"}
