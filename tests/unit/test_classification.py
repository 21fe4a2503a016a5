"""One class an image, as a label of one pixel: read, batched, drawn and asked for in the right places only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from segport.adapters.data.batches import ThreadBatcher
from segport.adapters.data.plugin import segport_readers
from segport.adapters.data.readers.imagefolder import ImageFolderReader
from segport.adapters.foreign import sample
from segport.domain.architecture.classifier import Classifier
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.encoders.resnet import ResNet18
from segport.domain.architecture.summary import parameter_count
from segport.domain.augmentation.policy import AugmentationPolicy
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError, InvalidSpecError
from segport.domain.ports.dataset import TrainingPlan, ViewingPlan
from segport.domain.resampling import Fit
from segport.domain.samples import Batch, Sample

READER = ImageFolderReader()


def put(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.zeros((3, 4, 3), np.uint8)).save(path)


class Named:
    """Images of odd sizes, each of one colour that says its class."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int, /) -> Sample:
        image = np.full((20 + 3 * index, 31 - index, 3), 40 * index, np.uint8)
        return Sample(str(index), image, np.full((1, 1), index, np.uint8))


def classes_by_colour(batch: Batch) -> list[int]:
    return [round(float(image.mean()) / 40) for image in batch.images]


@pytest.mark.parametrize("fit", list(Fit))
@pytest.mark.parametrize("cache", [False, True])
def test_training_changes_the_image_and_leaves_the_label_one_pixel(fit: Fit, cache: bool) -> None:
    policy = AugmentationPolicy(flip_horizontal=True, rotate=20.0, scale=(0.5, 2.0), elastic=2.0)
    source = ThreadBatcher().training(Named(), TrainingPlan((16, 24), 3, 1, fit, policy, cache=cache))
    for epoch in (0, 1):  # the second comes from the cache
        for batch in source.batches(epoch):
            assert batch.images.shape == (3, 16, 24, 3)
            assert batch.labels.shape == (3, 1, 1)
            assert batch.labels.ravel().tolist() == classes_by_colour(batch)


@pytest.mark.parametrize("fit", list(Fit))
def test_viewing_keeps_labels_and_a_prediction_of_one_pixel_needs_no_way_back(fit: Fit) -> None:
    for batch in ThreadBatcher().viewing(Named(), ViewingPlan(fit, (16, 24), 8, 2)).batches(0):
        assert batch.labels.ravel().tolist() == classes_by_colour(batch)
        for native, frame in zip(batch.natives, batch.frames, strict=True):
            assert native.shape == (1, 1)
            assert frame.restore(np.full((1, 1, 5), 0.2, np.float32)).shape == (1, 1, 5)


def test_a_crop_covers_its_size_and_cuts_off_the_rest() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 200
    plan = TrainingPlan((20, 20), 1, 1, Fit.CROP, AugmentationPolicy.none())
    (batch,) = ThreadBatcher().training([Sample("a", image, np.zeros((1, 1), np.uint8))], plan).batches(0)
    (viewed,) = (
        ThreadBatcher()
        .viewing([Sample("a", image, np.zeros((1, 1), np.uint8))], ViewingPlan(Fit.CROP, (20, 20), 1, 1))
        .batches(0)
    )
    assert viewed.images[0, 0, :, 0].tolist() == [0] * 10 + [200] * 10
    assert np.diff(batch.images[0, 0, :, 0].astype(int)).clip(0).sum() <= 200


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
def test_folders_are_classes_in_order_of_their_names(tmp_path: Path, prefix: str) -> None:
    names = ("train/wasp/b.jpg", "train/Ant/a.JPEG", "val/wasp/b.jpg", "val/Ant/deep/c.png")
    put(tmp_path, *(prefix + name for name in names), f"{prefix}val/Ant/d.png")
    classes = READER.classes(tmp_path)
    assert classes is not None
    assert classes.names == ("Ant", "wasp")
    found = [(item.key, item.split, READER.read_labels(item, classes).tolist()) for item in READER.items(tmp_path)]
    assert found == [
        ("train-a", "train", [[0]]),
        ("train-b", "train", [[1]]),
        ("val-b", "val", [[1]]),
        ("val-c", "val", [[0]]),
        ("val-d", "val", [[0]]),
    ]
    assert "Ant, wasp" in (READER.recognises(tmp_path) or "")


def test_without_splits_keys_that_repeat_get_the_class(tmp_path: Path) -> None:
    put(tmp_path, "ant/1.jpg", "bee/1.jpg")
    assert [(item.key, item.split) for item in READER.items(tmp_path)] == [("ant-1", None), ("bee-1", None)]


@pytest.mark.parametrize(
    "names",
    [
        ("images/a.png", "masks/a.png"),
        ("images/a.png", "masks/1/a.png", "masks/2/a.png"),
        ("train/a.png", "train_labels/a.png"),
        ("train/a.png", "trainannot/a.png", "val/b.png", "valannot/b.png"),
        ("train/images/a.png", "train/masks/a.png"),
        ("train2017/a.jpg", "val2017/b.jpg"),
        ("JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png"),
        ("x1/images/x1.png", "x1/masks/1.png", "x2/images/x2.png", "x2/masks/1.png"),
        ("only/a.jpg", "only/b.jpg"),
    ],
)
def test_folders_of_masks_are_no_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path, *names)
    assert READER.recognises(tmp_path) is None


def test_a_source_without_classes_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "images/a.png", "masks/a.png")
    for ask in (READER.classes, READER.items):
        with pytest.raises(DataError, match="holds no folders of images, one per class"):
            ask(tmp_path)


def test_no_other_reader_takes_folders_of_classes(tmp_path: Path) -> None:
    put(tmp_path, "train/ant/a.jpg", "train/bee/b.jpg", "val/ant/c.jpg", "val/bee/d.jpg")
    readers = [entry.load()() for entry in segport_readers()]
    assert [reader.name for reader in readers if reader.recognises(tmp_path)] == ["image-folder"]


def test_pictures_that_image_folder_passes_over_are_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path, "ant/notFound.gif", "ant/a.jpg", "bee/b.jpg", "stray.png")
    Pillow.new("RGB", (1, 1)).save(tmp_path / "bee" / "dot.png")
    with pytest.raises(DataError) as refused:
        READER.items(tmp_path)
    assert refused.value.problems == (f"in no class's folder: {tmp_path / 'stray.png'}",)
    (tmp_path / "stray.png").unlink()
    items = {item.key: item for item in READER.items(tmp_path)}
    for key in ("notFound", "dot"):
        with pytest.raises(DataError, match=f"{key}\\.(gif|png)"):
            READER.read_image(items[key])
    assert READER.read_image(items["a"]).shape == (3, 4, 3)


def test_a_class_that_the_class_map_lacks_is_refused_by_name(tmp_path: Path) -> None:
    put(tmp_path, "ant/a.jpg", "bee/b.jpg")
    bee = READER.items(tmp_path)[1]
    with pytest.raises(DataError, match=r"b\.jpg: there is no class 'bee'; the classes are ant, wasp"):
        READER.read_labels(bee, ClassMap.of(["ant", "wasp"]))


def test_a_number_of_a_frameworks_data_set_is_the_class_of_the_whole_image() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    assert sample("a", image, np.asarray(2)).labels.tolist() == [[2]]
    for label in (np.full((1, 1), 2), np.asarray(2.5), np.asarray(-1), np.zeros(3)):
        with pytest.raises(DataError, match="Item a"):
            sample("a", image, label)


def test_resnet_18_is_torchvisions_classifier() -> None:
    graph = Classifier().graph(channels=3, outputs=1000, encoder=ResNet18())
    assert parameter_count(graph) == 11_689_512
    assert graph.weights()["fc.weight"].shape == (1000, 512, 1, 1)
    assert [graph.shapes(*size)["fc"] for size in ((64, 96), (224, 224))] == [(1000, 1, 1)] * 2


def test_dropout_is_in_front_of_the_linear_layer() -> None:
    graph = Classifier(dropout=0.2).graph(channels=1, outputs=3, encoder=Plain(4, 2))
    assert [node.name for node in graph.nodes][-3:] == ["avgpool", "dropout", "fc"]
    with pytest.raises(InvalidSpecError, match="dropout"):
        Classifier(dropout=1.5)
