"""The service that prepares data sets: what it decides, what it refuses, what it leaves on disk."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from attrs import define, field

from segport.adapters.data.codec import PictureCodec
from segport.adapters.data.fitting import place_image
from segport.adapters.storage.dataset_store import DatasetFolders
from segport.application.prepare import PrepareDataset
from segport.application.prepare_report import PrepareReport
from segport.application.settings import PrepareSettings
from segport.domain.arrays import IGNORE
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError, InvalidSpecError, UnknownNameError
from segport.domain.ports.catalogue import Catalogue
from segport.domain.ports.dataset import IncompleteSourceError, Reader, SourceItem
from segport.domain.resampling import Fit, Frame
from segport.domain.samples import Task

CODEC = PictureCodec()
CLASSES = ClassMap.of(["background", "thing"])


@define(slots=False)
class DrawnReader:
    """Reads images from disk and raw masks from memory."""

    raw: dict[str, Any]
    splits: Mapping[str, str] = field(factory=dict)
    groups: Mapping[str, str] = field(factory=dict)
    class_map: ClassMap | None = CLASSES
    name: str = "drawn"
    fits: str | None = "it was drawn for this"
    twice: bool = False

    def recognises(self, source: Path) -> str | None:
        return self.fits

    def classes(self, source: Path) -> ClassMap | None:
        return self.class_map

    def items(self, source: Path) -> Sequence[SourceItem]:
        folder = source / "images" if (source / "images").is_dir() else source
        return [
            SourceItem(k, folder / f"{k}.png", (folder / f"{k}_m.png",), self.splits.get(k), self.groups.get(k))
            for k in sorted(self.raw)
            for _ in range(1 + self.twice)
        ]

    def read_image(self, item: SourceItem) -> Any:
        return CODEC.read_image(item.image)

    def read_labels(self, item: SourceItem, classes: ClassMap) -> Any:
        return classes.encode(self.raw[item.key], str(item.masks[0]))


@define
class Parts:
    readers: Sequence[DrawnReader]

    def names(self, kind: str) -> Sequence[str]:
        assert kind == "reader"
        return sorted(reader.name for reader in self.readers)

    def reader(self, name: str, options: object = None) -> Reader:
        for reader in self.readers:
            if reader.name == name:
                return cast(Reader, reader)
        raise UnknownNameError.of("reader", name, self.names("reader"))


class Serial:
    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        yield from map(function, items)


@define
class Bench:
    """A source of ``count`` images, and a place to prepare it to."""

    root: Path
    reader: DrawnReader

    def run(self, *others: DrawnReader, **settings: Any) -> PrepareReport:
        service = PrepareDataset(
            cast(Catalogue, Parts([self.reader, *others])), DatasetFolders(CODEC), Serial(), place_image
        )
        return service(PrepareSettings(**{"source": self.root / "source", "out": self.root / "out"} | settings))

    def left(self) -> list[str]:
        return sorted(set(os.listdir(self.root)) - {"source"})


def bench(root: Path, count: int = 20) -> Bench:
    rng = np.random.default_rng(5)
    (root / "source").mkdir()
    raw = {}
    for i in range(count):
        key = f"k{i:02d}"
        CODEC.write_image(root / "source" / f"{key}.png", rng.integers(0, 256, (6, 8, 3), np.uint8))
        raw[key] = rng.integers(0, 2, (6, 8)).astype(np.uint8)
    return Bench(root, DrawnReader(raw))


def test_the_whole_way(tmp_path: Path) -> None:
    b = bench(tmp_path)
    report = b.run(holdout=2)
    data = DatasetFolders(CODEC).open(report.out)
    assert data.info == report.info
    assert report.info.split_sizes == {"train": 14, "val": 2, "test": 2, "holding": 2}
    assert b.left() == ["out"]
    seen = {}
    for split in data.splits:
        source = data.split(split)
        for i in range(len(source)):
            sample = source[i]
            seen[sample.key] = split
            assert np.array_equal(sample.labels, b.reader.raw[sample.key])
            assert np.array_equal(sample.image, CODEC.read_image(tmp_path / "source" / f"{sample.key}.png"))
    assert set(seen) == set(b.reader.raw)
    training = [key for key, split in seen.items() if split == "train"]
    pixels = np.concatenate([CODEC.read_image(tmp_path / "source" / f"{k}.png").reshape(-1, 3) for k in training])
    labels = np.concatenate([b.reader.raw[k].ravel() for k in training])
    assert report.info.mean == pytest.approx((pixels / 255).mean(0))
    assert report.info.std == pytest.approx((pixels / 255).std(0))
    assert report.info.pixel_counts == {"background": (labels == 0).sum(), "thing": (labels == 1).sum()}
    assert report.images["thing"] == {"train": 14, "val": 2, "test": 2, "holding": 2}


def test_it_says_what_it_decided_and_why(tmp_path: Path) -> None:
    report = bench(tmp_path).run()
    assert report.decisions == (
        "reader drawn: it was drawn for this",
        "classes: background, thing (as the source says)",
        "task binary: there are 2 classes",
        "splits: 0.8,0.1,0.1 at random with seed 41",
    )


def test_the_same_source_and_seed_give_the_same_fingerprint(tmp_path: Path) -> None:
    prints = []
    for name in "ab":
        (tmp_path / name).mkdir()
        prints.append(bench(tmp_path / name).run().info.fingerprint)
    (tmp_path / "c").mkdir()
    other = bench(tmp_path / "c")
    other.reader.raw["k03"][0, 0] ^= 1
    assert prints[0] == prints[1] != other.run().info.fingerprint


def test_splits_of_the_source_are_kept_and_val_comes_out_of_train(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.splits = {key: "test" if i < 5 else "train" for i, key in enumerate(b.reader.raw)}
    report = b.run()
    assert report.info.split_sizes == {"train": 14, "val": 1, "test": 5}
    assert report.decisions[3] == "splits: as the source has them; 1 image of 'train' became 'val' (seed 41)"


def test_a_lone_train_folder_is_no_split(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.splits = dict.fromkeys(b.reader.raw, "train")
    assert b.run().info.split_sizes == {"train": 16, "val": 2, "test": 2}


def test_ratios_override_splits_of_the_source(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.splits = dict.fromkeys(b.reader.raw, "train") | {"k00": "val"}
    assert b.run(split="0.5,0.5").info.split_sizes == {"train": 10, "val": 10}


def test_half_given_splits_are_refused(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.splits = {"k00": "train", "k01": "val"}
    with pytest.raises(DataError, match=r"18 of 20 images are in no split\.\n  - k02"):
        b.run()
    assert b.left() == []


def test_splits_from_a_list(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    listed = tmp_path / "source" / "list.csv"
    listed.write_text("split,id\ntrain,k00\nvalid,k01\ntrain,k02\ntest,k03\n")
    report = b.run(split=str(listed))
    rows = (report.out / "metadata.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == ["train", "val", "train", "test"]


def test_a_list_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    b = bench(tmp_path, 3)
    listed = tmp_path / "source" / "list.csv"
    listed.write_text("id,split\nk00,train\nk01,val\nstranger,test\n")
    with pytest.raises(DataError, match=r"k02 is not in the list\n  - stranger is in the list, but not in the source"):
        b.run(split=str(listed))


def placed(out: Path) -> dict[str, tuple[str, str]]:
    """Split and group of each image."""
    with (out / "metadata.csv").open() as file:
        return {row["id"]: (row["split"], row["group"]) for row in csv.DictReader(file)}


def test_a_prepared_data_set_keeps_its_splits_when_it_is_prepared_again(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.groups = {"k00": "p", "k01": "p"}
    first = b.run(seed=7, holdout=3).out
    b.reader.groups = {}
    report = b.run(source=first, out=tmp_path / "again", size=(4, 4))
    assert report.decisions[3] == "splits: those of the prepared data set"
    assert placed(report.out) == placed(first)
    anew = b.run(source=first, out=tmp_path / "anew", split="0.5,0.5")
    assert anew.info.split_sizes == {"train": 10, "val": 10}
    assert len({placed(anew.out)[key] for key in ("k00", "k01")}) == 1


def test_of_a_prepared_data_set_only_the_holdout_is_taken(tmp_path: Path) -> None:
    """Neither is val taken out of train where there is none, nor is a lone train taken for a folder's name."""
    b = bench(tmp_path)
    first = b.run(split="1,0,0").out
    assert b.run(source=first, out=tmp_path / "again").info.split_sizes == {"train": 20}
    held = b.run(source=first, out=tmp_path / "held", holdout=2)
    assert held.info.split_sizes == {"train": 18, "holding": 2}
    assert held.decisions[3] == "splits: those of the prepared data set; 2 images of 'train' became 'holding' (seed 41)"


def test_an_image_that_came_to_a_prepared_data_set_has_no_split(tmp_path: Path) -> None:
    b = bench(tmp_path)
    first = b.run().out
    del b.reader.raw["k19"]
    assert sum(b.run(source=first, out=tmp_path / "fewer").info.split_sizes.values()) == 19
    b.reader.raw["new"] = b.reader.raw["k00"]
    CODEC.write_image(first / "images" / "new.png", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"1 of 20 images are in no split\.\n  - new\n.*CSV file for --split"):
        b.run(source=first, out=tmp_path / "again")


def test_a_data_set_that_refers_to_its_images_is_no_source(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    first = b.run(reference=True, split="1,1").out
    with pytest.raises(DataError, match="prepared with --reference, so its images lie elsewhere") as caught:
        b.run(source=first, out=tmp_path / "again")
    assert caught.value.fix == f"Prepare the original source instead: {tmp_path / 'source'}."
    assert b.left() == ["out"]


def pairless(b: Bench, images: Sequence[str], masks: Sequence[str]) -> DataError:
    orphans = [f"image without mask: images/{name}.png" for name in images]
    orphans += [f"mask without image: masks/{name}.png" for name in masks]

    def incomplete(source: Path) -> Sequence[SourceItem]:
        raise IncompleteSourceError("it is not whole", [], orphans, fix="Pair them.")

    b.reader.items = incomplete  # type: ignore[method-assign]
    with pytest.raises(DataError) as caught:
        b.run()
    assert sorted(caught.value.problems) == sorted(orphans)
    return caught.value


def test_that_nothing_pairs_is_said_before_classes_are_asked_for(tmp_path: Path) -> None:
    b = bench(tmp_path, 2)
    b.reader.class_map = None
    error = pairless(b, ["cat", "cow"], ["tree", "house"])
    assert error.message == "4 of 4 images and masks cannot be used: 4 files have no partner."
    assert error.fix == "Pair them."


@pytest.mark.parametrize(
    ("images", "masks", "cause"),
    [
        (["img_10", "img_11"], ["mask_10", "mask_11"], "'img_' (image without mask) and 'mask_' (mask without image)"),
        (["image1"], ["label1"], "'image' (image without mask) and 'label' (mask without image)"),
        (["a", "b"], ["m-a", "m-b"], "'m-' (mask without image)"),
        (["im_tree", "im_train"], ["m_tree", "m_train"], "'im_' (image without mask) and 'm_' (mask without image)"),
        (["img_1", "img_2"], ["mask_3", "mask_4"], ""),
        (["x_1"], ["x_2"], ""),
        (["x_1"], [], ""),
    ],
)
def test_names_that_begin_otherwise_are_the_likely_cause(
    tmp_path: Path, images: Sequence[str], masks: Sequence[str], cause: str
) -> None:
    fix = pairless(bench(tmp_path, 2), images, masks).fix
    assert fix.endswith("Pair them.")
    assert ("The likely cause" in fix) is bool(cause)
    assert cause in fix


def test_a_holdout_that_leaves_nothing(tmp_path: Path) -> None:
    b = bench(tmp_path, 12)
    with pytest.raises(DataError, match=r"The holdout leaves 0 of 12 images for 3 splits") as caught:
        b.run(holdout=40)
    assert caught.value.fix == "Set fewer images aside with --holdout."
    with pytest.raises(DataError, match=r"The holdout leaves 1 of 12 images for 2 splits"):
        b.run(holdout=11, split="0.8,0.2")


def test_fewer_splits_are_advised_only_where_that_helps(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There are 1 images for 3 splits") as caught:
        bench(tmp_path, 1).run()
    assert caught.value.fix == "Add images."


def test_an_ignored_value_that_no_mask_holds_is_a_warning(tmp_path: Path) -> None:
    b = bench(tmp_path)
    assert b.run(ignore=(7,)).info.warnings == ("no mask holds the ignored value 7",)
    assert b.run(out=tmp_path / "b", ignore=(7, 9)).info.warnings == ("no mask holds the ignored values 7, 9",)
    assert b.run(out=tmp_path / "c", ignore=(7,), size=(6, 8)).info.warnings == ()  # resizing may have lost it
    assert b.run(out=tmp_path / "d").info.warnings == ()
    b.reader.raw["k03"][0, 0] = 7
    assert b.run(out=tmp_path / "e", ignore=(7, 9)).info.warnings == ()


def test_groups_and_exact_copies_stay_together(tmp_path: Path) -> None:
    b = bench(tmp_path)
    source = tmp_path / "source"
    (source / "k19.png").write_bytes((source / "k00.png").read_bytes())
    b.reader.groups = {"k00": "p", "k01": "p", "k02": "p"}
    report = b.run(split="0.3,0.3,0.4", seed=3)
    rows = [row.split(",") for row in (report.out / "metadata.csv").read_text().splitlines()[1:]]
    assert len({row[1] for row in rows if row[0] in ("k00", "k01", "k02", "k19")}) == 1
    split = rows[0][1]
    assert f"exactly equal images, kept in one split: k00 ({split}) = k19 ({split})" in report.info.warnings


def test_copies_across_given_splits_are_a_warning(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    source = tmp_path / "source"
    (source / "k03.png").write_bytes((source / "k00.png").read_bytes())
    b.reader.splits = {"k00": "train", "k01": "train", "k02": "val", "k03": "test"}
    assert b.run().info.warnings == (
        "exactly equal images in different splits, so scores there are flattered: k00 (train) = k03 (test)",
        "exactly equal images with different masks: k00 (train) = k03 (test)",
    )


def spoil(b: Bench) -> None:
    b.reader.raw["k05"] = np.zeros((8, 6), np.uint8)
    b.reader.raw["k02"][1, :3] = 255
    (b.root / "source" / "k09.png").write_bytes(b"")


def test_all_problems_at_once_worst_first(tmp_path: Path) -> None:
    b = bench(tmp_path)
    spoil(b)
    with pytest.raises(DataError) as caught:
        b.run()
    error = caught.value
    assert error.message == (
        "3 of 20 images and masks cannot be used: 1 image cannot be used, 1 mask cannot be used, "
        "1 mask differs from its image in size."
    )
    assert [re.search(r"k\d\d", p)[0] for p in error.problems] == ["k09", "k02", "k05"]  # type: ignore[index]
    assert "empty (0 bytes)" in error.problems[0]
    assert "255" in error.problems[1]
    assert "is 8x6 pixels (height x width), its image" in error.problems[2]
    assert "turned" in error.fix
    assert "--skip-bad" in error.fix
    assert b.left() == []


def lose_partners(b: Bench) -> None:
    items = b.reader.items(b.root / "source")
    orphans = ["image without mask: x.png", "mask without image: y.png"]

    def incomplete(source: Path) -> Sequence[SourceItem]:
        raise IncompleteSourceError("it is not whole", items[:-1], orphans, fix="Pair them.")

    b.reader.items = incomplete  # type: ignore[method-assign]


def test_orphans_are_reported_together_with_bad_pairs(tmp_path: Path) -> None:
    b = bench(tmp_path)
    spoil(b)
    lose_partners(b)
    with pytest.raises(
        DataError, match=r"5 of 21(.|\n)*2 files have no partner(.|\n)*y\.png(.|\n)*Pair them"
    ) as caught:
        b.run()
    assert len(caught.value.problems) == 5
    assert "k09" in caught.value.problems[0]
    assert caught.value.problems[3:] == ("image without mask: x.png", "mask without image: y.png")


def test_skip_bad_leaves_orphans_out(tmp_path: Path) -> None:
    b = bench(tmp_path)
    lose_partners(b)
    report = b.run(skip_bad=True)
    assert sum(report.info.split_sizes.values()) == 19
    assert report.left_out == ("image without mask: x.png", "mask without image: y.png")
    assert "2 files have no partner" in report.info.warnings[0]


def test_very_many_problems_are_cut_short(tmp_path: Path) -> None:
    b = bench(tmp_path, 40)
    for raw in b.reader.raw.values():
        raw[0, 0] = 9
    with pytest.raises(DataError, match=r"40 of 40 images and masks(.|\n)*and 15 more"):
        b.run(skip_bad=True)  # with nothing left, there is nothing to skip to


def test_skip_bad_leaves_them_out_and_lists_them(tmp_path: Path) -> None:
    b = bench(tmp_path)
    spoil(b)
    report = b.run(skip_bad=True)
    assert sum(report.info.split_sizes.values()) == 17
    assert len(report.left_out) == 3
    assert report.info.warnings[0].startswith("left out: 1 image cannot be used, 1 mask")
    assert report.info.warnings[0].endswith(": k02, k05, k09")
    assert len(os.listdir(report.out / "masks")) == 17


def test_ignored_values_count_nowhere(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    for raw in b.reader.raw.values():
        raw[0] = 255
    report = b.run(ignore=(255,), split="1,1")
    assert report.info.ignored_pixels == 2 * 8
    sample = DatasetFolders(CODEC).open(report.out).split("val")[0]
    assert (sample.labels[0] == 255).all()
    assert (sample.labels[1:] < 2).all()


def test_a_class_whose_every_value_is_ignored_is_no_class(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    b.reader.class_map = ClassMap.of(["a", "b", "void"])
    b.reader.raw["k00"][0] = 2
    report = b.run(ignore=(2,), split="1,1")
    assert report.classes.names == ("a", "b")
    assert report.info.task is Task.BINARY
    assert report.decisions[1] == "classes: a, b (as the source says, ignoring 2)"
    with pytest.raises(InvalidSpecError, match="no class is left of a, b, void"):
        b.run(ignore=(0, 1, 2), out=tmp_path / "more")


def test_a_class_that_does_not_occur_is_a_warning(tmp_path: Path) -> None:
    b = bench(tmp_path, 4)
    b.reader.class_map = ClassMap.of(["a", "b", "c", "d"])
    b.reader.raw["k03"][0, 0] = 2
    b.reader.splits = {"k00": "train", "k01": "train", "k02": "val", "k03": "test"}
    report = b.run()
    assert report.info.task is Task.MULTICLASS
    assert report.info.warnings == (
        "no image has the class d",
        "no training image has the class c, but others do",
    )
    assert report.info.class_weights["inverse"][2:] == (1, 1)


def test_the_reader_must_be_unique(tmp_path: Path) -> None:
    b = bench(tmp_path)
    with pytest.raises(
        DataError, match=r"Several readers fit(.|\n)*other: so do I(.|\n)*--reader drawn or --reader other"
    ):
        b.run(DrawnReader({}, name="other", fits="so do I"))
    assert b.run(DrawnReader({}, name="other", fits=None)).info.reader == "drawn"


def test_no_reader(tmp_path: Path) -> None:
    b = bench(tmp_path, 3)
    b.reader.fits = None
    with pytest.raises(DataError, match=r"No reader knows(.|\n)*holds 3 files \(3 \.png\)(.|\n)*images/ and masks"):
        b.run()
    with pytest.raises(UnknownNameError, match="Did you mean 'drawn'"):
        b.run(reader="drwn")
    assert b.run(reader="drawn").decisions[0] == "reader drawn: as asked for"


def test_unknown_classes_and_a_class_file(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.class_map = None
    b.reader.raw["k00"][0, :2] = (7, 200)
    with pytest.raises(DataError, match=r"classes of .* are not known(.|\n)*k00, beside 0: (.|\n)*200(.|\n)*--classes"):
        b.run()
    b.reader.raw["k00"][0, :2] = 0
    file = tmp_path / "source" / "mine.csv"
    file.write_text("name,r,g,b\nsky,1,2,3\nsea,4,5,6\nland,7,8,9\n")
    report = b.run(classes=file)
    assert report.classes.names == ("sky", "sea", "land")
    assert (report.out / "class_dict.csv").read_text() == file.read_text()


def test_binary_needs_two_classes(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.class_map = ClassMap.of(["a", "b", "c"])
    with pytest.raises(InvalidSpecError, match=r"exactly 2 classes.*found 3: a, b, c"):
        b.run(task=Task.BINARY)
    b.reader.class_map = CLASSES
    assert b.run(task=Task.MULTICLASS).info.task is Task.MULTICLASS


def test_sources_and_places_that_cannot_be(tmp_path: Path) -> None:
    b = bench(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="already holds files"):
        b.run()
    (tmp_path / "out" / "mine.txt").unlink()
    b.run()
    with pytest.raises(DataError, match="already holds a prepared data set"):
        b.run()
    service = PrepareDataset(cast(Catalogue, Parts([b.reader])), DatasetFolders(CODEC), Serial(), place_image)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty is empty"):
        service(PrepareSettings(tmp_path / "empty", tmp_path / "new"))
    with pytest.raises(DataError, match="nowhere does not exist"):
        service(PrepareSettings(tmp_path / "nowhere", tmp_path / "new"))
    assert b.left() == ["empty", "out"]


def test_fewer_images_than_splits(tmp_path: Path) -> None:
    b = bench(tmp_path, 2)
    with pytest.raises(DataError, match="There are 2 images for 3 splits"):
        b.run()
    assert b.left() == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    b = bench(tmp_path)

    def stop(done: int, total: int) -> None:
        assert (tmp_path / "out").exists() is False
        assert total == 20
        if done == 7:
            raise KeyboardInterrupt

    service = PrepareDataset(cast(Catalogue, Parts([b.reader])), DatasetFolders(CODEC), Serial(), place_image)
    with pytest.raises(KeyboardInterrupt):
        service(PrepareSettings(tmp_path / "source", tmp_path / "out"), listen=stop)
    assert b.left() == []


@pytest.mark.parametrize(("fit", "ignored"), [(None, 0.25), (Fit.LETTERBOX, 0.25), (Fit.STRETCH, 0), (Fit.CROP, 0)])
def test_images_and_masks_are_brought_to_one_size(tmp_path: Path, fit: Fit | None, ignored: float) -> None:
    b = bench(tmp_path)
    report = b.run(size=(16, 16), fit=fit)
    data = DatasetFolders(CODEC).open(report.out)
    chosen = fit or Fit.LETTERBOX
    assert data.info == report.info
    assert data.info.resized == f"{chosen.value} to 16x16"
    assert data.info.height == data.info.width == (16, 16, 16)
    assert any("16x16" in decision for decision in report.decisions)
    for sample in (data.split("train")[i] for i in range(16)):
        frame = Frame.for_fit(chosen, (6, 8), (16, 16))
        assert np.array_equal(sample.labels, frame.place_labels(b.reader.raw[sample.key]))
        assert np.array_equal(
            sample.image, place_image(CODEC.read_image(tmp_path / "source" / f"{sample.key}.png"), frame)
        )
        assert (sample.labels == IGNORE).mean() == ignored


def test_a_class_that_a_smaller_mask_has_no_room_for_is_told(tmp_path: Path) -> None:
    b = bench(tmp_path)
    b.reader.raw["k03"][:] = 0
    b.reader.raw["k03"][2, 2] = 1
    small = b.run(size=(2, 2), fit=Fit.STRETCH)
    assert any(
        text.startswith("images whose resized mask has nothing left of a class: ") for text in small.info.warnings
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fit": Fit.STRETCH}, "there is no size to fit to.*Give --size"),
        ({"fit": Fit.NATIVE, "size": (8, 8)}, "fit = native leaves images as large as they are"),
        ({"reference": True, "size": (8, 8)}, "reference leaves images as they are, and size was given"),
    ],
)
def test_sizes_that_cannot_be_had(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    b = bench(tmp_path)
    with pytest.raises(InvalidSpecError, match=f"(?s){message}"):
        b.run(**settings)
    assert b.left() == []


def test_a_reader_that_gives_two_images_one_id_is_refused(tmp_path: Path) -> None:
    place = bench(tmp_path, 3)
    place.reader.twice = True
    with pytest.raises(DataError, match="The reader drawn gives several images one id") as caught:
        place.run()
    assert caught.value.problems[0] == f"k00: {tmp_path / 'source' / 'k00.png'}"
    assert place.left() == []


def test_a_single_class_leaves_nothing_to_learn(tmp_path: Path) -> None:
    place = bench(tmp_path, 3)
    place.reader.class_map = ClassMap.of(["background"]).with_ignored([1])
    with pytest.raises(DataError, match="a single class, background"):
        place.run()
    assert place.left() == []


def test_a_split_of_ignored_pixels_is_a_warning(tmp_path: Path) -> None:
    place = bench(tmp_path, 6)
    keys = sorted(place.reader.raw)
    place.reader.splits = dict(zip(keys, ["train"] * 3 + ["val"] * 2 + ["test"], strict=True))
    for key in keys[3:5]:
        place.reader.raw[key][:] = 1
    place.reader.class_map = ClassMap.of(["a", "b", "c"]).with_ignored([])
    report = place.run(ignore=(1,))
    assert [text for text in report.info.warnings if "every pixel is ignored in val" in text]


def test_a_link_to_an_empty_folder_is_filled_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = bench(tmp_path, 3)
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far")
    place.run(out=tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "far" / "dataset.toml").exists()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DataError, match="is the folder you are in"):
        place.run(out=Path())
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.skipif(os.name != "posix", reason="names of files are text there")
def test_a_folder_whose_name_is_no_text_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    place = bench(tmp_path, 3)
    with pytest.raises(DataError, match=r"out\\udce9' holds characters that cannot be written"):
        place.run(out=tmp_path / os.fsdecode(b"out\xe9"))
    assert place.left() == []
