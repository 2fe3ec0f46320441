"""Every kind of source, small, on this machine."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.base.network import hub_is_reachable
from paribus.config import DataSettings, ImageShape
from paribus.data import DATASETS, load_data
from paribus.data.hub import hub_dataset, is_cached
from paribus.data.parquet import parquet_folder, split_of
from paribus.data.splitting import held_out, rest
from paribus.results.words import finding_words


def png(content: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(content).save(stream, "PNG")
    return stream.getvalue()


def notes(data) -> tuple[str, ...]:
    return tuple(map(finding_words, data.notes))


def all_images(data) -> set[bytes]:
    return {image.numpy().tobytes() for part in (data.train, data.validation, data.test) for image in part.images}


def sizes(data) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


class TestDigits:
    def test_values_and_split(self):
        from sklearn.datasets import load_digits

        data = load_data("digits")
        assert data.shape == ImageShape(1, 8, 10)
        assert sizes(data) == (1294, 144, 359)
        source = load_digits()
        expected = {
            (np.floor(image * 255 / 16 + 0.5).astype(np.uint8).tobytes(), int(label))
            for image, label in zip(source.images, source.target, strict=True)
        }
        found = [
            (image.numpy().tobytes(), int(label))
            for part in (data.train, data.validation, data.test)
            for image, label in zip(part.images, part.labels, strict=True)
        ]
        assert len(found) == 1797
        assert set(found) == expected
        assert data.train.images.max() == 255

    def test_every_class_is_in_proportion(self):
        data = load_data("digits")
        counts = torch.stack([part.labels.bincount() for part in (data.train, data.validation, data.test)])
        total = counts.sum(0)
        assert (counts[2] - 0.2 * total).abs().max() <= 1
        assert (counts[1] - 0.08 * total).abs().max() <= 1.2

    def test_the_split_never_changes(self):
        fingerprint = load_data("digits").fingerprint
        assert fingerprint == "012b555da2325b472b25beb8f1aa8348799c687daf411216917763def500e8dd"

    def test_no_validation(self):
        data = load_data("digits", validation=0)
        assert sizes(data) == (1438, 0, 359)
        assert data.validation.images.shape == (0, 1, 8, 8)
        assert data.validation.labels.shape == (0,)

    def test_resized_and_coloured(self):
        data = load_data("digits", size=16, channels=3)
        assert load_data(DataSettings(name="digits", size=16), channels=3).fingerprint == data.fingerprint
        assert data.shape == ImageShape(3, 16, 10)
        assert "All images were enlarged to 16x16 pixels (bicubic)." in notes(data)

    def test_summary_is_plain(self):
        summary = load_data("digits").summary()
        assert json.loads(json.dumps(summary)) == summary
        assert summary["counts"] == {"train": 1294, "validation": 144, "test": 359}


class TestFolders:
    def test_plain_folder(self, tmp_path, image_files):
        files = image_files(tmp_path / "set", 20)
        (tmp_path / "set" / ".hidden.png").write_bytes(b"")
        (tmp_path / "set" / "readme.txt").write_text("hello")
        files[3].rename(files[3].with_suffix(".PNG"))
        data = load_data(tmp_path / "set")
        assert sizes(data) == (14, 2, 4)
        assert data.class_names is None
        assert data.hub_id is None
        assert data.train.labels is None
        assert len(all_images(data)) == 20
        assert notes(data) == (
            "Files of kinds that are not read are left out: 1 .txt.",
            "Split 80:20 into training and test images by a fixed seed.",
            "2 training images are held out for validation by a fixed seed.",
        )

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_class_folders(self, tmp_path, image_files, wrapped):
        root = tmp_path / "set" / "inner" if wrapped else tmp_path / "set"
        for seed, name in enumerate(("cat", "dog")):
            image_files(root / name / "deep", 20, seed=seed)
        data = load_data(tmp_path / "set")
        assert data.class_names == ("cat", "dog")
        assert data.shape.classes == 2
        assert data.test.labels.bincount().tolist() == [4, 4]
        cats = {np.asarray(Image.open(f)).tobytes() for f in (root / "cat" / "deep").iterdir()}
        for image, label in zip(data.train.images, data.train.labels, strict=True):
            assert (image.numpy().tobytes() in cats) == (label == 0)

    def test_one_image_outside_the_classes_makes_it_unlabelled(self, tmp_path, image_files):
        image_files(tmp_path / "a"), image_files(tmp_path / "b"), image_files(tmp_path, 1)
        assert load_data(tmp_path).class_names is None

    def test_split_folders_with_classes(self, tmp_path, image_files):
        for seed, (split, count) in enumerate({"train": 20, "Test": 6, "val": 4}.items()):
            image_files(tmp_path / split / "a", count, seed=seed)
            image_files(tmp_path / split / "b", count, seed=seed + 10)
        data = load_data(tmp_path)
        assert sizes(data) == (40, 8, 12)
        assert data.class_names == ("a", "b")
        assert notes(data) == ("The test split is the source's own.", "The validation split is the source's own.")

    def test_only_a_train_folder_is_split(self, tmp_path, image_files):
        image_files(tmp_path / "train" / "a", 20), image_files(tmp_path / "train" / "b", 20)
        data = load_data(tmp_path)
        assert sizes(data) == (29, 3, 8)
        assert data.class_names == ("a", "b")

    def test_a_class_may_be_called_train(self, tmp_path, image_files):
        for name in ("train", "car"):
            image_files(tmp_path / name)
        assert load_data(tmp_path).class_names == ("car", "train")

    def test_grey_before_colour_is_colour(self, tmp_path, image_files, pixels):
        image_files(tmp_path, 20)
        Image.fromarray(pixels(8, 8, 3)).save(tmp_path / "zzz.png")
        data = load_data(tmp_path)
        assert data.shape == ImageShape(3, 8, 0)
        assert "20 images were turned from grey to RGB." in notes(data)
        assert load_data(tmp_path, channels=1).shape.channels == 1

    def test_links_that_lead_back_end(self, tmp_path, image_files):
        image_files(tmp_path / "a")
        (tmp_path / "a" / "again").symlink_to(tmp_path)
        assert sum(sizes(load_data(tmp_path))) == 20

    def test_bad_files_are_all_named_then_skipped(self, tmp_path, image_files):
        files = image_files(tmp_path, 30)
        files[2].write_bytes(files[2].read_bytes()[:50])
        files[7].write_bytes(b"")
        files[29].write_text("not an image")
        with pytest.raises(ParibusError) as error:
            load_data(tmp_path)
        lines = str(error.value).splitlines()
        assert lines[0] == "3 of 30 images cannot be used:"
        assert lines[1].startswith("    002.png: damaged or cut short (")
        assert lines[2:] == [
            "    007.png: empty file (0 bytes)",
            "    029.png: not an image in a known format",
            f"  where:    {tmp_path}",
            "  expected: readable images of at least 2x2 pixels (png, jpg, webp, bmp, gif, tiff, pgm, ppm)",
            "  fix:      mend or remove them, or leave them out with --on-bad skip",
        ]
        data = load_data(tmp_path, on_bad="skip")
        assert sum(sizes(data)) == 27
        assert [file for file, _ in data.skipped] == ["002.png", "007.png", "029.png"]
        assert notes(data)[-1] == "3 unreadable images were skipped."
        good = [np.asarray(Image.open(f)).tobytes() for i, f in enumerate(files) if i not in (2, 7, 29)]
        assert all_images(data) == set(good)

    def test_the_list_of_bad_files_is_cut(self, tmp_path, image_files):
        for file in image_files(tmp_path, 50)[:25]:
            file.write_bytes(b"")
        with pytest.raises(ParibusError, match="25 of 50 images") as error:
            load_data(tmp_path)
        assert str(error.value).count("empty file") == 20
        assert "    and 5 more" in str(error.value)

    def test_labels_stay_with_their_images_when_some_are_skipped(self, tmp_path, image_files):
        a, b = image_files(tmp_path / "a", seed=1), image_files(tmp_path / "b", seed=2)
        a[4].write_bytes(b""), b[0].write_bytes(b"")
        of_a = {np.asarray(Image.open(f)).tobytes() for f in a if f != a[4]}
        data = load_data(tmp_path, on_bad="skip")
        for part in (data.train, data.validation, data.test):
            for image, label in zip(part.images, part.labels, strict=True):
                assert (image.numpy().tobytes() in of_a) == (label == 0)


def write_parquet(file, contents, labels=None, features=None, column="image", raw=False):
    values = [png(c) if c is not None else None for c in contents]
    if not raw:
        values = [{"bytes": v, "path": None} for v in values]
    kind = pa.binary() if raw else pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({column: pa.array(values, kind)} | ({} if labels is None else {"label": pa.array(labels)}))
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, row_group_size=7)


HUB = {"image": {"_type": "Image"}, "label": {"names": ["no", "yes"], "_type": "ClassLabel"}}


class TestParquet:
    @pytest.mark.parametrize("raw", [False, True])
    @pytest.mark.parametrize("features", [None, HUB])
    @pytest.mark.parametrize("column", ["image", "img"])
    def test_with_and_without_the_hub_s_metadata(self, tmp_path, pixels, raw, features, column):
        if features and column != "image":
            features = {column: features["image"], "label": features["label"]}
        contents = pixels(30, 8, 8)
        labels = [i % 2 for i in range(30)]
        write_parquet(
            tmp_path / "data" / "train-00000-of-00002.parquet", contents[:11], labels[:11], features, column, raw
        )
        write_parquet(
            tmp_path / "data" / "train-00001-of-00002.parquet", contents[11:20], labels[11:20], features, column, raw
        )
        write_parquet(
            tmp_path / "data" / "test-00000-of-00001.parquet", contents[20:], labels[20:], features, column, raw
        )
        data = load_data(tmp_path, validation=0)
        assert data.class_names == (("no", "yes") if features else ("0", "1"))
        np.testing.assert_array_equal(data.train.images[:, 0], contents[:20])
        np.testing.assert_array_equal(data.test.images[:, 0], contents[20:])
        assert data.train.labels.tolist() == labels[:20]

    def test_one_file_is_split(self, tmp_path, pixels):
        write_parquet(tmp_path / "faces.parquet", pixels(20, 8, 8))
        for source in (tmp_path, tmp_path / "faces.parquet"):
            assert sizes(load_data(source)) == (14, 2, 4)

    @pytest.mark.parametrize("memory_map", ["0", "1"])
    def test_an_empty_split_is_none(self, tmp_path, pixels, monkeypatch, memory_map):
        monkeypatch.setenv("PARIBUS_MEMMAP", memory_map)
        write_parquet(tmp_path / "train-0.parquet", pixels(20, 8, 8))
        write_parquet(tmp_path / "test-0.parquet", [])
        assert sizes(load_data(tmp_path)) == (14, 2, 4)

    def test_string_labels_and_gaps(self, tmp_path, pixels):
        write_parquet(tmp_path / "a.parquet", pixels(20, 8, 8), ["b", "a"] * 10)
        assert load_data(tmp_path).class_names == ("a", "b")
        write_parquet(tmp_path / "a.parquet", pixels(20, 8, 8), [0, 1, None, -1] * 5)
        data = load_data(tmp_path)
        assert data.class_names is None
        assert "The labels are left out because 10 images have none." in notes(data)

    def test_missing_pictures_are_named(self, tmp_path, pixels):
        contents = list(pixels(20, 8, 8))
        contents[9] = None
        write_parquet(tmp_path / "train-0.parquet", contents)
        with pytest.raises(ParibusError, match=r"train-0.parquet row 9: no picture is stored"):
            load_data(tmp_path)

    def test_other_splits_are_ignored_aloud(self, tmp_path, pixels):
        write_parquet(tmp_path / "train-0.parquet", pixels(20, 8, 8))
        write_parquet(tmp_path / "extra-0.parquet", pixels(20, 8, 8))
        assert "Of no known split, and so left out: extra-0.parquet." in notes(load_data(tmp_path))

    @pytest.mark.parametrize(
        ("name", "split"),
        [
            ("train-00000-of-00001", "train"),
            ("test", "test"),
            ("val_0", "validation"),
            ("trainer", None),
            ("0000", None),
        ],
    )
    def test_names_of_splits(self, name, split):
        assert split_of(name) == split

    def test_pictures_begin_anew_at_each_call(self, tmp_path, pixels):
        contents = pixels(600, 8, 8)  # more than are read at once
        write_parquet(tmp_path / "train-0.parquet", contents[:350])
        write_parquet(tmp_path / "train-1.parquet", contents[350:])
        split = parquet_folder(tmp_path, sorted(tmp_path.glob("*.parquet"))).splits["train"]
        assert next(split.pictures()) == png(contents[0])
        assert list(split.pictures()) == [png(content) for content in contents]
        assert [split.where(i) for i in (0, 349, 350)] == [
            "train-0.parquet row 0",
            "train-0.parquet row 349",
            "train-1.parquet row 0",
        ]

    def test_a_name_is_looked_for_under_paribus_data(self, tmp_path, pixels, monkeypatch):
        monkeypatch.setenv("PARIBUS_DATA", str(tmp_path))
        write_parquet(tmp_path / "lfw" / "train-0.parquet", pixels(20, 250, 250, 3), [i % 3 for i in range(20)])
        write_parquet(tmp_path / "my-own" / "train-0.parquet", pixels(20, 8, 8))
        data = load_data("lfw", size=45, validation=0)
        assert data.class_names is None  # LFW's identities are no classes
        assert "All images were cut to a fixed central part." in notes(data)
        exact = load_data("lfw", size=90, validation=0)
        cut = {image[80:170, 80:170].transpose(2, 0, 1).tobytes() for image in pixels(20, 250, 250, 3)}
        assert all_images(exact) == cut
        assert load_data("my-own").name == "my-own"


class TestNpz:
    @pytest.mark.parametrize(
        ("shape", "channels"),
        [((20, 8, 8), 1), ((20, 8, 8, 1), 1), ((20, 8, 8, 3), 3), ((20, 3, 8, 8), 3), ((20, 1, 8, 8), 1)],
    )
    def test_layouts(self, tmp_path, pixels, shape, channels):
        images = pixels(*shape)
        np.savez(tmp_path / "x.npz", images=images, labels=np.arange(20) % 4)
        data = load_data(tmp_path / "x.npz")
        assert data.shape == ImageShape(channels, 8, 4)
        first = images.reshape(20, 8, 8, 1) if channels == 1 else images
        first = first.transpose(0, 3, 1, 2) if first.shape[-1] == channels else first
        assert all_images(data) == {np.ascontiguousarray(image).tobytes() for image in first}

    def test_keras_names(self, tmp_path, pixels):
        x, y = pixels(30, 8, 8), np.arange(30)[:, None] % 3
        np.savez(tmp_path / "x.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
        data = load_data(tmp_path / "x.npz", validation=0)
        np.testing.assert_array_equal(data.train.images[:, 0], x[:20])
        assert data.test.labels.tolist() == y[20:, 0].tolist()

    def test_class_names_and_transparency(self, tmp_path, pixels):
        images = pixels(20, 8, 8, 4)
        images[..., 3] = 0
        np.savez(tmp_path / "x.npz", images=images, labels=np.arange(20) % 2, class_names=np.array(["a", "b"]))
        data = load_data(tmp_path / "x.npz", background="black")
        assert data.class_names == ("a", "b")
        assert data.train.images.max() == 0

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"images": np.zeros((20, 8, 8), np.int32)}, "The pixels have a wrong type."),
            ({"images": np.full((20, 8, 8), -0.5)}, "The pixels are out of range."),
            ({"images": np.zeros((20, 8, 8, 2), np.uint8)}, "The images have a wrong shape."),
            ({"images": np.zeros((20, 64), np.uint8)}, "The images have a wrong shape."),
            ({"pictures": np.zeros((20, 8, 8), np.uint8)}, "The .npz file holds no images."),
            ({"images": np.zeros((20, 8, 8), np.uint8), "labels": np.zeros(3, int)}, "The labels have a wrong shape"),
            ({"images": np.array([{}], object)}, "The .npz file cannot be read."),
            (
                {
                    "images": np.zeros((20, 8, 8), np.uint8),
                    "labels": np.arange(20),
                    "class_names": np.array(["a", "b"]),
                },
                "Some labels have no class name.",
            ),
        ],
    )
    def test_refusals(self, tmp_path, arrays, message):
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(ParibusError, match=message):
            load_data(tmp_path / "x.npz")


class TestFingerprint:
    def test_content_only(self, tmp_path, image_files):
        files = image_files(tmp_path / "a" / "x", 20, seed=1)
        image_files(tmp_path / "a" / "y", 20, seed=2)
        before = load_data(tmp_path / "a").fingerprint
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        assert load_data(tmp_path / "b").fingerprint == before
        content = np.array(Image.open(files[5]))
        content[3, 3] ^= 1
        Image.fromarray(content).save(files[5])
        assert load_data(tmp_path / "a").fingerprint != before

    def test_labels_and_split(self, tmp_path, pixels):
        images, labels = pixels(40, 8, 8), np.arange(40) % 4
        prints = set()
        for changed, options in ((labels, {}), (labels, {"validation": 0.2}), (labels[::-1], {}), (None, {})):
            arrays = {"images": images} | ({} if changed is None else {"labels": changed})
            np.savez(tmp_path / "x.npz", **arrays)
            prints.add(load_data(tmp_path / "x.npz", **options).fingerprint)
        assert len(prints) == 4


class TestMemoryMap:
    @pytest.mark.parametrize("validation", [0, 0.1])
    def test_equal_to_memory_and_kept(self, tmp_path, image_files, monkeypatch, validation):
        bad = image_files(tmp_path / "s" / "a", 40, seed=1)[3]
        image_files(tmp_path / "s" / "b", 40, seed=2)
        bad.write_bytes(b"")
        options = {"size": 12, "on_bad": "skip", "validation": validation}
        plain = load_data(tmp_path / "s", **options)
        monkeypatch.setenv("PARIBUS_MEMMAP", "1")
        monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "cache"))
        mapped = load_data(tmp_path / "s", **options)
        (entry,) = [path for path in (tmp_path / "cache" / "data").iterdir() if path.is_dir()]
        written = (entry / "train.npy").stat().st_mtime_ns
        again = load_data(tmp_path / "s", **options)
        assert (entry / "train.npy").stat().st_mtime_ns == written
        for other in (mapped, again):
            assert other.summary() == plain.summary()
            for part in ("train", "validation", "test"):
                assert torch.equal(getattr(other, part).images, getattr(plain, part).images)
                assert torch.equal(getattr(other, part).labels, getattr(plain, part).labels)
        assert sorted(f.name for f in entry.iterdir() if "source" in f.name) == []

    def test_a_changed_file_is_decoded_anew(self, tmp_path, image_files, monkeypatch):
        files = image_files(tmp_path / "s")
        monkeypatch.setenv("PARIBUS_MEMMAP", "1")
        before = load_data(tmp_path / "s").fingerprint
        Image.new("L", (8, 8), 200).save(files[0])
        assert load_data(tmp_path / "s").fingerprint != before

    def test_a_failed_pass_leaves_no_entry(self, tmp_path, image_files, monkeypatch):
        image_files(tmp_path / "s")[0].write_bytes(b"")
        monkeypatch.setenv("PARIBUS_MEMMAP", "1")
        monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "cache"))
        with pytest.raises(ParibusError):
            load_data(tmp_path / "s")
        assert [path for path in (tmp_path / "cache" / "data").iterdir() if path.is_dir()] == []


class TestSplitting:
    def test_exact_numbers_and_proportions(self):
        labels = np.repeat([0, 1, 2], [100, 30, 7])
        picked = held_out(137, 27, "test", labels)
        assert len(picked) == len(set(picked.tolist())) == 27
        assert (np.diff(picked) > 0).all()
        assert np.abs(np.bincount(labels[picked]) - 27 * np.array([100, 30, 7]) / 137).max() <= 1
        assert sorted([*picked, *rest(137, picked)]) == list(range(137))

    def test_purposes_are_independent(self):
        assert held_out(1000, 100, "test").tolist() != held_out(1000, 100, "validation").tolist()


class TestHub:
    def test_a_set_in_the_cache_needs_no_network(self, tmp_path, pixels, monkeypatch):
        import datasets

        folder = tmp_path / "here" / "some" / "MySet" / "data"
        write_parquet(folder / "train-00000-of-00001.parquet", pixels(20, 8, 8), [i % 2 for i in range(20)], HUB)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.chdir(tmp_path / "here")
        datasets.load_dataset("some/MySet")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "cache" / "my_set").rename(tmp_path / "cache" / "some___my_set")  # as a download names it
        data = load_data("some/MySet")
        assert data.hub_id == data.summary()["hub_id"] == "some/MySet"
        assert sizes(data) == (14, 2, 4)
        assert data.class_names == ("no", "yes")

    def test_a_local_copy_of_a_repository(self, tmp_path, pixels):
        contents = pixels(30, 8, 8)
        labels = [i % 2 for i in range(30)]
        repository = tmp_path / "repository"
        write_parquet(repository / "data" / "train-00000-of-00001.parquet", contents[:20], labels[:20], HUB)
        write_parquet(repository / "data" / "test-00000-of-00001.parquet", contents[20:], labels[20:], HUB)
        raw = hub_dataset(str(repository))
        assert {name: split.count for name, split in raw.splits.items()} == {"train": 20, "test": 10}
        assert raw.class_names == ("no", "yes")
        assert raw.splits["test"].labels.tolist() == labels[20:]
        assert list(raw.splits["train"].pictures())[3:6] == [png(content) for content in contents[3:6]]
        assert raw.splits["train"].where(3) == "train row 3"
        assert hub_dataset(str(repository), with_labels=False).class_names is None

    def test_offline_is_told_at_once(self, monkeypatch):
        import time

        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        start = time.perf_counter()
        with pytest.raises(ParibusError) as error:
            load_data("mnist")
        assert time.perf_counter() - start < 3
        assert str(error.value) == (
            "The data set 'mnist' is not on this machine, and the Hugging Face Hub cannot be reached.\n"
            "  where:    ylecun/mnist\n"
            "  got:      no network, or offline mode is set (HF_HUB_OFFLINE)\n"
            "  expected: a folder or file of that name here, a folder of Parquet files under PARIBUS_DATA, "
            "or a network\n"
            "  fix:      connect once to download it, give a folder of images, or use 'digits', which needs no network"
        )

    def test_the_endpoint_decides(self, monkeypatch):
        import socket

        for name in ("http_proxy", "HTTP_PROXY", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        with socket.create_server(("127.0.0.1", 0)) as server:
            monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
            assert hub_is_reachable()
            monkeypatch.setenv("HF_HUB_OFFLINE", "1")
            assert not hub_is_reachable()

    def test_what_is_cached(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
        (tmp_path / "some___my_set" / "default" / "0.0.0" / "abc").mkdir(parents=True)
        assert is_cached("some/MySet")
        assert not is_cached("some/other")

    def test_every_hub_id_has_its_form(self):
        assert {name: known.hub_id for name, known in DATASETS.items()} == {
            "digits": None,
            "mnist": "ylecun/mnist",
            "stacked-mnist": None,
            "fashion-mnist": "zalando-datasets/fashion_mnist",
            "cifar10": "uoft-cs/cifar10",
            "lfw": "logasja/lfw",
            "anime-faces": "huggan/anime-faces",
            "shapes": None,
        }


class TestMistakes:
    """The whole text of the errors a user meets most."""

    def error(self, name, **options) -> str:
        with pytest.raises(ParibusError) as error:
            load_data(name, **options)
        return str(error.value)

    def test_misspelt_name(self):
        assert self.error("minst") == (
            "There is no data set 'minst'. Did you mean 'mnist'?\n"
            "  where:    data.name\n"
            "  got:      neither a built-in name (digits, mnist, stacked-mnist, fashion-mnist, cifar10, lfw, "
            "anime-faces, shapes), nor a file or folder here\n"
            "  expected: a built-in name, a folder of images or Parquet files, an .npz file, or a Hub id "
            "(organisation/name)\n"
            "  fix:      check the spelling, or the folder you are in"
        )

    @pytest.mark.parametrize("name", ["./faces", "/no/such/folder", "~/no/such/folder", "a/b/c", ""])
    def test_missing_paths(self, name, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        if name:
            assert self.error(name).startswith(f"There is no folder or file '{name}' here.")

    def test_empty_folder(self, tmp_path):
        assert self.error(tmp_path) == (
            f"The folder is empty.\n  where:    {tmp_path}\n  expected: images in it\n  fix:      give another folder"
        )

    def test_folder_without_images(self, tmp_path):
        (tmp_path / "notes.txt").write_text("hello")
        assert self.error(tmp_path) == (
            "There are no images in the folder.\n"
            f"  where:    {tmp_path}\n"
            "  got:      1 other file (.txt)\n"
            "  expected: files named .bmp, .gif, .jfif, .jpe, .jpeg, .jpg, .pbm, .pgm, .png, .pnm, .ppm, .tif, .tiff, "
            ".webp, or *.parquet\n"
            "  fix:      give another folder"
        )

    def test_too_few(self, tmp_path, image_files):
        image_files(tmp_path, 15)
        assert self.error(tmp_path) == (
            "There are too few images.\n"
            f"  where:    {tmp_path}\n"
            "  got:      15 images to train on\n"
            "  expected: at least 16\n"
            "  fix:      add images to it or give another data set ('paribus list data' names those that come with "
            "Paribus)"
        )

    def test_too_few_to_train_on(self, tmp_path, image_files):
        image_files(tmp_path / "train", 10), image_files(tmp_path / "test", 20)
        assert "got:      10 images to train on" in self.error(tmp_path)

    def test_different_sizes(self, tmp_path, image_files, pixels):
        image_files(tmp_path, 20, size=40)
        Image.fromarray(pixels(60, 90)).save(tmp_path / "big.png")
        assert self.error(tmp_path) == (
            "The images are of different sizes.\n"
            f"  where:    {tmp_path}\n"
            "  got:      squares of 40 to 60 pixels after a central crop\n"
            "  expected: one size from 8 to 128 pixels\n"
            "  fix:      choose one to bring them all to, for example --size 32"
        )
        assert load_data(tmp_path, size=32).shape.size == 32

    @pytest.mark.parametrize("size", [6, 200])
    def test_a_common_size_out_of_range(self, tmp_path, image_files, size):
        image_files(tmp_path, 20, size=size)
        message = self.error(tmp_path)
        assert message.startswith("The images are all of one size, but it is out of range.")
        assert f"got:      {size}x{size} pixels" in message

    def test_a_file_that_is_no_data_set(self, tmp_path, image_files):
        (file,) = image_files(tmp_path, 1)
        assert self.error(file).splitlines()[0] == "This is one picture, not a data set."

    @pytest.mark.parametrize(
        ("options", "where"),
        [
            ({"size": 4}, "data.size"),
            ({"size": 129}, "data.size"),
            ({"channels": 2}, "data.channels"),
            ({"on_bad": "ignore"}, "data.on_bad"),
            ({"background": "red"}, "data.background"),
            ({"validation": 1.0}, "data.validation"),
        ],
    )
    def test_settings(self, options, where):
        assert f"where:    {where}" in self.error("digits", **options)

    def test_an_unknown_setting(self):
        assert self.error("digits", sise=8).startswith("Unknown setting 'data.sise'. Did you mean 'size'?")

    def test_all_bad(self, tmp_path, image_files):
        for file in image_files(tmp_path, 20):
            file.write_bytes(b"")
        message = self.error(tmp_path, on_bad="skip")
        assert message.startswith("20 of 20 images cannot be used:")
        assert message.endswith("fix:      give another folder")


@pytest.mark.parametrize("name", ["digits", "shapes"])  # the others: test_real.py
def test_as_many_classes_as_the_table_says(name: str) -> None:
    assert load_data(name).shape.classes == DATASETS[name].classes > 0
