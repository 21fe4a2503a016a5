import io
import re
import subprocess
import sys
import tracemalloc
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from segport.adapters.reporting import boxes, brightness, certainty, figures, plots
from segport.adapters.reporting.brightness import shown, shown_values
from segport.adapters.reporting.comparison import run_curves
from segport.adapters.reporting.frequencies import class_frequencies
from segport.adapters.reporting.overlay import IGNORED_COLOUR, background_of, overlay, paint
from segport.adapters.reporting.page import page
from segport.adapters.reporting.panels import (
    CONFUSED,
    CORRECT,
    CORRECT_FOREGROUND,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    error_map,
)
from segport.adapters.reporting.reporter import FileReporter
from segport.domain.arrays import IGNORE
from segport.domain.classes import ClassMap
from segport.domain.errors import DataError
from segport.domain.metrics.calibration import Calibration
from segport.domain.metrics.logits import LogitCounts
from segport.domain.ports.reporting import Panel, Picture, Reporter, Section, Table
from segport.domain.samples import Sample

COLOURS = np.array([[0, 0, 0], [230, 159, 0], [86, 180, 233]], np.uint8)
CLASSES = ClassMap.of(["background", "cell", "edge"])
ROWS = [{"epoch": e, "train_loss": 1 / e, "val_loss": 1.2 / e, "val_miou": 1 - 0.5 / e} for e in range(1, 5)]


def opened(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def has(pixels: NDArray[np.uint8], colour: tuple[int, ...]) -> bool:
    return bool((pixels == np.array(colour, np.uint8)).all(axis=-1).any())


def square() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    image = np.full((12, 12, 3), 100, np.uint8)
    labels = np.zeros((12, 12), np.uint8)
    labels[3:9, 3:9] = 1
    return image, labels


def test_overlay_tints_inside_draws_the_contour_in_full_colour_and_leaves_the_background() -> None:
    image, labels = square()
    laid = overlay(image, labels, COLOURS, 0.5)
    assert laid.shape == (12, 12, 3)
    assert laid.dtype == np.uint8
    assert laid[5, 5].tolist() == [165, 130, 50]  # halves of 100 and (230, 159, 0), rounded to even
    assert laid[3, 5].tolist() == [230, 159, 0]
    assert laid[2, 5].tolist() == laid[0, 0].tolist() == [100, 100, 100]


def test_overlay_paints_a_first_class_that_is_no_background_and_never_ignored_pixels() -> None:
    image, labels = square()
    labels[0] = IGNORE
    laid = overlay(image, labels, np.array([[10, 20, 30], [1, 2, 3]], np.uint8), 1.0, background=None, contour=0)
    assert laid[1, 0].tolist() == [10, 20, 30]
    assert laid[5, 5].tolist() == [1, 2, 3]
    assert laid[0, 5].tolist() == [100, 100, 100]


def test_contours_are_as_wide_as_asked() -> None:
    image, labels = square()
    laid = overlay(image, labels, COLOURS, 0.0, contour=2)
    full = (laid == COLOURS[1]).all(axis=-1)
    assert full.sum() == 6 * 6 - 2 * 2


@pytest.mark.parametrize("contour", [0, 1, 3])
@pytest.mark.parametrize("planes", [False, True])
def test_an_overlay_drawn_in_strips_has_no_seams(contour: int, planes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (41, 30, 3), np.uint8)
    labels = rng.integers(0, 2 if planes else 3, (7, 5, 3) if planes else (7, 5)).astype(np.uint8)
    labels = labels.repeat(6, axis=0).repeat(6, axis=1)[:41]
    whole = overlay(image, labels, COLOURS, contour=contour)
    monkeypatch.setattr("segport.adapters.reporting.overlay._AT_ONCE", 4 * 30)
    assert np.array_equal(overlay(image, labels, COLOURS, contour=contour), whole)


def test_overlay_of_a_grey_image_is_rgb_and_changes_neither_input() -> None:
    image, labels = square()
    kept = image[..., :1].copy(), labels.copy()
    grey = kept[0].copy()
    first = overlay(grey, labels, COLOURS)
    assert first.shape == (12, 12, 3)
    assert first.tobytes() == overlay(grey, labels, COLOURS).tobytes()
    assert (grey == kept[0]).all()
    assert (labels == kept[1]).all()


def test_background_is_known_by_name_or_as_one_of_two() -> None:
    assert background_of(["Background", "a", "b"]) == 0
    assert background_of(["outside", "inside"]) == 0
    assert background_of(["sky", "road", "tree"]) is None


def test_paint_gives_every_class_its_colour_and_ignored_pixels_grey() -> None:
    painted = paint(np.array([[0, 1, 2, IGNORE]], np.uint8), COLOURS)
    assert painted[0].tolist() == [*COLOURS.tolist(), list(IGNORED_COLOUR)]


def test_binary_errors_have_a_colour_each() -> None:
    truth = np.array([[0, 1, 0, 1, IGNORE]], np.uint8)
    prediction = np.array([[0, 1, 1, 0, 1]], np.uint8)
    expected = [CORRECT, CORRECT_FOREGROUND, FALSE_POSITIVE, FALSE_NEGATIVE, boxes.HATCH_LIGHT]
    assert error_map(truth, prediction, binary=True)[0].tolist() == [list(colour) for colour in expected]


def test_errors_among_many_classes_have_one_colour() -> None:
    truth, prediction = np.array([[2, 0, IGNORE]], np.uint8), np.array([[2, 2, 2]], np.uint8)
    expected = [CORRECT, CONFUSED, boxes.HATCH_LIGHT]
    assert error_map(truth, prediction, binary=False)[0].tolist() == [list(colour) for colour in expected]


@pytest.mark.parametrize("shape", [(16, 16), (300, 700), (7, 90), (900, 40), (1, 1)])
def test_panels_of_any_size_are_four_tiles_wide(tmp_path: Path, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 1), 90, np.uint8)
    truth = np.ones(shape, np.uint8)
    prediction = np.zeros(shape, np.uint8)
    reporter: Reporter = FileReporter()
    reporter.panels(
        {"Worst images": [Panel("a", image, truth, prediction, float("nan"))]},
        ClassMap.binary("cell"),
        tmp_path / "deep" / "panels.png",
    )
    picture = opened((tmp_path / "deep" / "panels.png").read_bytes())
    assert picture.shape[1] == 4 * boxes.TILE + 3 * boxes.GAP + 2 * boxes.MARGIN
    assert has(picture, FALSE_NEGATIVE)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["panels.png"]


def test_panels_show_image_truth_prediction_and_errors_side_by_side(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), (10, 200, 30), np.uint8)
    truth = np.full((64, 64), 1, np.uint8)
    prediction = np.full((64, 64), 2, np.uint8)
    FileReporter().panels({"All": [Panel("a", image, truth, prediction, 0.0)]}, CLASSES, tmp_path / "p.png")
    picture = opened((tmp_path / "p.png").read_bytes())
    centres = [boxes.MARGIN + boxes.TILE // 2 + i * (boxes.TILE + boxes.GAP) for i in range(4)]
    middle = picture[picture.shape[0] // 2]
    expected = [(10, 200, 30), *(tuple(CLASSES.colours[i].tolist()) for i in (1, 2)), CONFUSED]
    assert [tuple(middle[x].tolist()) for x in centres] == expected


def test_the_legend_names_every_class_and_ignored_only_where_something_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from segport.adapters.reporting import panels as module

    named: list[str] = []
    original = boxes.swatch

    def spy(name: str, *rest: object) -> Image.Image:
        named.append(name)
        return original(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(boxes, "swatch", spy)
    names = [f"class {i}" for i in range(32)]
    colours = np.arange(96, dtype=np.uint8).reshape(32, 3)
    labels = np.zeros((8, 8), np.uint8)
    image = np.zeros((8, 8, 3), np.uint8)
    module.panels({"All": [Panel("a", image, labels, labels, 1.0)]}, names, colours, metric="mean IoU")
    assert named == [*names, "correct", "wrong"]
    named.clear()
    hidden = np.full((8, 8), IGNORE, np.uint8)
    module.panels({"All": [Panel("a", image, hidden, labels, 1.0)]}, names, colours, metric="mean IoU")
    assert named == [*names, "correct", "wrong", "ignored"]


def test_legends_and_titles_never_leave_their_width() -> None:
    entries: list[boxes.Entry] = [("x" * 400, (1, 2, 3)), ("short", None)]
    assert boxes.legend(entries, 300).width <= 300
    assert boxes.text("y" * 500, width=200).width <= 200
    short = boxes.shorten("beginning-" + "z" * 200 + "-end", 150)
    assert short.startswith("begin")
    assert short.endswith("-end")
    assert "…" in short


def test_masks_enlarge_without_new_colours_and_reduce_by_area() -> None:
    mask = np.array([[[0, 0, 0], [250, 0, 0]]], np.uint8)
    big = boxes.scale(mask, (5, 10), smooth=False)
    assert np.unique(big.reshape(-1, 3), axis=0).tolist() == [[0, 0, 0], [250, 0, 0]]
    halves = np.tile(mask, (2, 4, 1))
    assert boxes.scale(halves, (1, 4), smooth=False)[..., 0].tolist() == [[125] * 4]


def test_contact_sheet_shows_labels_over_images(tmp_path: Path) -> None:
    samples = [
        Sample(f"s{i}", np.full((50, 80, 3), 160, np.uint8), np.full((50, 80), i % 3, np.uint8)) for i in range(5)
    ]
    FileReporter().contact_sheet(samples, CLASSES, tmp_path / "sheet.png", title="five")
    picture = opened((tmp_path / "sheet.png").read_bytes())
    for label in (1, 2):
        tint = np.rint(0.6 * 160 + 0.4 * CLASSES.colours[label].astype(float)).astype(int)
        assert has(picture, tuple(tint.tolist()))
    assert has(picture, (160, 160, 160))


def test_overlay_files_keep_the_size_of_the_image(tmp_path: Path) -> None:
    FileReporter().overlay(*square(), CLASSES, tmp_path / "o.png")
    picture = opened((tmp_path / "o.png").read_bytes())
    assert picture.shape == (12, 12, 3)
    assert picture[3, 5].tolist() == CLASSES.colours[1].tolist()


def dark() -> NDArray[np.uint8]:
    """Most pixels at 4, a square at (20, 40, 10), one pixel brighter than what is scaled to 235."""
    image = np.full((64, 64, 3), 4, np.uint8)
    image[16:48, 16:48] = (20, 40, 10)
    image[0, 0] = 200
    return image


def test_a_dark_image_is_scaled_by_one_factor_and_clipped() -> None:
    image = dark()
    bright = shown(image, shown_values(image))
    assert bright[30, 30].tolist() == [118, 235, 59]  # times 235 / 40, rounded: 117.5 to even
    assert bright[5, 5].tolist() == [24, 24, 24]  # 23.5
    assert bright[0, 0].tolist() == [255, 255, 255]
    assert np.array_equal(image, dark())


@pytest.mark.parametrize(("high", "expected"), [(0, 0), (1, 8), (47, 235), (127, 235), (128, 128)])
def test_only_dark_images_are_brightened_and_black_ones_are_not(high: int, expected: int) -> None:
    values = shown_values(np.full((9, 7, 1), high, np.uint8))
    assert values[high] == expected
    assert np.array_equal(values, np.arange(256)) == (expected == high)


@given(image=arrays(np.uint8, (6, 5, 3)))
def test_brightening_agrees_with_its_rule_and_never_darkens(image: NDArray[np.uint8]) -> None:
    """The oracle sorts: of n values the percentile lies between the two around 0.995 (n - 1)."""
    ordered = np.sort(image.ravel()).astype(float)
    place = 0.995 * (len(ordered) - 1)
    low, share = int(place), place - int(place)
    high = ordered[low] * (1 - share) + ordered[low + 1] * share
    bright = shown(image, shown_values(image)).astype(float)
    expected = np.minimum(image * min(8, 235 / high), 255) if 0 < high < 128 else image
    assert np.abs(bright - expected).max() <= 0.5 + 1e-6
    assert (bright >= image).all()


def test_how_dark_a_large_image_is_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.full((3000, 4000, 3), 30, np.uint8)
    tracemalloc.start()
    values = shown_values(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values[30] == 235
    assert peak < image.nbytes / 2
    monkeypatch.setattr(brightness, "_SAMPLED", 10)
    assert np.array_equal(shown_values(image), values)


def test_dark_images_are_brightened_wherever_they_are_drawn(tmp_path: Path) -> None:
    image, labels, reporter = dark(), np.zeros((64, 64), np.uint8), FileReporter()
    named = np.zeros((1, 1), np.uint8)
    reporter.overlay(image, labels, CLASSES, tmp_path / "overlay.png")
    reporter.contact_sheet([Sample("s", image, labels)], CLASSES, tmp_path / "sheet.png")
    reporter.contact_sheet([Sample("s", image, named)], CLASSES, tmp_path / "named sheet.png")
    reporter.panels({"All": [Panel("a", image, labels, labels, 1.0)]}, CLASSES, tmp_path / "panels.png")
    reporter.panels({"All": [Panel("a", image, named, named, 1.0)]}, CLASSES, tmp_path / "named.png")
    written = {path.stem: opened(path.read_bytes()) for path in tmp_path.iterdir()}
    assert len(written) == 5
    for picture in written.values():
        assert has(picture, (118, 235, 59))
        assert has(picture, (24, 24, 24))
        assert not has(picture, (20, 40, 10))
    assert np.array_equal(written["overlay"], shown(image, shown_values(image)))


def test_other_images_are_drawn_to_the_byte(tmp_path: Path) -> None:
    image = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
    FileReporter().overlay(image, np.zeros((40, 50), np.uint8), CLASSES, tmp_path / "o.png")
    assert np.array_equal(opened((tmp_path / "o.png").read_bytes()), image)


def test_a_brightened_overlay_drawn_in_strips_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dark is said of the whole image: its strips differ, and are scaled alike."""
    image, labels = dark(), np.zeros((64, 64), np.uint8)
    labels[20:30, 20:60] = 1
    values = shown_values(image)
    whole = overlay(image, labels, COLOURS, values=values)
    monkeypatch.setattr("segport.adapters.reporting.overlay._AT_ONCE", 5 * 64)
    assert np.array_equal(overlay(image, labels, COLOURS, values=values), whole)


def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text a plot draws, from the SVG that matplotlib would write of it."""
    found: list[str] = []
    original = Figure.savefig

    def spy(figure: Figure, target: object, **options: object) -> None:
        buffer = io.StringIO()
        original(figure, buffer, format="svg", metadata={"Date": None})
        found.extend(re.findall(r"<!-- (.*?) -->", buffer.getvalue()))
        original(figure, target, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", spy)
    return found


def test_training_curves_name_their_lines_and_mark_the_best_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    picture = opened(plots.training_curves(ROWS))
    assert {"loss", "mean IoU", "training", "validation", "best epoch (4)", "epoch"} <= set(drawn)
    assert picture.shape[1] > 2 * picture.shape[0]


@pytest.mark.parametrize(("monitor", "best"), [("val_miou", 2), ("val_loss", 1), ("val_iou_floss", 3)])
def test_the_earliest_best_epoch_is_marked(monkeypatch: pytest.MonkeyPatch, monitor: str, best: int) -> None:
    drawn = texts(monkeypatch)
    scores = [(0.5, 0.1), (0.7, 0.2), (0.7, 0.1), (float("nan"), float("nan"))]
    rows = [
        {"epoch": e, "val_miou": s, "val_loss": loss, "val_iou_floss": e * s} for e, (s, loss) in enumerate(scores, 1)
    ]
    plots.training_curves(rows, monitor=monitor)
    assert f"best epoch ({best})" in drawn


def test_one_epoch_without_scores_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    plots.training_curves([{"epoch": 1, "train_loss": 0.5}])
    assert "training" in drawn
    assert not [text for text in drawn if text.startswith("best epoch")]


def test_confusion_prints_percent_of_each_row_and_names_absent_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    counts = np.array([[30, 10, 0], [1, 2, 1], [0, 0, 0]], np.int64)
    plots.confusion(counts, ["sky", "road", "car"], title="test split")
    assert {
        "75.0",
        "25.0",
        "50.0",
        "sky",
        "road",
        "car",
        "car (absent)",
        "truth",
        "prediction, % of the truth",
    } <= set(drawn)
    assert "test split" in drawn


def test_large_confusions_print_whole_percent_and_nothing_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    plots.confusion(np.eye(32, dtype=np.int64) * 7, [f"c{i}" for i in range(32)])
    assert drawn.count("100") == 32
    assert drawn.count("0") == 0


def test_class_bars_say_absent_and_the_mean_of_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    plots.class_bars([0.5, float("nan"), 0.75], [1200, 0, 3_400_000], ["a", "b", "c"], metric="IoU")
    assert {"0.500", "absent", "0.750", "a  (1.2 k px)", "b  (0 px)", "c  (3.4 M px)"} <= set(drawn)
    assert "IoU by class (dashed: mean of 2 present, 0.625)" in drawn


def test_class_frequencies_are_shares_of_each_split_with_rare_classes_legible(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    class_frequencies({"train": {"background": 99_970, "nucleus": 30}, "test": {"background": 0, "nucleus": 0}})
    assert {"100.0 %  (100 k px)", "0.03 %  (30 px)", "0 %  (0 px)", "background", "nucleus"} <= set(drawn)
    assert {"train (100 k px)", "test (0 px)"} <= set(drawn)


def sure_and_wrong() -> Calibration:
    """1000 pixels predicted as cell at 0.9, half of them right; edge is never predicted."""
    truth = np.repeat(np.array([[0, 1]], np.uint8), 500)[None]
    prediction = np.ones_like(truth)
    return Calibration.of(truth, prediction, np.full(truth.shape, 0.9, np.float32), 3)


def test_a_reliability_diagram_says_the_error_and_names_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    certainty.reliability(sure_and_wrong(), title="Reliability, test")
    assert "Reliability, test: ECE 0.4000" in drawn
    assert {"share right", "mean confidence", "perfect calibration", "pixels"} <= set(drawn)


def test_confidences_say_for_each_class_how_much_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    certainty.confidences(sure_and_wrong(), CLASSES.names)
    assert {"right", "wrong", "1 k px, 50.0% wrong", "never predicted"} <= set(drawn)
    assert {"background", "cell", "edge"} <= set(drawn)


def test_logits_say_for_each_class_how_many_of_its_pixels_are_below_half(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts(monkeypatch)
    truth = np.repeat(np.array([[0, 0, 0, 1]], np.uint8), 300, axis=0)
    shares = np.where(np.arange(4)[:, None] == 2, [0.25, 0.75, 0], [0.75, 0.25, 0]).astype(np.float32)
    certainty.logits(LogitCounts.of(truth, np.broadcast_to(shares, (300, 4, 3))), CLASSES.names, title="Logits, test")
    assert {"pixels of the class", "other pixels", "p = 1/2", "Logits, test"} <= set(drawn)
    assert {"background", "900 px, 33.3% below 0", "300 px, 100.0% below 0", "absent"} <= set(drawn)


def test_of_many_classes_the_most_predicted_are_shown() -> None:
    labels = np.arange(150, dtype=np.uint8)[None]
    found = Calibration.of(labels, np.maximum(labels, 100), np.full(labels.shape, 0.5, np.float32), 150)
    assert certainty.most_predicted(found) == [*range(100, 136)]


@pytest.mark.parametrize("classes", [2, 3])
def test_nothing_at_all_can_be_drawn(classes: int) -> None:
    nothing = Calibration.zero(classes)
    assert opened(certainty.reliability(nothing)).size
    assert opened(certainty.confidences(nothing, ["a", "b", "c"][:classes])).size
    assert opened(certainty.logits(LogitCounts.zero(classes), ["a", "b", "c"][:classes])).size


def drawn_figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures behind the pictures, as they were drawn."""
    found: list[Figure] = []
    original = Figure.savefig

    def spy(figure: Figure, *rest: object, **options: object) -> None:
        found.append(figure)
        original(figure, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", spy)
    return found


def many_logits(classes: int) -> LogitCounts:
    """As many pixels as make long headings: 128 k of a class, all of them below 0."""
    found = LogitCounts.zero(classes)
    counts = found.counts.copy()
    counts[:, 0, :] = 127_800
    return evolve(found, counts=counts)


def test_logarithmic_ticks_are_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = drawn_figures(monkeypatch)
    certainty.logits(many_logits(2), ["a", "b"])
    certainty.confidences(sure_and_wrong(), CLASSES.names)
    certainty.reliability(sure_and_wrong())
    ticks = [
        [label.get_text() for label in axes.get_yticklabels() if 1 <= label.get_position()[1] <= axes.get_ylim()[1]]
        for axes in (found[0].axes[0], found[1].axes[0], found[2].axes[1])
    ]
    assert ticks[0] == ["1", "10", "100", "1 k", "10 k", "100 k"]
    assert ticks[1] == ["1", "10", "100", "1 k"]
    assert set(ticks[2]) <= {"1", "10", "100", "1 k"} and len(ticks[2]) >= 2


def test_no_plot_shows_the_marks_of_a_formula_but_in_names(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, matrix = texts(monkeypatch), np.array([[3, 1], [0, 4]], np.int64)
    rows = [{"epoch": e, "train_loss": 1e-9 * e, "val_loss": 1e9 * e, "val_miou": 0.5} for e in (1, 2)]
    plots.training_curves(rows)
    run_curves({"one": rows}, columns=["train_loss", "val_miou"])
    plots.confusion(matrix, ["a", "b"])
    plots.class_bars([0.5, 0.7], [10**6, 10], ["a", "b"], metric="IoU")
    class_frequencies({"train": {"a": 10**9, "b": 1}})
    certainty.reliability(sure_and_wrong())
    certainty.confidences(sure_and_wrong(), CLASSES.names)
    certainty.logits(many_logits(2), ["a", "b"])
    assert drawn and not [text for text in drawn if "$" in text or "mathdefault" in text]
    certainty.logits(many_logits(2), ["$x^2$", "$\\bad{$"])
    assert {"$x^2$", "$\\bad{$"} <= set(drawn)


@pytest.mark.parametrize("name", ["W" * 30, "a class name of 30 characters!"])
@pytest.mark.parametrize("classes", [1, 2, 4, 20])
def test_headings_of_histograms_never_overlap(classes: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = drawn_figures(monkeypatch)
    certainty.logits(many_logits(classes), [name] * classes, title="Logits by class, test")
    calibration = Calibration.zero(classes)
    counts = calibration.counts.copy()
    counts[:, -1, :] = 127_800
    certainty.confidences(evolve(calibration, counts=counts), [name] * classes)
    for figure in found:
        shapes = [(text.get_text(), text.get_window_extent()) for text in headings(figure)]
        assert sum(" px, " in text for text, _ in shapes) == classes
        assert not [
            (one, other)
            for (one, a), (other, b) in combinations(shapes, 2)
            if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        ]


def headings(figure: Figure) -> list[Text]:
    """Texts of any kind but labels of ticks, some of which lie beyond their axes and are not drawn."""
    ticks = {label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    return [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible() and t not in ticks]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (999, "999"), (1000, "1 k"), (999_499, "999 k"), (999_500, "1 M"), (10**9, "1 G")]
)
def test_counts_have_three_digits(count: int, text: str) -> None:
    assert figures.short_count(count) == text


def test_plots_leave_pyplot_alone() -> None:
    code = (
        "import sys; from segport.adapters.reporting import reporter, plots; "
        "first = [m for m in sys.modules if m.startswith('matplotlib')]; "
        "plots.class_bars([1], [1], ['a'], metric='IoU'); print(first, 'matplotlib.pyplot' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] False"


def test_the_same_numbers_give_the_same_bytes() -> None:
    counts = np.array([[3, 1], [0, 4]], np.int64)
    assert plots.confusion(counts, ["a", "b"]) == plots.confusion(counts, ["a", "b"])


def test_a_page_holds_numbers_and_pictures_and_points_nowhere(tmp_path: Path) -> None:
    reporter = FileReporter()
    reporter.confusion(np.array([[3, 1], [0, 4]], np.int64), ClassMap.binary("cell"), tmp_path / "confusion.png")
    table = Table(("class", "IoU"), (("cell <1>", "0.831"), ("edge", "absent")), "test split")
    sections = [Section("Scores", "native resolution", (table,), (Picture(tmp_path / "confusion.png", "Confusion"),))]
    reporter.page("runs/first", sections, tmp_path / "report.html", summary="2 images")
    html = (tmp_path / "report.html").read_text("utf-8")
    for text in ("runs/first", "Scores", "cell &lt;1&gt;", '<td class="number">0.831</td>', "absent", "2 images"):
        assert text in html
    assert 'src="data:image/png;base64,' in html
    assert not re.findall(r"(?:https?:)?//[a-z]", re.sub(r"base64,[^\"]*", "", html))
    assert all(link.startswith(("#", "data:")) for link in re.findall(r'(?:href|src)="([^"]*)"', html))


def test_a_page_lists_every_picture_it_misses_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    pictures = (Picture(tmp_path / "gone.png"), Picture(tmp_path / "notes.txt"))
    with pytest.raises(DataError) as error:
        FileReporter().page("t", [Section("s", pictures=pictures)], tmp_path / "report.html")
    assert len(error.value.problems) == 2
    assert "gone.png" in error.value.problems[0]
    assert not (tmp_path / "report.html").exists()


def test_a_table_aligns_numbers_only() -> None:
    html = page("t", [Section("s", tables=(Table(("n", "m"), (("1,234", "87.1 %"), ("x", "nan"))),))])
    assert "<td>1,234</td>" in html
    assert '<td class="number">87.1 %</td>' in html


def test_a_page_links_to_files_and_pictures_beside_it(tmp_path: Path) -> None:
    linked = tmp_path / "out" / "a & b.png"
    section = Section(
        "Files", pictures=(Picture(linked, "large", linked=True),), files=(tmp_path / "out" / "run", tmp_path)
    )
    linked.parent.mkdir()
    linked.write_bytes(b"any")
    FileReporter().page("Title", [section], tmp_path / "out" / "index.html")
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<img src="a%20%26%20b.png"' in text
    assert '<a href="run">run</a>' in text and '<a href="..">..</a>' in text
    linked.unlink()
    with pytest.raises(DataError, match="cannot take in every picture"):
        FileReporter().page("Title", [section], tmp_path / "out" / "index.html")
