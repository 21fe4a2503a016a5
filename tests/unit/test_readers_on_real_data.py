"""The readers on the layouts they were written for. Set SEGPORT_TEST_DATA to a folder that holds the data sets."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from segport.adapters.data.readers.dsb2018 import ScienceBowlReader
from segport.adapters.data.readers.filelist import FileListReader
from segport.adapters.data.readers.folders import FolderReader
from segport.domain.classes import ClassMap

DATA = Path(os.environ.get("SEGPORT_TEST_DATA", "unset"))
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.is_dir(), reason="SEGPORT_TEST_DATA is not set")]


@pytest.mark.parametrize(
    ("reader", "folder", "splits", "classes"),
    [
        (ScienceBowlReader(), "open/dsb2018", {None: 433}, 2),
        (FolderReader(), "research_only/camvid", {"train": 200, "val": 60, "test": 100}, 12),
        (FileListReader(), "research_only/camvid/CamVid/train.txt", {None: 200}, None),
        (FolderReader(), "research_only/camseq01_sss", {"train": 12, "val": 4, "test": 4}, 32),
        (FolderReader(), "research_only/camvid32_fastai", {None: 2}, 32),
        (FolderReader(), "research_only/isbi2012/data/membrane", {"train": 30}, 2),
        (FolderReader(), "open/oxford_pet", {None: 43}, None),
    ],
)
def test_real_layouts_are_recognised_and_read(reader, folder: str, splits: dict[str | None, int], classes) -> None:
    source = DATA / folder
    assert reader.recognises(source)
    items = reader.items(source)
    found = [item.split for item in items]
    assert {split: found.count(split) for split in set(found)} == splits
    implied = reader.classes(source)
    assert (implied and len(implied)) == classes
    table = implied or ClassMap.of([str(n) for n in range(12)])
    for item in items[:: max(1, len(items) // 5)]:
        labels = reader.read_labels(item, table)
        assert labels.shape == reader.read_image(item).shape[:2]
        assert np.unique(labels).size >= 2


def test_a_nuclei_label_is_the_union_of_its_masks() -> None:
    reader = ScienceBowlReader()
    item = max(reader.items(DATA / "open/dsb2018"), key=lambda item: len(item.masks))
    from PIL import Image

    union = np.zeros(reader.read_image(item).shape[:2], bool)
    for path in item.masks:
        with Image.open(path) as mask:
            union |= np.array(mask) == 255
    assert np.array_equal(reader.read_labels(item, ClassMap.binary()), union)
