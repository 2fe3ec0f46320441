"""A study's or a run's folder, finished or not, read into results; and results.json, there and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from paribus.base.errors import Damaged, ParibusError
from paribus.base.files import read_json, read_yaml, write_json
from paribus.base.places import checked_path
from paribus.config import validated
from paribus.results import records
from paribus.results.comparison import comparison, effects, fronts, leaders, obstacles, primary_metric
from paribus.results.folder import RunFolder
from paribus.results.metric import Metric
from paribus.results.run import DataRecord, Machine, RunResult, Scores, command_text, read_run
from paribus.results.score import Fact
from paribus.results.statistics import summary
from paribus.results.steadiness import steadiness
from paribus.results.study import StudyResult, models_of
from paribus.results.words import fact_words

SCHEMA = 2
"""Of results.json; the first had no number, and sentences in place of protocols."""

ROW: TypeAdapter[RunResult] = TypeAdapter(RunResult)
FACTS = TypeAdapter(tuple[Fact, ...])


def write_results(path: Path, study: StudyResult) -> None:
    """Writes results.json: everything that was measured, with what follows from it for those who read the file."""
    others = dict.fromkeys(encoder for run in study.runs for encoder in run.others)
    content = {
        "schema": SCHEMA,
        "metrics": {name: metric.model_dump(mode="json") for name, metric in study.metrics.items()},
        "runs": [_row(run, path.parent) for run in study.runs],
        "models": _summaries((run.model, run.scores) for run in study.runs),
        "other_encoders": {
            encoder: _summaries((run.model, run.others.get(encoder, {})) for run in study.runs) for encoder in others
        },
        "comparisons": comparisons(study),
        "steadiness": {model: _table(scores) for model, scores in steadiness(study).items()},
        "equal": FACTS.dump_python(study.equal, mode="json"),
        "varied": FACTS.dump_python(study.varied, mode="json"),
    }
    write_json(path, content)


def comparisons(study: StudyResult) -> dict[str, Any]:
    """Pairs, ranks and fronts of a study's models, by metric, as plain values for results.json.

    Returns:
        The metric that ranks; how many runs of each model failed; and for each metric of a leaderboard either in which
        fields its scores differ that may not, or every pair, each model's best and worst rank, the models that none
        beats, the Pareto fronts by cost, and the effect of each value of each axis.
    """
    measured = [name for name in study.quality_metrics if any(run.value(name) is not None for run in study.done)]
    return {
        "primary": primary_metric(study),
        "failed": {model: sum(run.status == "failed" for run in study.of(model)) for model in study.models},
        "metrics": {name: _compared(study, name) for name in measured if study.metric(name).direction != "none"},
    }


def _compared(study: StudyResult, metric: str) -> dict[str, Any]:
    if against := obstacles(study, metric):
        return {
            "not_comparable": [
                {"field": obstacle.field, "runs": [[run.label for run in runs] for runs in obstacle.groups]}
                for obstacle in against
            ]
        }
    leading = leaders(study, metric)
    found = comparison(study, metric)
    return {
        "order": list(found.order),
        "ranks": {model: dict(zip(("best", "worst"), found.ranks(model), strict=True)) for model in found.order},
        "pairs": [asdict(pair) | {"why": fact_words(pair.why)} for pair in found.pairs],
        "tested": found.tested,
        "leaders": [model for model in found.order if model in leading],
        "pareto": {cost: asdict(front) for cost, front in fronts(study, metric).items()},
        "effects": [asdict(effect) for effect in effects(study, metric)],
    }


def read_results(path: Path) -> StudyResult:
    """The content of results.json, with its runs as they were when it was written.

    Raises:
        ParibusError: It is of another schema, or damaged.
    """
    content = _mapping(path)
    _refuse_another_schema(path, content.get("schema"))
    try:
        runs = tuple(_run(row, path.parent) for row in content["runs"])
        return StudyResult(
            name=path.resolve().parent.name,
            runs=runs,
            models=models_of(runs),
            metrics={name: Metric.model_validate(words) for name, words in content["metrics"].items()},
            equal=FACTS.validate_python(content["equal"]),
            varied=FACTS.validate_python(content["varied"]),
            path=path.parent,
        )
    except (ValidationError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from None


def _refuse_another_schema(path: Path, schema: Any) -> None:
    if schema == SCHEMA:
        return
    is_newer = isinstance(schema, int) and schema > SCHEMA
    raise ParibusError(
        f"These results were written by {'a newer' if is_newer else 'an older'} version of Paribus.",
        where=str(path),
        got=f"schema {schema}" if schema is not None else "no schema",
        expected=f"schema {SCHEMA}",
        fix="update Paribus, or read them with the version that wrote them"
        if is_newer
        else f"'paribus study run {path.parent}' writes it anew from the runs",
    )


def read_folder(path: Path) -> StudyResult:
    """Reads a study, or a single run as a study of one.

    Raises:
        ParibusError: The folder holds neither, or a file in it cannot be read.
    """
    path = checked_path(path, "DIR")
    check_folder(path)
    return _read_study(path) if (path / "study.yaml").is_file() else _read_single(path)


def check_folder(path: Path) -> None:
    """Refuses a folder that holds neither a study nor a run.

    Raises:
        ParibusError: It is so.
    """
    if (path / "study.yaml").is_file() or (path / "run.yaml").is_file():
        return
    nothing = "no such folder" if not path.exists() else "a file"
    raise ParibusError(
        "There is nothing to report on.",
        where=str(path),
        got="neither study.yaml nor run.yaml in it" if path.is_dir() else nothing,
        expected="a folder written by 'paribus compare', 'paribus study run' or 'paribus train'",
        fix="give the folder that the command named at its end",
    )


def _read_study(path: Path) -> StudyResult:
    file = path / "study.yaml"
    record, file = records.checked(records.STUDY, read_yaml(file, _FIX), file, _FIX), path / "results.json"
    stored = read_results(file) if file.is_file() else StudyResult(path.resolve().name, (), (), {}, path=path)
    runs = [_as_it_is_now(run) for run in stored.runs]
    seeds = tuple(record.get("seeds") or sorted({run.seed for run in runs}))
    models = tuple(dict.fromkeys([*(record.get("models") or []), *stored.models]))
    known = {(run.model, run.seed) for run in runs}
    missing = [(m, s) for m in record.get("models") or [] for s in seeds if (m, s) not in known]
    runs += [_unlisted(path, model, seed) for model, seed in missing]
    order = {model: place for place, model in enumerate(models)}
    return replace(
        stored,
        name=str(record.get("name") or stored.name),
        runs=tuple(sorted(runs, key=lambda run: (order[run.model], run.seed))),
        models=models,
        metrics=_words(run for run in runs if set(run.scores) - set(stored.metrics)) | stored.metrics,
        created=str(record.get("created") or ""),
        command=command_text(record.get("command")),
        budget=str(record.get("budget") or ""),
        data=DataRecord.model_validate(record.get("data") or {}),
        seeds=seeds,
        threads=record.get("threads"),
        machine=Machine.model_validate(record.get("machine") or {}),
    )


def _as_it_is_now(run: RunResult) -> RunResult:
    """The folder of a run that was not finished may know more by now."""
    if run.status != "unfinished" or run.folder is None or not run.folder.exists:
        return run
    stored = {name: getattr(run, name) for name in ("seed", "preset", "axes", "identity", "expected_images")}
    return replace(read_run(run.folder, run.model), **stored)


def _unlisted(path: Path, model: str, seed: int) -> RunResult:
    folder = RunFolder(path / "runs" / f"{model}-seed{seed}")
    if folder.exists:
        return replace(read_run(folder, model), seed=seed)
    return RunResult(model, seed, "unfinished", "not started")


def _read_single(path: Path) -> StudyResult:
    folder = RunFolder(path)
    record = folder.record
    config = record.get("config") or {}
    run = read_run(folder)
    return StudyResult(
        name=run.model,
        runs=(run,),
        models=(run.model,),
        metrics=_words([run]),
        single=True,
        created=str(record.get("created") or record.get("started") or ""),
        command=run.command,
        budget=str((config.get("training") or {}).get("budget") or ""),
        data=validated(DataRecord, (config.get("data") or {}) | (record.get("data") or {}), where=f"data in {path}"),
        seeds=(run.seed,),
        threads=run.machine.threads,
        machine=run.machine,
        path=path,
    )


def _words(runs: Iterable[RunResult]) -> dict[str, Metric]:
    """The words that came with the runs' own scores."""
    return {name: metric for run in runs if run.folder for name, metric in run.folder.metric_words.items()}


def _row(run: RunResult, root: Path) -> dict[str, Any]:
    tables = {
        "scores": _table(run.scores),
        "best": _table(run.best),
        "others": {encoder: _table(scores) for encoder, scores in run.others.items()},
        "snapshots": [score.as_json() for score in run.snapshots],
    }
    plain: dict[str, Any] = ROW.dump_python(run, mode="json", exclude={"folder", *tables}, exclude_none=True)
    return plain | ({"folder": run.folder.path.relative_to(root).as_posix()} if run.folder else {}) | tables


def _run(row: dict[str, Any], root: Path) -> RunResult:
    unknown = set(row) - {field.name for field in fields(RunResult)}
    if unknown:
        raise KeyError(f"{', '.join(sorted(unknown))} in a run")
    folder = {"folder": RunFolder(root / row["folder"])} if "folder" in row else {}
    return ROW.validate_python(row | folder)


def _table(scores: Scores) -> dict[str, Any]:
    return {metric: score.as_json() for metric, score in scores.items()}


def _summaries(tables: Iterable[tuple[str, Scores]]) -> dict[str, dict[str, Any]]:
    """By model and metric, over the scores of its runs."""
    values: dict[str, dict[str, list[float]]] = {}
    for model, scores in tables:
        of_model = values.setdefault(model, {})
        for metric, score in scores.items():
            if score.value is not None:
                of_model.setdefault(metric, []).append(score.value)
    return {m: {metric: asdict(summary(v)) for metric, v in of_model.items()} for m, of_model in values.items()}


def _mapping(path: Path) -> dict[str, Any]:
    found = read_json(path, _FIX)
    if not isinstance(found, dict):
        raise Damaged(path, f"a {type(found).__name__} where a mapping is expected", _FIX)
    return found


_FIX = "remove the file and give the command again that the study began with: finished runs are kept"


def _unreadable(path: Path, got: str) -> ParibusError:
    return ParibusError(
        "A file of the study cannot be read.",
        where=str(path),
        got=got.splitlines()[0],
        expected="the file as Paribus wrote it",
        fix=_FIX,
    )
