"""Files of scores: a list, each with its metric's words, so that nothing else is needed to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from paribus.base.errors import ParibusError
from paribus.base.files import read_json, write_json
from paribus.results.metric import Metric
from paribus.results.score import Score


def write_scores(path: Path, scores: Sequence[Score], words: Mapping[str, Metric]) -> None:
    """Writes scores with the words of those metrics that are in `words`."""
    entries = []
    for score in scores:
        metric = words.get(score.metric)
        entries.append(score.as_json() | ({} if metric is None else {"words": metric.model_dump(mode="json")}))
    write_json(path, entries)


def read_scores(path: Path) -> tuple[list[Score], dict[str, Metric]]:
    """The scores of a file, and the words of their metrics; nothing where there is no file.

    Raises:
        ParibusError: The file cannot be read, or an older Paribus wrote it.
    """
    if not path.is_file():
        return [], {}
    scores, words = [], {}
    try:
        for entry in read_json(path, _FIX):
            if isinstance(entry["protocol"], str):
                raise _outdated(path)
            if "words" in entry:
                words[entry["metric"]] = Metric(**entry.pop("words"))
            scores.append(Score(**entry))
    except (ValueError, TypeError, AttributeError, KeyError, ValidationError) as error:
        raise ParibusError(
            "Scores cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as Paribus wrote it",
            fix=_FIX,
        ) from None
    return scores, words


_FIX = "'paribus train MODEL --out RUN --resume' or, for a study, 'paribus study run DIR' scores it again"


def _outdated(path: Path) -> ParibusError:
    return ParibusError(
        "These scores are of an older Paribus.",
        where=str(path),
        got="a protocol in words",
        expected="a protocol of fields",
        fix=_FIX,
    )
