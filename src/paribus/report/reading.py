"""A study's or a run's folder, finished or not, read into plain values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import ParibusError
from paribus.evaluation.measures import metrics
from paribus.report.contents import Metric, Run, Score, Study, finite
from paribus.results.folder import RunFolder
from paribus.results.statistics import Summary

METRICS = {
    name: Metric(name, own.label, own.unit, own.direction, own.meaning, own.comparable, own.target)
    for name, own in metrics().items()
}


def read_folder(path: Path) -> Study:
    """Reads a study, or a single run as a study of one.

    Raises:
        ParibusError: The folder holds neither, or a file in it cannot be read.
    """
    if (path / "study.yaml").is_file():
        return _read_study(path)
    if (path / "run.yaml").is_file():
        return _read_single(path)
    raise ParibusError(
        "There is nothing to report on.",
        where=str(path),
        got="neither study.yaml nor run.yaml in it" if path.is_dir() else "no such folder",
        expected="a folder written by 'paribus compare', 'paribus study run' or 'paribus train'",
        fix="give the folder that the command named at its end",
    )


def _read_study(path: Path) -> Study:
    record = _mapping(path / "study.yaml")
    results = _mapping(path / "results.json") if (path / "results.json").is_file() else {}
    rows = results.get("runs") or []
    runs = [_study_run(path, row) for row in rows]
    seeds = tuple(record.get("seeds") or sorted({run.seed for run in runs}))
    models = tuple(dict.fromkeys([*(record.get("models") or []), *(run.model for run in runs)]))
    known = {(run.model, run.seed) for run in runs}
    outdated = {label_of(row) for row in rows if row.get("status") == "unfinished"}
    expected = ((m, s) for m in record.get("models") or [] for s in seeds)
    runs += [_study_run(path, {"model": m, "seed": s}) for m, s in expected if (m, s) not in known]
    order = {model: place for place, model in enumerate(models)}
    runs.sort(key=lambda run: (order[run.model], run.seed))
    return Study(
        name=str(record.get("name") or path.resolve().name),
        runs=tuple(runs),
        models=models,
        metrics=METRICS,
        created=str(record.get("created") or ""),
        command=_command(record.get("command")),
        budget=str(record.get("budget") or ""),
        data=record.get("data") or {},
        seeds=seeds,
        threads=record.get("threads"),
        machine=record.get("machine") or {},
        summaries={
            model: _summaries(table) for model, table in (results.get("models") or {}).items() if model not in outdated
        },
        steadiness={
            model: {name: Score.read(entry) for name, entry in table.items()}
            for model, table in (results.get("steadiness") or {}).items()
            if model not in outdated
        },
        equal=tuple(results.get("equal") or ()),
        varied=tuple(results.get("varied") or ()),
        path=path,
    )


def label_of(row: dict[str, Any]) -> str:
    """What a row of results.json is called: in a study with axes their values tell it from others of its model."""
    return str(row.get("label") or row["model"])


def study_of(rows: list[dict[str, Any]]) -> Study:
    """The rows of results.json as a study, without the runs' folders."""
    runs = tuple(_from_row(None, row) for row in rows)
    return Study("", runs, tuple(dict.fromkeys(run.model for run in runs)), METRICS)


def _study_run(path: Path, row: dict[str, Any]) -> Run:
    names = [str(row["folder"])] if row.get("folder") else []
    names += [f"runs/{names[0]}"] if names else []
    names.append(f"runs/{row['model']}-seed{row['seed']}")
    folder = next((RunFolder(path / name) for name in names if (path / name / "run.yaml").is_file()), None)
    if row.get("status", "unfinished") == "unfinished":  # the folder may know more by now
        key: dict[str, Any] = {name: row[name] for name in ("model", "label", "axes", "seed") if name in row}
        return _run(folder, key) if folder else Run(label_of(row), row["seed"], "unfinished", "not started", extra=key)
    return _from_row(folder, row)


def _from_row(folder: RunFolder | None, row: dict[str, Any]) -> Run:
    record = (folder.record or {}) if folder else {}
    best, best_images = _best(row.get("best"))
    config = record.get("config") or {}
    return Run(
        model=label_of(row),
        seed=row["seed"],
        status=row.get("status") or "unfinished",
        reason=_one_line(str(row.get("reason") or "")),
        scores=_scores(row.get("scores") or {}),
        best=best,
        others={encoder: _scores(tables["scores"]) for encoder, tables in (row.get("other_encoders") or {}).items()},
        best_images=best_images,
        best_is_last=not best and folder is not None and (folder.path / "snapshots.json").is_file(),
        images=finite(row.get("images")),
        seconds=finite(row.get("seconds")),
        updates=row.get("updates"),
        parameters=row.get("parameters") or record.get("parameters") or {},
        warnings=tuple(str(w) for w in row.get("warnings") or ()),
        size=(record.get("data") or {}).get("size"),
        latent_dim=(config.get("objective") or {}).get("latent_dim"),
        sampler=str((config.get("sampler") or {}).get("name") or "prior"),
        command=_command(record.get("command")),
        machine=(record.get("machine") or {}) | ({"threads": t} if (t := record.get("threads")) else {}),
        extra={"flops_per_image": record.get("flops_per_image")} | {k: v for k, v in row.items() if v is not None},
        folder=folder,
    )


def _scores(table: dict[str, Any]) -> dict[str, Score]:
    return {metric: Score.read(entry) for metric, entry in table.items()}


def _best(table: dict[str, Any] | None) -> tuple[dict[str, Score], int | None]:
    # the snapshot's images stand beside the metrics or within each of them
    if not table:
        return {}, None
    scores = {name: entry for name, entry in table.items() if isinstance(entry, dict)}
    within = next((entry["snapshot"] for entry in scores.values() if entry.get("snapshot") is not None), None)
    beside = table.get("snapshot", table.get("images"))
    snapshot = beside if isinstance(beside, int) else within
    return _scores(scores), snapshot


def _one_line(reason: str) -> str:
    """An error of several lines ("what", then "where: ...", "got: ...") as one."""
    first, *others = [" ".join(line.split()) for line in reason.splitlines() if line.strip()] or [""]
    return f"{first.rstrip('.')} ({'; '.join(others)})" if others else first


def _run(folder: RunFolder, row: dict[str, Any]) -> Run:
    """A run from its own folder alone."""
    done = folder.done or {}
    lines = folder.metrics_lines()
    last: dict[str, Any] = lines[-1] if lines else {}
    running = "still training, or interrupted" if lines else "not started"
    costs = {key: done.get(key) for key in ("flops_per_image", "peak_memory_bytes", "sampler_seconds")}
    own = (
        costs
        | folder.tables
        | {
            "status": done.get("status") or "unfinished",
            "reason": done.get("reason") or ("" if done else running),
            "images": done.get("images", last.get("images")),
            "seconds": done.get("seconds", last.get("seconds")),
            "updates": done.get("updates"),
            "parameters": folder.record.get("parameters"),
        }
    )
    return _from_row(folder, own | row)


def _read_single(path: Path) -> Study:
    folder = RunFolder(path)
    record = _mapping(path / "run.yaml")
    config = record.get("config") or {}
    name, seed = str(record.get("model") or config.get("model") or path.name), int(record.get("seed") or 0)
    run = _run(folder, {"model": name, "seed": seed})
    budget = str((config.get("training") or {}).get("budget") or "")
    return Study(
        name=name,
        runs=(run,),
        models=(name,),
        metrics=METRICS,
        single=True,
        created=str(record.get("created") or record.get("started") or ""),
        command=_command(record.get("command")),
        budget=budget,
        data=(config.get("data") or {}) | (record.get("data") or {}),
        seeds=(seed,),
        threads=record.get("threads"),
        machine=(record.get("machine") or {}) | (record.get("versions") or {}),
        path=path,
    )


def _summaries(table: dict[str, Any]) -> dict[str, Summary]:
    return {
        metric: Summary(mean, finite(row.get("std")), finite(row.get("low")), finite(row.get("high")), row["count"])
        for metric, row in table.items()
        if (mean := finite(row.get("mean"))) is not None and row.get("count")
    }


def _command(value: Any) -> str:
    return " ".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def _mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ParibusError(
            "A file of the study cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as Paribus wrote it",
            fix="restore the file, or run the study again: finished runs are kept",
        ) from None
    return value if isinstance(value, dict) else {}
