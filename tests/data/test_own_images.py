"""Somebody's own folder: every trouble is made as a real file, and what is found is said."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import socket
import struct
import zipfile

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from paribus.base.errors import ParibusError
from paribus.base.files import write_yaml
from paribus.data import load_data
from paribus.data.decoding import Recipe, decoded, strict_decoding
from paribus.results.run import DataRecord
from paribus.results.score import Fact
from paribus.results.words import finding_words
from paribus.results.words.findings import FINDINGS


def found(data) -> dict[str, dict]:
    return {note.code: note.figures for note in data.notes}


def said(data, code: str) -> str:
    return next(finding_words(note) for note in data.notes if note.code == code)


def encode(image: Image.Image, format: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


OWN = Recipe(None, None)


def decode(content, recipe: Recipe = OWN):
    with strict_decoding():
        return decoded(content, recipe)


def shown(pixels) -> np.ndarray:
    return np.frombuffer(pixels.content, np.uint8).reshape(pixels.size, pixels.size, pixels.channels)


class TestFindings:
    def test_they_are_facts_and_plain_in_records(self, tmp_path, image_files):
        image_files(tmp_path)
        data = load_data(tmp_path)
        assert all(isinstance(note, Fact) for note in data.notes)
        summary = data.summary()
        assert json.loads(json.dumps(summary)) == summary
        assert DataRecord.model_validate(summary).notes == data.notes
        assert {note.code for note in data.notes} <= set(FINDINGS)

    def test_they_are_told_to_the_logger(self, tmp_path, image_files, caplog):
        image_files(tmp_path)
        logger = logging.getLogger("paribus.data")
        logger.handlers, logger.propagate = [], True
        with caplog.at_level(logging.INFO, "paribus.data"):
            data = load_data(tmp_path)
        assert caplog.messages == [f"{tmp_path}: {finding_words(note)}" for note in data.notes]

    def test_of_several_sets_each_has_its_name(self):
        note = {"code": "own_split", "figures": {"split": "test"}}
        record = DataRecord(name="a, b", sets=[{"name": "a", "notes": [note]}, {"name": "b", "notes": ["as it was"]}])
        assert [(name, finding_words(fact)) for name, fact in record.findings] == [
            ("a", "The test split is the source's own."),
            ("b", "as it was"),
        ]


class TestFiles:
    def test_dangling_links_and_pipes_are_bad_images(self, tmp_path, image_files):
        image_files(tmp_path)
        (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
        os.mkfifo(tmp_path / "b.png")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(tmp_path / "c.png"))
            with pytest.raises(ParibusError) as error:
                load_data(tmp_path)
            assert "a.png: a link to a file that is not there" in str(error.value)
            assert "b.png: not a file (a pipe, a socket or a device)" in str(error.value)
            assert "c.png: not a file (a pipe, a socket or a device)" in str(error.value)
            assert found(load_data(tmp_path, on_bad="skip"))["skipped"] == {"n": 3}

    @pytest.mark.parametrize("name", ["x.npz", "x.parquet", "x.zip"])
    def test_a_pipe_is_no_data_set(self, tmp_path, name):
        os.mkfifo(tmp_path / name)
        with pytest.raises(ParibusError, match="a pipe, a socket or a device"):
            load_data(tmp_path / name)

    @pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00II*\x00\xff\xff\xff\xff", b"Exif\x00\x00"])
    def test_malformed_exif_is_read_over(self, exif):
        image = Image.new("RGB", (8, 8), (10, 200, 30))
        pixels = decode(encode(image, exif=exif))
        assert (shown(pixels) == [10, 200, 30]).all()
        assert set(pixels.changes) <= {"metadata_unread"}

    def test_malformed_exif_is_counted(self, tmp_path, image_files):
        for file in image_files(tmp_path)[:2]:
            Image.open(file).copy().save(file, exif=b"Exif\x00\x00garbage")
        assert found(load_data(tmp_path))["metadata_unread"] == {"n": 2, "of": 20}

    def test_two_megabytes_of_text_in_a_png(self):
        text = PngImagePlugin.PngInfo()
        text.add_text("workflow", "x" * 2_000_000, zip=True)
        limit = PngImagePlugin.MAX_TEXT_CHUNK
        assert (shown(decode(encode(Image.new("L", (8, 8), 9), pnginfo=text))) == 9).all()
        assert limit == PngImagePlugin.MAX_TEXT_CHUNK

    def test_kinds_that_are_left_out_are_counted(self, tmp_path, image_files):
        image_files(tmp_path)
        for name in ("a.avif", "b.AVIF", "c.heic", "readme.txt", "LICENSE"):
            (tmp_path / name).write_bytes(b"")
        data = load_data(tmp_path)
        figures = found(data)["files_left_out"]
        kinds = dict(zip(figures["kinds"], figures["counts"], strict=True))
        assert kinds == {".avif": 2, ".heic": 1, ".txt": 1, "LICENSE": 1}
        assert said(data, "files_left_out").endswith("Convert pictures to PNG or JPEG to have them used.")

    @pytest.mark.parametrize(("suffix", "format"), [(".pgm", "PPM"), (".jfif", "JPEG"), (".ppm", "PPM")])
    def test_further_names_of_known_formats_are_read(self, tmp_path, pixels, suffix, format):
        for i, content in enumerate(pixels(20, 8, 8)):
            Image.fromarray(content).save(tmp_path / f"{i}{suffix}", format)
        assert len(load_data(tmp_path).test) == 4

    def test_pages_that_are_left_out_are_counted(self, tmp_path, image_files):
        image_files(tmp_path)
        frames = [Image.new("L", (8, 8), level) for level in (0, 90, 250)]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "b.tiff", save_all=True, append_images=frames[1:2])
        data = load_data(tmp_path)
        assert found(data)["animated"] == {"n": 2, "of": 22, "kinds": ("GIF", "TIFF"), "pages": (2, 1)}
        assert "2 of GIF and 1 of TIFF" in said(data, "animated")

    @pytest.mark.parametrize("format", ["JPEG", "PNG"])
    def test_a_large_scan_is_read(self, format):
        image = Image.new("L", (10_000, 10_000), 40)
        image.paste(200, (5_000, 0, 10_000, 10_000))
        content = encode(image, format)
        del image
        pixels = shown(decode(content, Recipe(64, None)))
        assert pixels.shape == (64, 64, 1)
        assert (
            np.abs(pixels[:, :30].astype(int) - 40).max() <= 2 and np.abs(pixels[:, 34:].astype(int) - 200).max() <= 2
        )

    def test_masks_of_0_and_1_are_warned_of(self, tmp_path, pixels):
        for i, content in enumerate(pixels(20, 8, 8)):
            Image.fromarray(content % 2).save(tmp_path / f"{i}.png")
        data = load_data(tmp_path)
        assert found(data)["narrow_range"] == {"low": 0, "high": 1}
        assert "between 0 and 1, of 0 to 255" in said(data, "narrow_range")

    def test_arrays_of_fewer_bits_and_mostly_flat_images_are_warned_of(self, tmp_path, pixels):
        images = pixels(20, 8, 8) % 16
        np.savez(tmp_path / "x.npz", images=images)
        assert found(load_data(tmp_path / "x.npz"))["narrow_range"] == {"low": 0, "high": 15}
        images[:5] = pixels(5, 8, 8)
        np.savez(tmp_path / "x.npz", images=images)
        assert found(load_data(tmp_path / "x.npz"))["flat_images"] == {"n": 15, "of": 20, "levels": 16}
        np.savez(tmp_path / "x.npz", images=pixels(20, 8, 8))
        assert not {"flat_images", "narrow_range"} & set(found(load_data(tmp_path / "x.npz")))

    def test_class_names_in_both_normal_forms_are_one(self, tmp_path, image_files):
        image_files(tmp_path / "train" / "caf\u00e9", 20, seed=1)
        image_files(tmp_path / "train" / "the", 20, seed=2)
        image_files(tmp_path / "test" / "cafe\u0301", 4, seed=3)
        image_files(tmp_path / "test" / "the", 4, seed=4)
        assert load_data(tmp_path).class_names == ("caf\u00e9", "the")

    def test_runs_in_the_folder_are_left_out(self, tmp_path, image_files):
        image_files(tmp_path)
        image_files(tmp_path / "runs" / "vae" / "samples", 3, seed=1)
        image_files(tmp_path / "runs" / "compare" / "runs" / "gan", 3, seed=2)
        (tmp_path / "runs" / "vae" / "run.yaml").write_text("{}")
        (tmp_path / "runs" / "compare" / "study.yaml").write_text("{}")
        data = load_data(tmp_path)
        assert len(data.train) + len(data.validation) + len(data.test) == 20
        assert found(data)["runs_left_out"] == {"names": ("runs/compare", "runs/vae")}

    @pytest.mark.parametrize("name", ["run.yaml", "study.yaml"])
    def test_a_run_is_no_data_set_and_another_programs_record_is_nothing_to_us(self, name, tmp_path, image_files):
        image_files(tmp_path)
        (tmp_path / name).write_text("of: another program")
        load_data(tmp_path)
        write_yaml(tmp_path / name, {"model": "vae"})
        with pytest.raises(ParibusError, match=rf"what Paribus wrote[\s\S]*{name}"):
            load_data(tmp_path)

    def test_empty_folders_and_links_to_what_is_used_are_named(self, tmp_path, image_files):
        image_files(tmp_path / "a", seed=1), image_files(tmp_path / "b", seed=2)
        (tmp_path / "c").mkdir()
        (tmp_path / "c" / ".hidden").touch()
        (tmp_path / "d").symlink_to(tmp_path, target_is_directory=True)
        data = load_data(tmp_path)
        assert data.class_names == ("a", "b")
        assert found(data)["empty_folders"] == {"names": ("c",)}
        assert found(data)["links_left_out"] == {"names": ("d",)}
        assert "no classes: c" in said(data, "empty_folders")

    def test_what_pictures_were_beside_their_pixels_is_counted(self, tmp_path, image_files, pixels):
        image_files(tmp_path)
        picture = Image.fromarray(pixels(8, 8, 3))
        turned = Image.Exif()
        turned[ExifTags.Base.Orientation] = 6
        upright = Image.Exif()
        upright[ExifTags.Base.Orientation] = 1
        picture.save(tmp_path / "turned.png", exif=turned)
        picture.save(tmp_path / "upright.png", exif=upright)
        picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
        Image.fromarray(pixels(8, 8).astype(np.uint16) * 257).save(tmp_path / "wide.png")
        notes = found(load_data(tmp_path, channels=3))
        assert [notes[code]["n"] for code in ("turned", "from_cmyk", "eight_bits")] == [1, 1, 1]


class TestColourProfiles:
    def profile(self, gamma: float) -> bytes:
        """sRGB's with another tone curve: a parametric one, type 0 (ICC.1:2010, 10.16)."""
        content = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        curve = struct.pack(">4sIHHi", b"para", 0, 0, 0, round(gamma * 65_536))
        for k in range(struct.unpack_from(">I", content, 128)[0]):
            name, place, size = struct.unpack_from(">4sII", content, 132 + 12 * k)
            if name in (b"rTRC", b"gTRC", b"bTRC"):
                content[place : place + len(curve)] = curve
                struct.pack_into(">I", content, 132 + 12 * k + 8, len(curve))
            elif name == b"desc":
                content[place : place + size] = content[place : place + size].replace(
                    "sRGB".encode("utf-16-be"), "mine".encode("utf-16-be")
                )
        return bytes(content)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_they_are_converted_to_srgb(self, mode):
        image = Image.new(mode, (8, 8), (100, 100, 100, 255)[: len(mode)])
        pixels = decode(encode(image, icc_profile=self.profile(1.0)))
        linear = 100 / 255
        expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
        assert np.abs(shown(pixels) - expected).max() <= 1
        assert pixels.changes == ("profiled",)

    def test_srgb_changes_nothing_and_a_damaged_one_is_read_over(self, pixels):
        image = Image.fromarray(pixels(8, 8, 3))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        same = decode(encode(image, icc_profile=srgb))
        assert (shown(same) == np.asarray(image)).all() and same.changes == ()
        damaged = decode(encode(image, icc_profile=b"no profile at all" * 20))
        assert (shown(damaged) == np.asarray(image)).all() and damaged.changes == ("metadata_unread",)

    def test_a_profile_of_another_kind_of_pixels_is_not_applied(self, pixels):
        grey = Image.fromarray(pixels(8, 8))
        assert (shown(decode(encode(grey, icc_profile=self.profile(1.0))))[..., 0] == np.asarray(grey)).all()


class TestPacked:
    def test_a_zip_is_read_as_its_folder(self, tmp_path, image_files):
        for seed, name in enumerate(("cat", "dog")):
            image_files(tmp_path / "set" / name, seed=seed)
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for file in sorted((tmp_path / "set").rglob("*.png")):
                archive.write(file, file.relative_to(tmp_path))
        data = load_data(tmp_path / "set.zip")
        assert data.class_names == ("cat", "dog")
        assert (
            data.fingerprint == load_data(tmp_path / "set").fingerprint == load_data(tmp_path / "set.zip").fingerprint
        )

    def test_what_is_wrong_in_it_is_said_of_the_zip(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr("notes.txt", "hello")
        with pytest.raises(ParibusError, match="no images in the folder") as error:
            load_data(tmp_path / "set.zip")
        assert error.value.where == str(tmp_path / "set.zip")
        (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 cut short")
        with pytest.raises(ParibusError, match="unzip it, and give the folder"):
            load_data(tmp_path / "bad.zip")

    def test_other_archives_are_to_be_unpacked(self, tmp_path):
        (tmp_path / "x.tar.gz").write_bytes(b"")
        with pytest.raises(ParibusError, match="unpack it, and give the folder"):
            load_data(tmp_path / "x.tar.gz")
        with pytest.raises(ParibusError, match="unpack the archives in it"):
            load_data(tmp_path)

    @pytest.mark.parametrize("split", [False, True])
    def test_save_to_disk(self, tmp_path, pixels, split):
        images = [Image.fromarray(content) for content in pixels(40, 8, 8)]
        features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])})
        whole = datasets.Dataset.from_dict({"image": images, "label": [i % 2 for i in range(40)]}, features=features)
        parts = datasets.DatasetDict(
            {"train": whole.select(range(30)), "test": whole.select(range(30, 40)), "more": whole.select(range(3))}
        )
        (parts if split else whole).save_to_disk(str(tmp_path / "saved"))
        data = load_data(tmp_path / "saved")
        assert data.class_names == ("no", "yes") and data.hub_id is None
        assert (len(data.test), len(data.train)) == ((10, 27) if split else (8, 29))
        assert found(data).get("splits_left_out") == ({"names": ("more",)} if split else None)


class TestLabels:
    def test_a_further_folder_beside_the_splits_is_named(self, tmp_path, image_files):
        for seed, name in enumerate(("train/a", "train/b", "test/a", "test/b", "val/a", "val/b", "backup")):
            image_files(tmp_path / name, seed=seed)
        image_files(tmp_path, 1, seed=9)
        data = load_data(tmp_path)
        assert data.class_names == ("a", "b")
        assert (len(data.train), len(data.validation), len(data.test)) == (40, 40, 40)
        assert found(data)["folders_left_out"] == {"names": ("000.png", "backup"), "n": 21}

    def test_a_loose_file_is_named_as_the_reason(self, tmp_path, image_files):
        image_files(tmp_path / "a", seed=1), image_files(tmp_path / "b", seed=2)
        Image.new("L", (8, 8)).save(tmp_path / "preview.png")
        data = load_data(tmp_path)
        assert data.class_names is None
        assert found(data)["loose_files"] == {"n": 1, "names": ("preview.png",)}
        assert "preview.png" in said(data, "loose_files")

    def test_loose_images_beside_one_folder_are_the_reason_too(self, tmp_path, image_files):
        image_files(tmp_path / "a", seed=1)
        image_files(tmp_path, 4, seed=2)
        assert found(load_data(tmp_path))["loose_files"] == {"n": 4, "names": ("000.png", "001.png", "002.png", "...")}

    def test_one_class_in_folders_for_splits_is_said(self, tmp_path, image_files):
        for seed, name in enumerate(("train/a", "test/a")):
            image_files(tmp_path / name, seed=seed)
        assert "one_class" in found(load_data(tmp_path))

    def test_labels_of_images_that_are_not_there_are_named(self, tmp_path, image_files):
        files = image_files(tmp_path)
        pairs = [[file.name, i % 2] for i, file in enumerate(files)]
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": [*pairs, ["gone.png", 0]]}))
        data = load_data(tmp_path)
        assert data.class_names is not None
        assert found(data)["labels_of_absent"] == {"file": "dataset.json", "n": 1, "names": ("gone.png",)}
        assert "1 image that is not there: gone.png" in said(data, "labels_of_absent")

    @pytest.mark.parametrize("labelled", [True, False])
    def test_stylegan_s_dataset_json(self, tmp_path, image_files, labelled):
        files = [*image_files(tmp_path / "00000", seed=1), *image_files(tmp_path / "00001", seed=2)]
        pairs = [[str(file.relative_to(tmp_path)), i % 3] for i, file in enumerate(files)]
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": pairs if labelled else None}))
        data = load_data(tmp_path, validation=0)
        assert data.class_names == (("0", "1", "2") if labelled else None)
        assert "files_left_out" not in found(data)
        if labelled:
            label_of = {np.asarray(Image.open(file)).tobytes(): i % 3 for i, file in enumerate(files)}
            for image, label in zip(data.train.images, data.train.labels, strict=True):
                assert label_of[image.numpy().tobytes()] == label

    @pytest.mark.parametrize(
        ("content", "reason"),
        [("{", r"it is not JSON \(line 1\)"), ('{"a": 1}', "the form of StyleGAN"), ("[" * 100_000, "StyleGAN")],
    )
    def test_a_dataset_json_that_cannot_be_read_is_named(self, tmp_path, image_files, content, reason):
        image_files(tmp_path)
        (tmp_path / "dataset.json").write_text(content)
        data = load_data(tmp_path)
        assert "files_left_out" not in found(data)
        assert re.search(f"dataset.json gives no labels: .*{reason}", said(data, "label_file_unread"))

    def test_a_label_of_dataset_json_that_is_none_names_the_file(self, tmp_path, image_files):
        pairs = [[file.name, [0.1, 0.2]] for file in image_files(tmp_path)]
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": pairs}))
        with pytest.raises(ParibusError, match=r"(?s)A label has a wrong type.*dataset\.json"):
            load_data(tmp_path)

    @pytest.mark.parametrize(
        ("labels", "names"),
        [
            (pa.array(["b", "a"] * 10).dictionary_encode(), ("a", "b")),
            (pa.array([True, False] * 10), ("False", "True")),
            (pa.array([[1], [0]] * 10), ("0", "1")),
            (pa.array([1.0, 2.0] * 10), ("1", "2")),
            (pa.array([[1, 2], [0]] * 10), None),
            (pa.array([0.5, 2.0] * 10), None),
            (pa.array([{"a": 1}] * 20), None),
        ],
    )
    def test_labels_of_parquet(self, tmp_path, pixels, labels, names):
        pictures = pa.array([encode(Image.fromarray(content)) for content in pixels(20, 8, 8)])
        pq.write_table(pa.table({"image": pictures, "label": labels}), tmp_path / "x.parquet")
        data = load_data(tmp_path / "x.parquet")
        assert data.class_names == names
        if names is None:
            assert found(data)["label_column_left_out"]["column"] == "label"

    def test_pictures_beside_parquet_files_are_said_to_be_left_out(self, tmp_path, pixels, image_files):
        image_files(tmp_path, 3)
        pictures = pa.array([encode(Image.fromarray(content)) for content in pixels(20, 8, 8)])
        pq.write_table(pa.table({"image": pictures}), tmp_path / "x.parquet")
        assert found(load_data(tmp_path))["files_left_out"] == {"kinds": (".png",), "counts": (3,)}

    def test_a_test_split_without_labels_leaves_the_training_labels(self, tmp_path, pixels):
        for name, count in (("train", 30), ("test", 10)):
            pictures = pa.array([encode(Image.fromarray(content)) for content in pixels(count, 8, 8)])
            labels = [i % 2 if name == "train" else -1 for i in range(count)]
            pq.write_table(pa.table({"image": pictures, "label": labels}), tmp_path / f"{name}-0.parquet")
        data = load_data(tmp_path)
        assert data.class_names == ("0", "1") and data.train.labels is not None
        assert len(data.test) == 6
        assert found(data)["unlabelled_split"] == {"split": "test", "n": 10}

    def test_numbered_folders_are_in_order_of_their_numbers(self, tmp_path, image_files):
        for seed, name in enumerate(("1", "2", "10", "11")):
            image_files(tmp_path / name, seed=seed)
        assert load_data(tmp_path).class_names == ("1", "2", "10", "11")

    def test_imbalance_is_said(self, tmp_path, image_files):
        image_files(tmp_path / "cat", 90), image_files(tmp_path / "dog", 10, seed=1)
        data = load_data(tmp_path, validation=0)
        figures = {"most": "cat", "n_most": 72, "least": "dog", "n_least": 8, "classes": 2}
        assert found(data)["uneven_training_classes"] == figures
        assert "72 training images of cat, 8 of dog" in said(data, "uneven_training_classes")


class TestEqualImages:
    @pytest.mark.parametrize("memory_map", ["0", "1"])
    def test_across_splits_and_within_one(self, tmp_path, image_files, monkeypatch, memory_map):
        monkeypatch.setenv("PARIBUS_MEMMAP", memory_map)
        train = image_files(tmp_path / "train", 30, seed=1)
        test = image_files(tmp_path / "test", 10, seed=2)
        for a, b in zip(train[:3], test[:3], strict=True):
            b.write_bytes(encode(Image.open(a), "BMP"))  # other bytes, equal pixels
        train[29].write_bytes(train[28].read_bytes())
        for _ in range(2):
            data = load_data(tmp_path, validation=0)
            assert found(data)["equal_to_training"] == {"split": "test", "n": 3, "of": 10}
            assert found(data)["repeated_images"] == {"n": 1, "of": 30}
        assert said(data, "equal_to_training").startswith("WARNING: 3 of the 10 test images are equal")


def test_a_folder_called_as_a_built_in_set_is_pointed_to(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("PARIBUS_DATA", raising=False)
    for name in ("lfw", "digits"):
        (tmp_path / name).mkdir()
        for k in range(20):
            Image.fromarray(np.random.default_rng(k).integers(0, 256, (8, 8), np.uint8)).save(
                tmp_path / name / f"{k}.png"
            )
    with pytest.raises(ParibusError, match=r"give the folder of that name here as \./lfw"):
        load_data("lfw")
    assert "folder of that name here is ./digits" in said(load_data("digits"), "folder_not_meant")
    assert len(load_data("./lfw").train) + len(load_data("./lfw").test) <= 20
    assert "folder_not_meant" not in found(load_data("./digits"))
