"""What a stranger may have called things, and what models of theirs may say of themselves."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.torture.harness import Ending, Outcome, Surface, command

PIECES = (
    "..", "/", "\\", "a", "b c", "\x1b[2J", "\x1b]0;x\x07", "\n", "\r", "\t", "\u202e", "\u2066", "\u2028", "\x9b",
    "CON", "nul.txt", ":", "*", "~", "$(x)", "'", '"', "-o", "--out=/", "%s", "{0}", "[bold]", "[/x]", "\u4e00" * 90,
    "x" * 300, ".", " ", "\udcff", "\U0001f600", "<script>", "\x7f",
)  # fmt: skip


def hostile_text(draw: random.Random) -> str:
    """A name that nobody gives without a purpose."""
    return "".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 5)))


class ForeignNames(Surface):
    name = "foreign names"
    promise = "a name makes no path but one plain folder, and nothing that is shown acts on a terminal"

    def prepare(self, folder: Path) -> None:
        from PIL import Image

        from paribus.data import load_data

        images = load_data("digits").train.images[:12, 0].numpy()
        self.pictures = [Image.fromarray(image) for image in images]

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        outcome = (self._study if draw.random() < 0.6 else self._images)(draw, work)
        acts = [
            c
            for c in outcome.what
            if c not in "\n\t" and (ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u202e\u2066")
        ]
        return Outcome(Ending.FAULT, f"shown: {acts}\n{outcome.what}") if acts else outcome

    def _study(self, draw: random.Random, work: Path) -> Outcome:
        from paribus.studies.files import StudyFile
        from paribus.studies.plan import study_runs
        from paribus.tuning.plan import TuningPlan

        def text() -> str:
            return hostile_text(draw).encode(errors="replace").decode()

        content: dict[str, Any] = {"model": "vae", "budget": "64img", "seeds": 1}
        for key in draw.sample(
            ("name", "settings", "axes", "model", "data", "evaluation", "changed"), draw.randrange(1, 4)
        ):
            content[key] = {
                "settings": {text(): {}, "other": {"objective.latent_dim": 3}},
                "axes": {draw.choice(("data.name", "objective.name", text())): [text(), text()]},
                "changed": {text(): {"objective.latent_dim": 5}},
                "evaluation": {"encoder": text()},
            }.get(key) or text()
        kind = draw.randrange(3)
        if kind == 0:  # nothing that could be run
            content[text()] = text()
        file = work / "study.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=draw.random() < 0.5))
        if kind == 0:
            return command("study", "run", str(file))
        read: Any = StudyFile(file) if kind == 1 else StudyFile(file, TuningPlan)
        plan = read.plan()
        below = (work / "runs" / plan.name).resolve()
        if below.parent != (work / "runs").resolve() or below.name != plan.name:
            return Outcome(Ending.FAULT, f"{plan.name!a} leads to {below}")
        for run in study_runs(plan, work / "study") if kind == 1 else ():
            place = run.folder.path
            if place.resolve().parent != (work / "study" / "runs").resolve() or len(place.name.encode()) > 255:
                return Outcome(Ending.FAULT, f"{content!a} leads to {place!a}")
        return Outcome(Ending.DONE)

    def _images(self, draw: random.Random, work: Path) -> Outcome:
        data = work / "images"
        for picture in self.pictures:
            names = [hostile_text(draw).replace("/", "").replace("\x00", "") for _ in range(2)]
            label, name = (
                name.encode(errors="surrogateescape")[:200].decode(errors="surrogateescape") for name in names
            )
            folder = data / ("c" if draw.random() < 0.5 or label in ("", ".", "..") else label)
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / f"{name}.png", "PNG")
            if draw.random() < 0.2:
                (folder / f"{name}x.png").write_bytes(b"no image")
        return command(
            "inspect", str(data), "--no-estimate", *draw.choice(((), ("--json",), ("--out", str(work / "page.html"))))
        )


NUMBERS: tuple[Any, ...] = (
    10**9,
    10**7,
    10**5,
    2000,
    2**31,
    2**63,
    10**400,
    -1,
    0,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    3,
    200,
)
OTHERS: tuple[Any, ...] = (None, True, "", "8", "x" * 5000, [], {}, [1] * 1000, {"name": "gan"}, "../x", "os.system")


class ForeignModels(Surface):
    name = "foreign models"
    promise = "a stranger's model is loaded or refused: no time, no memory, no code for what it says of itself"

    def prepare(self, folder: Path) -> None:
        from paribus.config import ImageShape
        from paribus.models import Model, build_networks, save_model
        from paribus.models.samplers import new_sampler
        from tests.conftest import tiny_config

        image = ImageShape(1, 8)
        for name, options in (("gan", ()), ("vae", ("sampler.name=gmm", "sampler.components=2")), ("dcgan", ())):
            config = tiny_config(name, *options)
            nets = build_networks(config, image)
            model = Model(config, {role: nets[role] for role in config.objective.averaged}, image)
            model.sampler = new_sampler(config, 0)
            save_model(folder / "models" / name, model)

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        from paribus.models import load_model

        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(draw.choice(sorted((folder / "models").iterdir())), work)
        told = ""
        if draw.random() < 0.7:
            path = work / "config.json"
            record = json.loads(path.read_text())
            record.pop("sha256")
            told = "; ".join(changed_leaf(draw, record) for _ in range(draw.choice((1, 1, 3))))
            path.write_text(json.dumps(record))
        if not told or draw.random() < 0.3:
            path = draw.choice(sorted(work.glob("*.safetensors")))
            told += f"; {path.name}: {changed_header(draw, path)}"
        try:
            load_model(work).sample(1)
        except Exception as error:
            error.add_note(told[:500])
            raise
        return Outcome(Ending.DONE, told)


def changed_leaf(draw: random.Random, record: dict[str, Any]) -> str:
    """Puts something else at a random place; says what and where."""
    # most of it where sizes are told
    path = draw.choice(
        ([], ["image"], ["config"], *(["config", part] for part in ("backbone", "objective", "sampler") * 3))
    )
    place: Any = record
    for key in path:
        place = place[key] if isinstance(place.get(key), dict) and place[key] else record
    while True:
        key = draw.choice(list(place))
        path.append(key)
        if not isinstance(place[key], dict) or not place[key] or draw.random() < 0.1:
            break
        place = place[key]
    place[key] = draw.choice(NUMBERS if draw.random() < 0.7 else OTHERS)
    return f"{'.'.join(map(str, path))} = {str(place[key])[:50]}"


def changed_header(draw: random.Random, path: Path) -> str:
    """Writes a file of tensors with another header; says which."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header.pop("__metadata__", None)
    name = draw.choice(list(header))
    kind = draw.randrange(7)
    if kind == 0:
        header[name]["shape"] = [draw.choice(NUMBERS) for _ in header[name]["shape"]]
    elif kind == 1:
        header[name]["dtype"] = draw.choice(("F64", "I8", "BOOL", "X", 3, "F8_E4M3"))
    elif kind == 2:
        header[name]["data_offsets"] = [draw.choice(NUMBERS), draw.choice(NUMBERS)]
    elif kind == 3:
        header[draw.choice(("", "G.x" * 1000, "__class__", "G.__dict__", "../x"))] = header.pop(name)
    elif kind == 4:
        header[name] = draw.choice(OTHERS)
    elif kind == 5:
        header["__metadata__"] = draw.choice((*OTHERS, {"key": "x"}, {"sha256": "0" * 64}))
    text = json.dumps(header).encode()
    length = draw.choice((2**63, 2**40, 0, 10**8)) if kind == 6 else len(text)
    path.write_bytes(length.to_bytes(8, "little") + text + content[end:])
    return f"{name}, kind {kind}"
