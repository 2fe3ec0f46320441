"""papers/*.yaml: every row can be trained, every printed number is there with its protocol, every claim has a rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.data import DATASETS
from paribus.evaluation.measures import metrics
from paribus.models.networks import parameter_counts
from paribus.replication.papers import FOLDER, SCALES, Paper, paper, paper_names, read_paper
from paribus.replication.study import labels, plan_of
from paribus.studies.plan import study_runs

PAPERS = ["chaturvedula-2023", "guo-2023", "hinrichsen-2023", "mennborg-2020", "tikayyolla-2020"]

# typed from the papers, row by row, as their tables are laid out
TIKAYYOLLA_TABLE_1 = """\
10 143.9419 141.4297 140.8994
20 141.5191 139.4731 138.7821
30 140.0324 137.3182 144.2723
40 140.322 136.7412 137.5407
50 138.811 135.9628 140.8052
60 139.8912 138.0652 140.9192
70 139.1503 136.5565 144.1735
80 137.9177 136.0789 143.6392
90 138.1114 136.4146 139.5986
100 138.4062 136.4544 140.4299"""
TIKAYYOLLA_TABLE_2 = """\
1 1.018 2.863
20 0.864 1.690
40 1.080 1.250
60 1.192 1.037
80 1.243 0.949
100 1.259 0.922
120 1.263 0.921
140 1.280 0.885
160 1.287 0.874
180 1.291 0.860
200 1.286 0.870"""
HINRICHSEN = """\
cifar10-biggan 512 96 314 5.9 25
cifar10-biggan-deep 256 128 345 6.2 22
cifar10-vae 512 96 110 1.6 39
cifar10-vae-deep 256 128 185 1.6 40
lfw-biggan 512 96 185 2.7 29
lfw-biggan-deep 256 128 210 2.9 27
lfw-vae 512 96 170 1.3 19
lfw-vae-deep 256 128 172 1.3 15"""
GUO = """\
gan 64 100 2e-4 200
dcgan 100 128 3e-4 100
dcgan-anime 100 128 2e-4 50
vae 2 128 1e-4 200
cvae-gan 100 128 1e-4 200"""

TEN_CLAIMS = {
    "vae-trains-faster": "train_seconds",
    "gan-sharper": "sharpness",
    "vae-latents-ordered": "smoothness",
    "vae-wins-fid-loses-is-on-lfw": "inception_score",
    "dcgan-steadier": "snapshot_spread",
    "deep-beats-normal": "frechet",
    "more-latents-help": "mse",
    "more-layers-do-not-help": "elbo",
    "leaky-relu-hurts-biggan": "frechet",
    "d-drifts-to-half": "D/accuracy_real",
}


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines()]


def printed(read: Paper, row: str, quantity: str) -> dict[int, float] | float | None:
    [number] = [number for number in read.rows[row].published if number.quantity == quantity]
    return number.by_epoch or number.value


def test_all_five_are_there() -> None:
    assert paper_names() == PAPERS


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", PAPERS)
def test_every_row_can_be_trained(name: str, scale: str) -> None:
    read = paper(name)
    found = study_runs(plan_of(read, scale), Path("study"))
    assert set(labels(read, scale).values()) == {variant.label for variant in found}
    if scale != "smoke":
        assert set(labels(read, scale)) == set(read.systems)  # every row is run
    if scale == "paper":
        assert len(found) == len(read.systems)
        for variant, (row, form) in zip(found, read.systems.values(), strict=True):
            epochs = form.epochs if form is not None and form.epochs is not None else row.epochs
            assert str(variant.config.training.budget) == f"{epochs:g}epochs"
            known = DATASETS[variant.config.data.name]
            size, channels = variant.config.data.size or known.size, variant.config.data.channels or known.channels
            counts = parameter_counts(variant.config, ImageShape(channels, size, known.classes))
            assert all(counts.values())  # the networks can be built


def test_all_cells_of_the_first_paper() -> None:
    read = paper("tikayyolla-2020")
    for place, row in enumerate(("vae-2-layers", "vae-3-layers", "vae-4-layers"), start=1):
        column = {int(line[0]): float(line[place]) for line in rows(TIKAYYOLLA_TABLE_1)}
        assert printed(read, row, "loss") == column
        assert printed(read, row, "lowest loss of the column") == min(column.values())
    for place, quantity in enumerate(("discriminator loss", "generator loss"), start=1):
        assert printed(read, "gan", quantity) == {int(line[0]): float(line[place]) for line in rows(TIKAYYOLLA_TABLE_2)}
    assert read.rows["vae-2-layers"].pictures == [10, 20, 30, 40]
    assert read.rows["gan"].pictures == [1, 40, 80, 120, 160, 200]


def test_both_tables_of_hinrichsen() -> None:
    read = paper("hinrichsen-2023")
    configs = {
        variant.axes["settings"]: variant.config for variant in study_runs(plan_of(read, "paper"), Path("study"))
    }
    for name, batch, width, epochs, score, distance in rows(HINRICHSEN):
        assert (printed(read, name, "IS"), printed(read, name, "FID")) == (float(score), float(distance))
        config = configs[name]
        assert (config.training.batch_size, config.backbone.width) == (int(batch), int(width))
        assert str(config.training.budget) == f"{epochs}epochs"
        assert config.backbone.plan == "hinrichsen"
        assert (config.data.name, config.data.size) == (("lfw", 45) if name.startswith("lfw") else ("cifar10", None))
        rates = {role: optimizer.learning_rate for role, optimizer in config.training.optimizer.items()}
        assert rates == ({"D": 2e-4, "G": 5e-5} if "biggan" in name else {"E": 2e-4, "G": 2e-4})
    fast = configs["cifar10-biggan-d-fast"].training.optimizer, configs["cifar10-biggan-g-fast"].training.optimizer
    assert [optimizer[role].learning_rate for optimizer in fast for role in "DG"] == [2e-3, 5e-5, 2e-4, 5e-4]
    base = configs["cifar10-biggan-rates"].tree()
    for name, role in (("d-fast", "D"), ("g-fast", "G")):
        changed = configs[f"cifar10-biggan-{name}"].tree()
        assert changed != base
        changed["training"]["optimizer"][role]["learning_rate"] /= 10
        assert changed == base


def test_few_updates_take_larger_steps() -> None:
    read = paper("hinrichsen-2023")
    rates: dict[str, list[float]] = {}
    for scale in SCALES:
        for variant in study_runs(plan_of(read, scale), Path("study")):
            found = [optimizer.learning_rate for optimizer in variant.config.training.optimizer.values()]
            rates[f"{scale} {variant.axes['settings']}"] = found
    wanted = {"cifar10-biggan": 10, "cifar10-biggan-g-fast.intended": 10, "lfw-vae-sgd": 10}
    for row, times in (wanted | {"lfw-vae-deep": 2, "cifar10-biggan-g-fast": 1}).items():
        assert rates[f"cpu {row}"] == pytest.approx([times * rate for rate in rates[f"paper {row}"]])
    equal = [found for row, found in rates.items() if re.fullmatch(r"cpu \S+\.equal", row)]
    assert len(equal) == 7
    assert all(set(found) == {4e-4} for found in equal)
    assert rates["smoke cifar10-biggan"] == rates["paper cifar10-biggan"]


def test_the_numbers_of_chaturvedula() -> None:
    read = paper("chaturvedula-2023")
    assert (printed(read, "gan", "FID"), printed(read, "gan", "Inception Score")) == (18.24, 2.76)
    assert printed(read, "vae", "FID") == 28.56
    errors = [number.value for number in read.rows["vae"].published if number.quantity == "reconstruction error"]
    assert set(errors) == {0.092}
    configs = {
        variant.axes["settings"]: variant.config for variant in study_runs(plan_of(read, "paper"), Path("study"))
    }
    assert [configs[name].objective.latent_dim for name in ("gan", "vae")] == [100, 10]
    assert [configs[name].objective.combination for name in ("vae", "vae.intended")] == ["product", "sum"]


def test_the_settings_of_guo() -> None:
    configs = {
        variant.axes["settings"]: variant.config
        for variant in study_runs(plan_of(paper("guo-2023"), "paper"), Path("study"))
    }
    for name, latents, batch, rate, epochs in rows(GUO):
        config = configs[name]
        assert (config.objective.latent_dim, config.training.batch_size) == (int(latents), int(batch))
        assert {optimizer.learning_rate for optimizer in config.training.optimizer.values()} == {float(rate)}
        assert str(config.training.budget) == f"{epochs}epochs"
    assert configs["dcgan-anime"].data.size == 64
    assert [configs[name].objective.variant for name in ("cvae-gan", "cvae-gan-described", "cvae-gan.intended")] == [
        "published", "described", "intended",
    ]  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_numbers_stand_beside_something_that_is_measured(name: str) -> None:
    read = paper(name)
    names = {variant.axes["settings"]: variant.config for variant in study_runs(plan_of(read, "paper"), Path("study"))}
    for label, row in read.rows.items():
        for number in row.published:
            assert number.score is None or number.score in metrics()
            assert number.term is None or number.term.partition("/")[0] in {
                phase.name for phase in names[label].objective.phases()
            }


@pytest.mark.parametrize("name", PAPERS)
def test_claims_name_what_can_be_measured(name: str) -> None:
    for claim in paper(name).claims.values():
        for part in claim.parts:
            assert all("/" in what or what in (*metrics(), "seconds_per_update") for what in part.by)


def test_each_of_the_ten_claims_has_a_metric_and_a_rule() -> None:
    found: dict[str, set[str]] = {}
    for name in PAPERS:
        for claim, read in paper(name).claims.items():
            found.setdefault(claim, set()).update(what for part in read.parts for what in part.by)
    assert {claim: metric in found.get(claim, ()) for claim, metric in TEN_CLAIMS.items()} == dict.fromkeys(
        TEN_CLAIMS, True
    )


SOURCE = (FOLDER / "guo-2023.yaml").read_text()
MISTAKES = [
    (
        "        protocol: notebook-kl\n",
        "        protocol: notebok\n",
        "Unknown protocol 'notebok'. Did you mean 'notebook'?",
    ),
    ("    epochs: 50\n", "    epochs: 50\n    epoch: 50\n", "Unknown setting 'rows.dcgan-anime.epoch'. Did you mean"),
    ("        value: 148.23\n", "", "a value, or values by_epoch"),
    ("        score: kl_nats\n", "        score: kl_nats\n        term: E/kl\n", "a score or a term, not both"),
    ("against: vae.equal", "against: vae.equall", "Unknown row 'vae.equall'. Did you mean 'vae.equal'?"),
    (", value: 1.0, margin", ", margin", "value: NUMBER with near"),
    (
        '    reduction: "3 epochs in place of 100 or 200; 5,000 samples scored"\n',
        "",
        "reduction: what is other",
    ),
    ("\nnot_equal:\n", "\nnot_equals: []\nnot_equal:\n", "Unknown setting 'not_equals'. Did you mean 'not_equal'?"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[f"{k}" for k in range(len(MISTAKES))])
def test_mistakes_in_a_paper_are_named_with_their_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "guo.yaml"
    text = SOURCE.replace(old, new, 1)
    assert text != SOURCE
    path.write_text(text)
    with pytest.raises(ParibusError) as caught:
        read_paper(path)
    assert message in str(caught.value)
    place = next(line for line in str(caught.value).splitlines() if line.startswith("  where:"))
    changed = text[: SOURCE.index(old) + len(new)].splitlines()
    line = int(place.partition(f"{path}, line ")[2].partition(":")[0])
    assert abs(line - len(changed)) < 12  # a group that misses something is named by its own first line


def test_the_line_of_a_mistake_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "guo.yaml"
    path.write_text(SOURCE.replace("data: mnist\n", "data: mnist\n    dota: mnist\n", 1))
    line = path.read_text().splitlines().index("    dota: mnist") + 1
    with pytest.raises(ParibusError, match=rf"line {line}: rows\.gan\.dota"):
        read_paper(path)


def test_an_unknown_paper_is_one_error() -> None:
    with pytest.raises(ParibusError, match=r"Unknown paper 'guo-2032'\. Did you mean 'guo-2023'"):
        paper("guo-2032")
