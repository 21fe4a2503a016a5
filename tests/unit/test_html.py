"""What shows itself in a notebook: pictures that others can read, text that is escaped."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as Pillow

from segport.application.predictor import Prediction
from segport.application.prepare_report import PrepareReport
from segport.application.settings import ShowModelSettings
from segport.application.training.train import TrainReport
from segport.bootstrap import Toolkit
from segport.domain import html
from segport.domain.classes import ClassMap
from segport.domain.description import DatasetInfo
from segport.domain.masks.palette import default_colours
from segport.domain.ports.reporting import Panel, Table
from segport.domain.samples import Sample, Task

EVIL = "<script>alert('x')</script>"
IMAGE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
LABELS = np.array([[0, 1, 1, 0, 2, 255]] * 4, np.uint8)


def tags(text: str) -> set[str]:
    found: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)  # type: ignore[method-assign]
    parser.feed(text)
    return found


def drawn(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    return np.asarray(Pillow.open(io.BytesIO(base64.b64decode(data))))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_others_read_our_png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with Pillow.open(io.BytesIO(html.png(pixels))) as picture:
        picture.load()
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(picture), pixels)


def test_a_sample_is_image_and_labels_side_by_side() -> None:
    text = Sample(EVIL, IMAGE, LABELS)._repr_html_()
    assert tags(text) == {"figure", "img", "figcaption"}
    pixels = drawn(text)
    np.testing.assert_array_equal(pixels[:, :6], IMAGE)
    colours = default_colours(3)
    assert [tuple(pixel) for pixel in pixels[0, 6:11].tolist()] == [colours[k] for k in (0, 1, 1, 0, 2)]


def test_large_pictures_are_thinned_and_grey_ones_shown() -> None:
    pixels = drawn(Sample("a", np.full((600, 300, 1), 9, np.uint8), np.zeros((600, 300), np.uint8))._repr_html_())
    assert pixels.shape == (200, 200, 3) and (pixels[:, :100] == 9).all()


def test_planes_and_labels_of_whole_images_are_shown() -> None:
    planes = np.zeros((4, 6, 2), np.uint8)
    planes[:2, :, 0] = 1
    planes[:, :3, 1] = 255
    pixels = drawn(Sample("a", IMAGE, planes)._repr_html_())
    assert tuple(pixels[0, 6]) == default_colours(2)[1] and tuple(pixels[3, 6]) == default_colours(1)[0]
    pixels = drawn(Sample("a", IMAGE, np.array([[2]], np.uint8))._repr_html_())
    assert (pixels[:, 6:] == default_colours(3)[2]).all()
    assert drawn(Prediction(LABELS)._repr_html_()).shape == (4, 6, 3)


def test_a_panel_shows_errors_where_they_count() -> None:
    prediction = LABELS.copy()
    prediction[0] = 1
    errors = drawn(Panel("a", IMAGE, LABELS, prediction, 0.5)._repr_html_())[:, 18:, 0]
    assert (errors[0] == [255, 0, 0, 255, 255, 0]).all() and not errors[1:].any()


def test_reports_are_tables_with_escaped_text(tmp_path: Path) -> None:
    path = Path(EVIL)
    trained = TrainReport(path, 3, 2, 0.75, "miou", EVIL, 1.5, EVIL, "cpu", "fp32", path)._repr_html_()
    assert "0.7500 miou, after epoch 2 of 3" in trained
    info = DatasetInfo(
        EVIL, Task.BINARY, 3, 1, {"train": 2, "val": 1}, (0.5,) * 3, (0.5,) * 3, {EVIL: 1234, "b": 5}, 0, {}, (1, 1, 1),
        (1, 1, 1), "", warnings=(EVIL,),
    )  # fmt: skip
    classes, images = ClassMap.of([EVIL, "b"]), {EVIL: {"train": 2}, "b": {"train": 1, "val": 1}}
    prepared = PrepareReport(path, info, classes, images, (EVIL,), ())._repr_html_()
    assert "1,234" in prepared and "warning: " in prepared
    model = Toolkit().show_model(ShowModelSettings("unet", encoder="plain", input=(3, 64, 64)))._repr_html_()
    assert "parameters" in model and "unet on plain" in model
    for text in (trained, prepared, model):
        assert {"table", "td"} <= tags(text) and "script" not in tags(text)


def test_a_table_aligns_numbers() -> None:
    text = html.table(Table(("n", "m"), (("1", EVIL), ("absent", "x")), EVIL))
    assert '<td class="number">1</td>' in text and "<script" not in text
