"""What a person may give as images: names, folders of files, arrays, Parquet."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paribus.data import load_data
from paribus.data.given import given_images
from tests.torture import nonsense
from tests.torture.harness import Ending, Outcome, Surface, command
from tests.torture.settings import in_memory


def loaded(draw: random.Random, place: Path | str) -> Outcome:
    """What is at a place as images, as `train` or as `evaluate` takes them."""
    settings: dict[str, Any] = {}
    if draw.random() < 0.6:
        settings["size"] = draw.choice((8, 8, 16))
    if draw.random() < 0.5:
        settings["on_bad"] = "skip"
    if draw.random() < 0.2:
        settings["channels"] = draw.choice((1, 3))
    if draw.random() < 0.2:
        settings["float_range"] = "-1..1"
    if draw.random() < 0.2:
        given_images(place, **settings)
        return Outcome(Ending.DONE)
    data = load_data(place, **settings)
    names = data.class_names or ()
    assert len(set(names)) == len(names), names
    for split in (data.train, data.validation, data.test):
        assert split.labels is None or not len(split) or 0 <= split.labels.min() <= split.labels.max() < len(names)
    return Outcome(Ending.DONE, f"{len(data.train)} images")


class Names(Surface):
    name = "names"
    promise = "a name of a model, a folder, a file or data is refused in words, or is one"
    few = 60

    def prepare(self, folder: Path) -> None:
        in_memory()
        self.names = (
            *nonsense.TEXTS,
            "/dev/null",
            "/dev/zero",
            "/dev/full",
            "/dev/stdin",
            "/proc/self/mem",
            "/proc/self",
            "empty",
            "a file",
            "a file/x",
            "loop",
            "nowhere",
            "up/up",
            "a" * 256,
            "a/" * 3000,
            "b" * 256 + "/x.npz",
            "x.npz",
            "x.zip",
            "x.parquet",
            "x.pt",
            "org/name",
            "org/name/x",
            "https://127.0.0.1/x",
            "file:///etc/passwd",
            "hf://x",
            "C:\\x",
            "--",
            "-",
            "-x",
            "--out",
            "*.png",
            "[",
            "$HOME",
            "mnist",
            "cifar10",
            "digits/../x",
            "con",
            "nul.npz",
            "\udcff",
            "\u202egnp",
            "frechet",
            "fid",
            "inception-64",
            "ray://x",
            "a,b",
            ",",
            "memory-0123456789ab",
            "x-0123456789ab",
            "~root",
            "./digits",
            "",
            ".",
            "😀" * 100,
        )

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        # anew, with what is one level up: a command may make what it was given as a name, which 'explore' then serves
        here = folder / "case" / "here"
        shutil.rmtree(here.parent, ignore_errors=True)
        (here / "empty").mkdir(parents=True)
        (here / "a file").write_text("x")
        (here / "loop").symlink_to("loop")
        (here / "nowhere").symlink_to("not there")
        (here / "up").symlink_to("..")
        os.chdir(here)
        name, other = draw.choice(self.names), draw.choice(self.names)
        tiny = ("--budget", "1updates", "--no-score", "-o", "backbone.width=4", "-o", "training.batch_size=4")
        made = str(folder / f"out-{draw.randrange(1 << 62)}")
        arguments = draw.choice(
            (
                ("train", name, *tiny),
                ("train", "vae", "--data", name, "--out", made, *tiny),
                ("train", "vae", "--out", f"{name}/x/y", *tiny),
                ("train", "vae", "--config", name, *tiny),
                ("train", "vae", "--out", name, "--resume", *tiny),
                ("inspect", name),
                ("inspect", "digits", "--out", name),
                ("sample", name),
                ("sample", name, "--out", other),
                ("evaluate", name),
                ("evaluate", "empty", "--against", name),
                ("evaluate", name, "--inception-weights", other),
                ("latent", "manifold", name),
                ("latent", name, other),
                ("report", name),
                ("report", name, other, "--out", "page.html"),
                ("study", "status", name),
                ("study", "run", name, "--dry-run"),
                ("study", "add", name, other),
                ("study", "retry", name),
                ("show", name),
                ("show", "gan", "--kind", name),
                ("list", name),
                ("export", name, "--to", other),
                ("replicate", name, "--dry-run"),
                ("compare", "--models", name, "--dry-run", "--data", "empty"),
                ("compare", "--data", name, "--dry-run", "--models", other),
                ("compare", "--engine", name, "--dry-run", "--data", "empty"),
                ("compare", "--seeds", name, "--data", "empty", "--dry-run"),
                ("tune", name, "--dry-run"),
                ("tune", "vae", "--metric", name, "--dry-run"),
                ("tune", "vae", "--search", name, "--dry-run"),
                ("explore", name),
                (name, other),
                ("doctor", name),
            )
        )
        if "\0" in "".join(arguments):  # no shell hands it on
            arguments = tuple(argument.replace("\0", "") for argument in arguments)
        return command(*arguments)


def _picture(draw: random.Random, size: tuple[int, int], mode: str) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).tobytes())
    return (
        Image.frombytes(mode, size, draw.randbytes(size[0] * size[1] * bands))
        if mode not in ("1", "I;16")
        else Image.new(mode, size)
    )


def picture_file(draw: random.Random, like: bool) -> tuple[bytes, str]:
    """A file of an image that is whole, and its ending."""
    kind = draw.choice(("png", "png", "jpeg", "gif", "bmp", "webp", "tiff", "ppm"))
    mode = {
        "png": draw.choice(("L", "RGB", "RGBA", "LA", "P", "1", "I;16")),
        "jpeg": draw.choice(("L", "RGB", "CMYK")),
        "gif": "P",
        "webp": draw.choice(("RGB", "RGBA")),
        "tiff": draw.choice(("L", "RGB", "F", "I;16")),
    }.get(kind, "RGB")
    size = (8, 8) if like else draw.choice(((8, 8), (1, 1), (2, 2), (1, 300), (13, 9)))
    buffer = io.BytesIO()
    _picture(draw, size, mode).save(buffer, kind)
    return buffer.getvalue(), draw.choice((kind, kind, kind, "png", "JPG"))


class Images(Surface):
    name = "images"
    promise = "a folder or a zip of images is refused in words, or loaded"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()
        draw = random.Random(0)
        self.files = [picture_file(draw, like) for like in (True, False) for _ in range(100)]

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        place = folder / "images"
        shutil.rmtree(place, ignore_errors=True)
        classes = draw.choice(
            (
                [""],
                ["", "x"],
                ["a", "b"],
                ["train/a", "train/b", "test/a"],
                ["train", "test"],
                ["é", "e\u0301"],
                ["1", "01"],
                ["A", "a"],
                [".hidden"],
                ["a" * 200, "b"],
                ["train"],
                ["a\nb", "c"],
                ["val", "test"],
            )
        )
        files = self.files if draw.random() < 0.2 else self.files[:100]
        for number in range(draw.choice((3, 20, 20, 40))):
            content, ending = draw.choice(files)
            if draw.random() < draw.choice((0.0, 0.05, 0.5)):
                content = nonsense.damaged(draw, content)
            file = (
                place / draw.choice(classes) / f"{draw.choice((number, number, f'n {number}', f'é{number}'))}.{ending}"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if draw.random() < 0.3:
            beside = draw.choice(
                (
                    "x.txt",
                    "dataset.json",
                    ".DS_Store",
                    "run.yaml",
                    "a/study.yaml",
                    "train/x.parquet",
                    "x.npz",
                    "dataset_info.json",
                    "state.json",
                )
            )
            (place / beside).parent.mkdir(parents=True, exist_ok=True)
            labels = {"labels": [[str(file.relative_to(place)), nonsense.value(draw)] for file in place.rglob("*.png")]}
            content = json.dumps(draw.choice((labels, nonsense.changed(draw, labels), nonsense.value(draw)))).encode()
            (place / beside).write_bytes(draw.choice((content, nonsense.damaged(draw, content))))
        if draw.random() < 0.2:
            (place / draw.choice(("link.png", "a"))).symlink_to(
                draw.choice(("..", "link.png", "/nowhere", "/dev/zero"))
            ) if not (place / "a").exists() else None
        if draw.random() < 0.2:
            file = Path(shutil.make_archive(str(folder / "images"), "zip", place))
            if draw.random() < 0.6:
                file.write_bytes(nonsense.damaged(draw, file.read_bytes()))
            return loaded(draw, file)
        return loaded(draw, place)


_DTYPES = ("u1", "u1", "u1", "u1", "i4", "u2", "f4", "f2", "f8", "?", "c8", "U3", "S2", "M8[s]", ">f4", "i1", "O", "V4")


def _array(draw: random.Random, n: int) -> np.ndarray:
    shape = draw.choice(
        (
            (n, 8, 8),
            (n, 8, 8),
            (n, 8, 8, 3),
            (n, 3, 8, 8),
            (n,),
            (n, 1),
            (),
            (0, 8, 8),
            (n, 0, 8),
            (n, 8, 8, 2),
            (n, 64),
            (n, 9, 8),
            (n, 1, 1),
        )
    )
    kind = draw.choice(_DTYPES)
    count = int(np.prod(shape, dtype=int))
    if kind == "O":
        return np.array([nonsense.value(draw) for _ in range(count)] + [None], object)[:count].reshape(shape)
    values = np.frombuffer(draw.randbytes(count), np.uint8).reshape(shape)
    if kind.endswith(("f4", "f2", "f8")):
        scale = draw.choice((1 / 255, 1 / 255, 1.0, -1.0, float("nan"), 1e30))
        with np.errstate(all="ignore"):
            return np.asarray(values * scale).astype(kind)
    return values.astype(kind)


class Arrays(Surface):
    name = "arrays"
    promise = "an npz, npy, pt or safetensors file is refused in words, or loaded"
    few = 100

    def prepare(self, folder: Path) -> None:
        in_memory()

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        import torch
        from safetensors.numpy import save

        n = draw.choice((1, 15, 16, 40, 40, 40))
        arrays = {"images": np.frombuffer(draw.randbytes(n * 64), np.uint8).reshape(n, 8, 8)}
        if draw.random() < 0.5:
            arrays["labels"] = draw.choice(
                (
                    np.arange(n) % 3,
                    np.arange(n) % 3 - 1,
                    np.array([f"c{k % 3}" for k in range(n)]),
                    np.zeros(n, int),
                    (np.arange(n) % 3).astype(float),
                    (np.arange(n) % 3)[:-1],
                    np.arange(n) * 10**17,
                    _array(draw, n),
                )
            )
        if draw.random() < 0.3:
            arrays["class_names"] = draw.choice(
                (
                    np.array(["a", "b", "c"]),
                    np.array(["a", "a", "b"]),
                    np.array(["a"]),
                    np.array([]),
                    np.array("a"),
                    np.array([b"a", b"b", b"\xff"]),
                    np.array([1, 2, 3]),
                    np.array(["a", "b"] * 50),
                    _array(draw, 3),
                )
            )
        for name in draw.sample(
            ("images", "labels", "x_train", "x_test", "y_train", "arr_0", "arr_1", "samples", "mu", "é", ""),
            draw.choice((0, 0, 0, 1, 2)),
        ):
            arrays[name] = _array(draw, n)
        kind = draw.choice(("npz", "npz", "npz", "npy", "pt", "safetensors"))
        buffer = io.BytesIO()
        try:
            if kind == "npz":
                draw.choice((np.savez, np.savez_compressed))(buffer, **arrays)
            elif kind == "npy":
                np.save(buffer, draw.choice(list(arrays.values())))
            elif kind == "pt":
                tensors = {
                    name: torch.from_numpy(array.copy()) for name, array in arrays.items() if array.dtype.kind in "iufb"
                }
                torch.save(
                    draw.choice(
                        (
                            tensors,
                            list(tensors.values()),
                            tuple(tensors.values()),
                            nonsense.value(draw),
                            tensors.get("images"),
                        )
                    ),
                    buffer,
                )
            else:
                buffer.write(save({name: array for name, array in arrays.items() if array.dtype.kind in "iufb"}))
        except (ValueError, TypeError, KeyError):  # it cannot even be written
            buffer.write(b"x")
        content = buffer.getvalue()
        if draw.random() < 0.6:
            content = nonsense.damaged(draw, content)
        if kind == "npz" and draw.random() < 0.1:
            content = _archive(draw, content)
        file = folder / f"x.{draw.choice((kind, kind, kind, kind, 'npz', 'NPZ', 'npy'))}"
        file.write_bytes(content)
        return loaded(draw, file)


def _archive(draw: random.Random, content: bytes) -> bytes:
    """A zip that is no npz, or one whose members are packed in other ways."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w", draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    ) as archive:
        archive.writestr("images.npy", draw.choice((content, b"\x93NUMPY", b"")))
        archive.writestr(draw.choice(("labels.npy", "../x", "a/b.npy", "x")), content[:100])
    return buffer.getvalue()


class Parquet(Surface):
    name = "parquet"
    promise = "Parquet files are refused in words, or loaded"
    few = 60

    def prepare(self, folder: Path) -> None:
        in_memory()
        draw = random.Random(0)
        buffers = []
        for _ in range(60):
            buffer = io.BytesIO()
            _picture(draw, (8, 8), draw.choice(("L", "L", "RGB"))).save(buffer, "png")
            buffers.append(buffer.getvalue())
        self.pictures = buffers

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        import pyarrow as pa
        import pyarrow.parquet as pq

        n = draw.choice((1, 16, 40, 40))
        bytes_ = [draw.choice(self.pictures) for _ in range(n)]
        if draw.random() < 0.3:
            bytes_[draw.randrange(n)] = draw.choice((None, b"", nonsense.damaged(draw, bytes_[0])))
        structs = [{"bytes": b, "path": draw.choice((None, "x.png", "/dev/zero", "../x"))} for b in bytes_]
        columns: dict[str, Any] = {draw.choice(("image", "image", "img", "x")): draw.choice((bytes_, structs, structs))}
        if draw.random() < 0.6:
            labels = draw.choice(
                (
                    [k % 3 for k in range(n)],
                    [f"c{k % 3}" for k in range(n)],
                    [k % 3 - 1 for k in range(n)],
                    [0.5] * n,
                    [None] * n,
                    [[k % 3] for k in range(n)],
                    [float(k % 3) for k in range(n)],
                    [float("nan")] * n,
                    [{"a": 1}] * n,
                    [k % 2 == 0 for k in range(n)],
                    [b"a"] * n,
                )
            )
            columns[draw.choice(("label", "labels", "y", "category"))] = labels
        table = pa.table(columns)
        if draw.random() < 0.4:
            names = draw.choice(
                (
                    ["a", "b", "c"],
                    ["a", "a", "b"],
                    ["a"],
                    [],
                    [1, 2, 3],
                    None,
                    "abc",
                    {"a": 1},
                    ["a", None, "b"],
                    [["a"]] * 3,
                )
            )
            features = {
                name: {"_type": draw.choice(("Image", "ClassLabel", 3, None)), "names": names} for name in columns
            }
            info: Any = {"info": {"features": draw.choice((features, features, nonsense.changed(draw, features)))}}
            text = json.dumps(draw.choice((info, info, nonsense.changed(draw, info))))
            table = table.replace_schema_metadata({"huggingface": text.encode(errors="replace")})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression=draw.choice(("snappy", "zstd", "none", "gzip")))
        content = buffer.getvalue()
        if draw.random() < 0.6:
            content = nonsense.damaged(draw, content)
        place = folder / "parquet"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        for name in draw.choice((["x"], ["x"], ["train", "test"], ["train-0", "train-1"], ["test"], ["train", "x"])):
            whole = buffer.getvalue() if draw.random() < 0.3 else content
            (place / f"{name}.parquet").write_bytes(whole)
        return loaded(draw, place if draw.random() < 0.5 else next(place.iterdir()))
