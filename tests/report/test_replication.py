"""The report's part on a replication: numbers with protocols, curves, pictures, claims decided by stated rules."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from paribus.report.cautions import cautions_of
from paribus.report.claims import judged, together
from paribus.report.html import rendered
from paribus.report.manuscript import replication_markdown
from paribus.report.replication import replication
from paribus.results.replication import ReplicationRecord
from paribus.results.study_files import read_folder
from tests.report.conftest import save, score

StudyFixture = tuple[Path, dict[str, Any]]

TOLD: dict[str, Any] = {
    "name": "paper-2020",
    "title": "A paper",
    "scale": "cpu",
    "replaced_data": {},
    "labels": {name: name for name in ("vae", "dcgan", "wgan-gp")} | {"vae.equal": "beta-vae"},
    "parameters": {},
    "protocols": {"fid": "FID by a network that is not named", "loss": "loss by epoch"},
    "not_equal": ["epochs differ"],
    "decided": ["z is 16"],
    "missing": ["a manifold"],
    "scales": {"cpu": {"budget": "20s", "overrides": {}, "reduction": "20 seconds"}},
    "claims": {},
    "rows": {
        "vae": {
            "about": "the VAE", "place": "Table 1", "epochs": 10, "pictures": [5, 10], "not_equal": [],
            "scales": {}, "forms": {"equal": {"about": "as dcgan", "scales": {}}},
            "published": [
                {"quantity": "FID", "place": "Table 1", "value": 28.56, "by_epoch": {}, "protocol": "fid",
                 "score": "frechet", "term": None, "unlike": "another network"},
                {"quantity": "loss", "place": "Table 2", "value": None, "by_epoch": {"2": 143.9419, "90": 1.0},
                 "protocol": "loss", "score": None, "term": "VAE/loss", "unlike": ""},
            ],
        },
        "dcgan": {"about": "the GAN", "place": "Table 1", "epochs": 10, "pictures": [], "not_equal": ["its epochs"],
                  "scales": {}, "forms": {}, "published": []},
    },
}  # fmt: skip


def part(of: str, against: str | None, by: list[str], expected: str, **more: Any) -> dict[str, Any]:
    return {
        "of": of,
        "against": against,
        "by": by,
        "expected": expected,
        "margin": 0.05,
        "value": None,
        "level": None,
    } | more


def verdict(folder: Path, *parts: dict[str, Any], reserve: str = "") -> tuple[str, str]:
    claims = {"one": {"claim": "A claim", "place": "section 1", "parts": list(parts)}}
    told = ReplicationRecord.model_validate(TOLD | {"claims": claims, "parameters": {"vae": 800, "dcgan": 1000}})
    [found] = judged(read_folder(folder), told, reserve)
    return found.decision, "; ".join(each.text for each in found.parts)


@pytest.fixture
def told(study: StudyFixture) -> StudyFixture:
    folder, found = study
    for run in (folder / "runs").iterdir():  # an epoch of 1,000 images
        record = yaml.safe_load((run / "run.yaml").read_text())
        record["data"]["counts"] = {"train": 1000}
        (run / "run.yaml").write_text(yaml.safe_dump(record))
    (folder / "replication.json").write_text(json.dumps(TOLD))
    return folder, found


def test_a_study_without_a_paper_has_no_such_part(study: StudyFixture) -> None:
    assert replication(read_folder(study[0])) is None
    assert 'id="replication"' not in rendered(read_folder(study[0]))


def test_numbers_stand_beside_what_was_measured_with_their_protocol(told: StudyFixture) -> None:
    folder, found = told
    section = replication(read_folder(folder))
    assert section is not None
    assert section.heads == ("As published", "All else equal")
    [line] = section.lines
    assert (line.system, line.printed.value, line.protocol) == ("vae", 28.56, "FID by a network that is not named")
    assert "another network" in line.beside
    for cell, model in zip(line.cells, ("vae", "beta-vae"), strict=True):
        assert cell.value == pytest.approx(found["models"][model]["frechet"]["mean"])
    assert section.reductions == ("20 seconds",)
    assert section.not_equal == ("epochs differ", "dcgan: its epochs")


def test_the_section_can_be_copied_as_markdown(told: StudyFixture) -> None:
    folder, found = told
    claim = {"claim": "A VAE | is better", "place": "section 1", "parts": [part("vae", "dcgan", ["frechet"], "less")]}
    (folder / "replication.json").write_text(json.dumps(TOLD | {"claims": {"better": claim}}))
    section = replication(read_folder(folder))
    assert section is not None
    numbers, title, curve, claims = replication_markdown(section).split("\n\n")
    head, rule, line = numbers.splitlines()
    assert head.endswith("| Published | As published | All else equal |") and rule.endswith("---: | ---: | ---: |")
    assert "| FID by a network that is not named. |" in line
    assert f"| 28.56 | {found['models']['vae']['frechet']['mean']:.2f} ± " in line
    assert title.startswith(section.curves[0].title)
    assert curve.splitlines()[2].startswith("| 2 | 143.9419 | ")
    assert claims.splitlines()[2].startswith(f"| A VAE \\| is better. | {section.claims[0].decision.capitalize()}. |")
    assert numbers in html.unescape(rendered(read_folder(folder)))


def test_a_curve_is_compared_at_the_same_epoch(told: StudyFixture) -> None:
    folder, _ = told
    section = replication(read_folder(folder))
    assert section is not None
    [curve] = section.curves
    assert [line[:2] for line in curve.lines] == [("2", "143.9419"), ("90", "1.0")]
    means = []
    for seed in (0, 1, 2):
        lines = map(json.loads, (folder / "runs" / f"vae-seed{seed}" / "metrics.jsonl").read_text().splitlines())
        second = [line["VAE/loss"] for line in lines if 1000 < line["images"] <= 2000]
        means.append(sum(second) / len(second))
    assert curve.lines[0][2][0] == f"{sum(means) / 3:.2f}"
    assert curve.lines[1][2] == ("not reached", "not reached")  # 24,000 images are 24 epochs
    assert curve.chart.count("published: 144") == 1


def test_pictures_are_those_of_the_papers_share_of_the_budget(told: StudyFixture) -> None:
    folder, found = told
    section = replication(read_folder(folder))
    assert section is not None
    [strip] = section.strips
    assert [shown.short for shown in strip.pictures] == ["epoch 5, here 12", "epoch 10, here 24"]
    images = next(row["images"] for row in found["runs"] if row["model"] == "vae")
    assert [f"after {share:,} images" in shown.caption for share, shown in
            zip((images // 2, images), strip.pictures, strict=True)] == [True, True]  # fmt: skip


def test_the_page_holds_the_section_and_its_words(told: StudyFixture) -> None:
    folder, _ = told
    claims = {"one": {"claim": "Sharper <b>", "place": "section 1",
                      "parts": [part("dcgan", "vae", ["frechet"], "less")]}}  # fmt: skip
    (folder / "replication.json").write_text(json.dumps(TOLD | {"claims": claims}))
    page = rendered(read_folder(folder))
    for words in ("Published beside measured", "Sharper &lt;b&gt;", "Supported", "28.56", "not named", "a manifold"):
        assert words in page
    assert 'href="#replication"' in page


def test_the_page_begins_with_how_many_claims_hold(told: StudyFixture) -> None:
    folder, _ = told
    decided = {"less": "supported", "greater": "contradicted"}
    claims = {
        name: {"claim": name, "place": "1", "parts": [part("dcgan", "vae", ["frechet"], name)]} for name in decided
    }
    (folder / "replication.json").write_text(json.dumps(TOLD | {"claims": claims}))
    assert "Of the paper&#39;s 2 claims: 1 supported and 1 contradicted." in rendered(read_folder(folder))
    (folder / "replication.json").write_text(json.dumps(TOLD | {"scale": "smoke"}))
    assert "No claim of the paper is decided" in rendered(read_folder(folder))


def test_forms_differ_from_their_row_in_what_the_runs_say(told: StudyFixture) -> None:
    folder, _ = told
    for name, beta in (("vae", 1.0), ("beta-vae", 4.0)):
        for run in (folder / "runs").glob(f"{name}-seed*"):
            record = yaml.safe_load((run / "run.yaml").read_text())
            record["config"] = {"model": name, "seed": 0, "objective": {"beta": beta, "latent_dim": 8}}
            (run / "run.yaml").write_text(yaml.safe_dump(record))
    section = replication(read_folder(folder))
    assert section is not None
    assert section.differences == {"vae.equal": [("Weight of the KL (beta)", "1", "4")]}


def test_settings_that_differ_between_rows_are_folded(told: StudyFixture) -> None:
    folder, found = told
    rows = [f"a row with a long name {k}" for k in range(20)]
    beta = {"path": "objective.beta", "values": ["1", "4"], "models": [["a"], ["b"]]}
    long = {"path": "training.budget", "values": [f"{k}epochs" for k in range(20)], "models": [[row] for row in rows]}
    varied = [{"code": "setting", "figures": figures} for figures in (beta, long)]
    (folder / "results.json").write_text(json.dumps(found | {"varied": varied}))
    page = rendered(read_folder(folder))
    assert "2 settings that differ between rows" in page and "Budget: 20 values" in page
    assert "Weight of the KL (beta): 1 (a); 4 (b)." in page


@pytest.mark.parametrize(("expected", "decision"), [
    ("less", "supported"), ("greater", "contradicted"), ("not less", "contradicted"),
])  # fmt: skip
def test_three_seeds_decide_as_who_beats_whom(told: StudyFixture, expected: str, decision: str) -> None:
    # 12.4 against 38.2 with seeds far closer than that
    found, text = verdict(told[0], part("dcgan", "vae", ["frechet"], expected))
    assert found == decision
    assert "3 seeds each" in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_fewer_than_three_seeds_decide_nothing(
    told: StudyFixture, tools: dict[str, Callable[..., Any]], seeds: int
) -> None:
    folder, found = told
    found["runs"] = [row for row in found["runs"] if row["seed"] < seeds]
    record = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(record | {"seeds": list(range(seeds))}))
    tools["save"](folder, found)
    for expected in ("less", "greater", "not less"):
        decision, text = verdict(folder, part("dcgan", "vae", ["frechet"], expected))
        assert decision == "can't tell" and "fewer than 3 decide nothing" in text


def test_what_was_not_measured_alike_decides_nothing(told: StudyFixture, tools: dict[str, Callable[..., Any]]) -> None:
    folder, found = told
    for row in found["runs"]:
        if row["model"] == "vae":
            row["scores"]["frechet"]["encoder"]["id"] = "another"
    tools["save"](folder, found)
    decision, text = verdict(folder, part("dcgan", "vae", ["frechet"], "less"))
    assert decision == "can't tell" and "the encoders differ" in text
    decision, text = verdict(folder, part("dcgan", "vae", ["inception_score"], "less"))
    assert decision == "can't tell" and "not measured" in text
    # the first metric that both have counts
    assert "Precision" in verdict(folder, part("dcgan", "vae", ["inception_score", "precision"], "less"))[1]


def test_the_end_of_a_log_lies_near_or_does_not(told: StudyFixture) -> None:
    near = part("dcgan", None, ["D/loss"], "near", value=1.2, margin=0.1)
    assert verdict(told[0], near)[0] == "supported"  # it is drawn around 1.2 with a deviation of 0.08
    assert verdict(told[0], near | {"value": 1.386})[0] == "contradicted"
    assert verdict(told[0], near | {"by": ["D/none"]})[0] == "can't tell"


def test_costs_of_a_run_are_compared_too(told: StudyFixture) -> None:
    folder, _ = told  # 900 updates in 20 s against 1,100
    decision, text = verdict(folder, part("vae", "dcgan", ["seconds_per_update"], "less"))
    assert decision == "supported" and "0.0182 of vae, 0.0222 of dcgan" in text


@pytest.mark.parametrize(
    ("expected", "margin", "decision"),
    [("less", 0.1, "supported"), ("less", 0.3, "contradicted"), ("greater", 0.0, "contradicted")],
)
def test_the_papers_own_networks_are_counted(told: StudyFixture, expected: str, margin: float, decision: str) -> None:
    found, text = verdict(told[0], part("vae", "dcgan", ["parameters"], expected, margin=margin))
    assert found == decision and "800 of vae, 1,000 of dcgan" in text


def test_between_two_zeros_nothing_is_decided(told: StudyFixture, tools: dict[str, Callable[..., Any]]) -> None:
    folder, found = told
    found["runs"] = [row for row in found["runs"] if row["seed"] == 0]
    for row in found["runs"]:
        row["scores"]["coverage"]["value"] = 0.0
    tools["save"](folder, found)
    for expected in ("less", "greater"):
        assert verdict(folder, part("vae", "dcgan", ["coverage"], expected))[0] == "can't tell"


def test_seconds_until_a_loss_are_those_of_the_first_line_that_reached_it(told: StudyFixture) -> None:
    folder, _ = told
    for model, reached in (("vae", 20), ("beta-vae", 80)):
        for seed in (0, 1, 2):
            path = folder / "runs" / f"{model}-seed{seed}" / "metrics.jsonl"
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for place, line in enumerate(lines):
                line["VAE/elbo"] = 199.0 if place in (reached, reached + 2) else 250.0
                line["seconds"] = float(place + seed)
            path.write_text("\n".join(map(json.dumps, lines)))
    until = part("vae", "vae.equal", ["VAE/elbo"], "less", level=200.0)
    decision, text = verdict(folder, until)
    assert decision == "supported" and "21.0 of vae, 81.0 of vae.equal" in text
    decision, text = verdict(folder, until | {"level": 100.0})
    assert decision == "can't tell" and "not measured" in text


def test_a_claim_needs_all_of_its_parts() -> None:
    assert together(["supported", "supported"]) == "supported"
    assert together(["supported", "can't tell"]) == "can't tell"
    assert together(["can't tell", "contradicted", "supported"]) == "contradicted"


def test_smoke_decides_nothing(told: StudyFixture) -> None:
    folder, _ = told
    claims = {"one": {"claim": "c", "place": "p", "parts": [part("dcgan", "vae", ["frechet"], "less")]}}
    for scale, decision in (("cpu", "supported"), ("smoke", "can't tell")):
        (folder / "replication.json").write_text(json.dumps(TOLD | {"claims": claims, "scale": scale}))
        section = replication(read_folder(folder))
        assert section is not None
        assert [claim.decision for claim in section.claims] == [decision]
        assert [claim.parts[0].decision for claim in section.claims] == ["supported"]


def logs(folder: Path, found: dict[str, Any], model: str, accuracy: float, distances: list[float]) -> None:
    """Gives a model's first seed a D of that accuracy in the second half, and snapshots at those distances."""
    run = folder / "runs" / f"{model}-seed0"
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = lines[-1]["images"]
    for line in lines:
        right = accuracy if line["images"] >= last / 2 else 0.5
        line |= {"D/accuracy_real": right, "D/accuracy_fake": right}
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    row = next(row for row in found["runs"] if (row["model"], row["seed"]) == (model, 0))
    row["snapshots"] = [
        score("frechet", value, weights="snapshot", snapshot=round(share * last), split="validation")
        for share, value in zip((0.25, 0.5, 1.0), distances, strict=True)
    ]
    save(folder, found)


@pytest.mark.parametrize(("accuracy", "distances", "said"), [
    (0.995, [300, 300, 290], "3.3 % below the best of the first half"),
    (0.995, [300, 300, 200], ""),  # it still learns
    (0.995, [290, 400, 280], "3.4 % below the best of the first half"),  # 30 % nearer than at half of the budget
    (0.995, [300, 300, 330], "10 % above the best of the first half"),
    (0.98, [300, 300, 300], ""),  # D errs
])  # fmt: skip
def test_a_stalled_run_is_named(told: StudyFixture, accuracy: float, distances: list[float], said: str) -> None:
    logs(*told, "dcgan", accuracy, distances)
    named = [c for c in cautions_of(read_folder(told[0])) if c.text.startswith("Stalled: ") and "dcgan" in c.text]
    assert bool(named) == bool(said)
    for caution in named:
        assert caution.details[0].endswith(f"D right about 99.5 % and more, the distance {said}")


@pytest.mark.parametrize(("coverage", "diversity", "accuracy", "collapses"), [
    (0.01, 0.1, 0.8, True), (0.01, 0.9, 0.8, False), (0.2, 0.1, 0.8, False), (0.01, 0.1, 0.999, False),
])  # fmt: skip
def test_a_collapsed_run_is_named(
    told: StudyFixture, tools: dict[str, Callable[..., Any]], coverage: float, diversity: float, accuracy: float,
    collapses: bool,
) -> None:  # fmt: skip
    folder, found = told
    logs(folder, found, "dcgan", accuracy, [300, 300, 300])
    row = next(row for row in found["runs"] if (row["model"], row["seed"]) == ("dcgan", 0))
    row["scores"]["coverage"]["value"] = coverage
    row["scores"]["diversity"] = score("diversity", diversity)
    tools["save"](folder, found)
    texts = [caution.text for caution in cautions_of(read_folder(folder))]
    assert any(text.startswith("Collapsed: ") and "dcgan" in text for text in texts) == collapses
