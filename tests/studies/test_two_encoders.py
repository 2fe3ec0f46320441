"""A real study of digits, scored through two classifiers: nothing is lost, and the report says whether both agree."""

from __future__ import annotations

import html
import json
from pathlib import Path

from paribus.commands.studies import compare

METRICS = {"frechet": "Fréchet distance", "coverage": "Coverage", "classifier_score": "Classifier score"}


def test_results_hold_both_encoders_and_the_report_compares_their_rankings(tmp_path: Path) -> None:
    overrides = [
        "evaluation.encoder=[classifier, classifier-2]",
        f"evaluation.metrics=[{', '.join(METRICS)}]",
        "evaluation.samples=300",
        "training.snapshots=[]",
        "backbone.width=16",
    ]
    study = compare(["vae", "gan"], "digits", seeds=1, budget="1kimg", out=tmp_path, overrides=overrides, workers=1)
    found = study.results
    kept = json.loads((tmp_path / "results.json").read_text())
    [second] = kept["other_encoders"]
    assert second.startswith("classifier-2-")
    values: dict[str, dict[str, tuple[float, float]]] = {}
    for run in found.runs:
        scores = study.run_folder(run.model, run.seed).evaluation
        for metric in METRICS:
            first, other = (score for score in scores if score.metric == metric)
            assert run.scores[metric] == first and run.others[second][metric] == other
            assert other.encoder is not None and other.encoder.id == second
            assert first.value is not None and other.value is not None
            values.setdefault(metric, {})[run.model] = first.value, other.value
            assert kept["models"][run.model][metric]["mean"] == first.value
            assert kept["other_encoders"][second][run.model][metric]["mean"] == other.value
    page = html.unescape((tmp_path / "report.html").read_text())
    assert f"{second}, a classifier of " in page
    vae_is_less = {m: [of["vae"][k] < of["gan"][k] for k in (0, 1)] for m, of in values.items()}
    agreed = [METRICS[metric] for metric, (first, second) in vae_is_less.items() if first == second]
    assert "through both encoders" in page
    for label in METRICS.values():
        assert (f"Ranked by mean {label} the models' order is not the same" in page) == (label not in agreed)
    assert ("the models' order changes between " in page) == (len(agreed) < len(METRICS))
