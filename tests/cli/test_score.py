"""Scoring a folder that `segport predict` wrote, with the overlays beside the masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def folders(tmp_path: Path, picture: Callable[..., None]) -> Callable[[int, int], tuple[Path, Path]]:
    """Makes predictions with overlays, and true masks of some of them."""

    def make(predicted: int, true: int) -> tuple[Path, Path]:
        (tmp_path / "predicted").mkdir()
        (tmp_path / "predicted" / "predictions.json").touch()
        for i in range(predicted):
            picture(tmp_path / "predicted" / f"{i:02}.png", np.full((4, 4), 255 * (i % 2), np.uint8))
            picture(tmp_path / "predicted" / f"{i:02}_overlay.png", np.full((4, 4, 3), 90, np.uint8))
        for i in range(true):
            picture(tmp_path / "truth" / f"{i:02}.png", np.full((4, 4), 255 * (i % 2), np.uint8))
        return tmp_path / "predicted", tmp_path / "truth"

    return make


def test_overlays_are_no_masks(cli, folders: Callable[..., tuple[Path, Path]]) -> None:
    predicted, truth = folders(3, 2)
    said = cli("score", predicted, truth, "--json")
    assert said.object["not_scored"] == [str(predicted / "02.png")]
    assert said.object["images"] == 2
    assert "_overlay.png" not in said.err


def test_nor_are_they_where_the_folders_are_swapped(cli, folders: Callable[..., tuple[Path, Path]]) -> None:
    predicted, truth = folders(2, 2)
    said = cli("score", truth, predicted, "--json")
    assert said.code == 0, said.err
    assert said.object["images"] == 2


def test_two_predictions_are_compared_by_their_masks_alone(cli, folders: Callable[..., tuple[Path, Path]]) -> None:
    predicted, _ = folders(2, 0)
    said = cli("score", predicted, predicted, "--json").object
    assert (said["images"], said["not_scored"], said["scores"]["miou"]) == (2, [], 1)


def test_a_missing_prediction_is_told_of_without_overlays(cli, folders: Callable[..., tuple[Path, Path]]) -> None:
    predicted, truth = folders(3, 2)
    said = cli("score", truth, predicted)
    said.failed(3, "no prediction for 02.png")
    assert "_overlay.png" not in said.err


def test_a_mask_that_is_called_overlay_is_one_where_it_lies_alone(
    cli, folders: Callable[..., tuple[Path, Path]], picture: Callable[..., None]
) -> None:
    predicted, truth = folders(2, 2)
    for folder in (predicted, truth):
        picture(folder / "x_overlay.png", np.zeros((4, 4), np.uint8))
    assert cli("score", predicted, truth, "--json").object["images"] == 3


def test_a_long_list_of_what_was_not_scored_is_cut(cli, folders: Callable[..., tuple[Path, Path]]) -> None:
    predicted, truth = folders(30, 2)
    said = cli("score", predicted, truth)
    lines = [line for line in said.out.splitlines() if line.startswith("not scored")]
    assert len(lines) == 20
    assert "... and 8 more" in said.out
    assert len(cli("score", predicted, truth, "--json").object["not_scored"]) == 28
