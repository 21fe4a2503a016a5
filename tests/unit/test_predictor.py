"""Prediction of images of any size, with models whose right answer is known without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segport.adapters.data.batches import ThreadBatcher
from segport.application.predictor import Predictor
from segport.application.tiling import origins, row_blocks
from segport.domain.architecture.encoders.plain import Plain
from segport.domain.architecture.unet import UNet
from segport.domain.classes import ClassMap
from segport.domain.resampling import Fit
from segport.domain.samples import Batch, Task
from segport.domain.spec import ModelSpec, Normalisation

GRAPH = UNet((8, 4)).graph(channels=3, outputs=3, encoder=Plain(width=4, depth=3))
STRIDE = GRAPH.stride
Answer = Callable[[np.ndarray], np.ndarray]


def spec(fit: Fit = Fit.NATIVE) -> ModelSpec:
    normalisation = Normalisation((0.5,) * 3, (0.5,) * 3)
    return ModelSpec(GRAPH, ClassMap.of(["a", "b", "c"]), Task.MULTICLASS, normalisation, fit, (64, 64))


def pointwise(images: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) probabilities that depend on each pixel alone; eighths, so that blending them is exact."""
    values = (images.astype(np.float32) // 32 + 1) / 8
    return (values / 4).astype(np.float32)


class Session:
    """Answers by a function, and takes note of the sizes it was asked for."""

    def __init__(self, answer: Answer = pointwise) -> None:
        self.answer, self.asked = answer, []

    def feed(self, batches: Iterable[Batch]) -> Iterator[Any]:
        yield from batches

    def probabilities(self, batch: Batch) -> np.ndarray:
        assert batch.images.shape[1] % STRIDE == 0 and batch.images.shape[2] % STRIDE == 0
        self.asked.append(batch.images.shape)
        return self.answer(batch.images)

    def tally(self, batch: Any) -> None:
        raise NotImplementedError

    def drain(self) -> list[np.ndarray]:
        raise NotImplementedError

    def masks(self, batch: Any) -> np.ndarray:
        raise NotImplementedError

    def close(self) -> None:
        pass


def image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def predictor(session: Session, fit: Fit = Fit.NATIVE, *, tile: int = 1024, overlap: int = 128) -> Predictor:
    return Predictor(session, spec(fit), ThreadBatcher(), tile, overlap)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 80), st.integers(0, 9))
def test_tiles_of_a_pointwise_model_give_what_the_whole_image_gives(h: int, w: int, overlap: int, seed: int) -> None:
    pixels = image(h, w, seed)
    whole = pointwise(pixels[None])[0]
    made = predictor(Session(), tile=64, overlap=overlap)(pixels, probabilities=True)
    assert made.labels.shape == (h, w) and made.labels.dtype == np.uint8
    assert made.probabilities is not None and made.probabilities.dtype == np.float32
    np.testing.assert_allclose(made.probabilities, whole, rtol=0, atol=1e-6)
    assert np.array_equal(made.labels, whole.argmax(-1))


def test_probabilities_come_only_where_asked_for() -> None:
    for tile in (64, 1024):
        assert predictor(Session(), tile=tile)(image(100, 90)).probabilities is None


def test_a_constant_stays_constant_across_tiles() -> None:
    """Weights that did not add up would show as a grid."""
    answer = np.float32([0.125, 0.5, 0.375])
    session = Session(lambda images: np.broadcast_to(answer, (*images.shape[:3], 3)).copy())
    made = predictor(session, tile=64, overlap=24)(image(203, 157), probabilities=True)
    assert made.probabilities is not None
    np.testing.assert_allclose(made.probabilities, np.broadcast_to(answer, (203, 157, 3)), atol=1e-6)
    assert (made.labels == 1).all() and len(session.asked) > 1


def test_what_each_tile_says_differently_is_blended_without_a_jump() -> None:
    """Each tile answers with its own first pixel: the strongest disagreement there can be."""

    def own(images: np.ndarray) -> np.ndarray:
        share = images[:, :1, :1, :1].astype(np.float32) / 255
        wide = np.broadcast_to(share, (*images.shape[:3], 1))
        return np.concatenate([wide, 1 - wide, np.zeros_like(wide)], axis=-1)

    made = predictor(Session(own), tile=64, overlap=32)(image(64, 400), probabilities=True)
    assert made.probabilities is not None
    line = made.probabilities[5, :, 0]
    assert np.ptp(line) > 0.3
    assert np.abs(np.diff(line)).max() < 0.1
    np.testing.assert_allclose(made.probabilities.sum(-1), 1, atol=1e-5)


def test_an_image_up_to_the_tile_is_taken_whole_and_padded_to_the_stride() -> None:
    session = Session()
    predictor(session, tile=64)(image(61, 64))
    assert session.asked == [(1, 64, 64, 3)]


@pytest.mark.parametrize(("tile", "side"), [(64, 64), (70, 68), (1, STRIDE)])
def test_a_tile_is_a_multiple_of_the_stride(tile: int, side: int) -> None:
    session = Session()
    predictor(session, tile=tile, overlap=0)(image(3 * side, side))
    assert {shape[1:3] for shape in session.asked} == {(side, side)}


def test_only_one_row_of_tiles_is_in_work_at_a_time() -> None:
    """However tall an image is: tiles are asked for row by row, a few in a batch."""
    session = Session()
    tall = image(700, 200)
    predictor(session, tile=64, overlap=16)(tall)
    rows, columns = len(origins(700, 64, 16)), len(origins(200, 64, 16))
    assert sum(shape[0] for shape in session.asked) == rows * columns
    assert max(shape[0] for shape in session.asked) <= 4


def test_bands_come_before_all_tiles_are_done() -> None:
    session = Session()
    bands = predictor(session, tile=64, overlap=16).bands(image(700, 64))
    rows, values = next(bands)
    assert sum(shape[0] for shape in session.asked) == 1
    assert rows == slice(0, origins(700, 64, 16)[1]) and values.shape == (rows.stop, 64, 3)
    for following, values in bands:
        assert following.start == rows.stop and len(values) == following.stop - following.start
        rows = following
    assert rows.stop == 700


@pytest.mark.parametrize("fit", [Fit.NATIVE, Fit.LETTERBOX])
def test_bands_are_as_narrow_as_the_memory_for_them_and_change_nothing(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = image(150, 300)
    whole = predictor(Session(), fit, tile=64, overlap=16)(pixels, probabilities=True)
    monkeypatch.setattr("segport.application.predictor.row_blocks", partial(row_blocks, most=7 * 300 * 3))
    narrow = predictor(Session(), fit, tile=64, overlap=16)
    assert {len(values) for _, values in narrow.bands(pixels)} <= set(range(1, 8))
    made = narrow(pixels, probabilities=True)
    assert np.array_equal(made.labels, whole.labels)
    assert np.array_equal(made.probabilities, whole.probabilities)


@pytest.mark.parametrize("fit", [Fit.LETTERBOX, Fit.STRETCH])
def test_a_model_of_whole_images_is_given_them_whole_and_its_answer_brought_back(fit: Fit) -> None:
    session = Session()
    pixels = np.zeros((150, 300, 3), np.uint8)
    pixels[:, 150:, 2] = 255
    made = predictor(session, fit, tile=64, overlap=16)(pixels)
    assert session.asked == [(1, 64, 64, 3)]
    assert made.labels.shape == (150, 300)
    assert (made.labels[:, :140] == 0).all() and (made.labels[:, 160:] == 2).all()


def test_ties_go_to_the_lowest_class() -> None:
    made = predictor(Session(lambda images: np.full((*images.shape[:3], 3), 1 / 3, np.float32)))(image(20, 20))
    assert (made.labels == 0).all()
