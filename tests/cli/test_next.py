"""The command that is named at the end of another: it can be pasted, and it works."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from segport.cli.terminal import typed
from segport.domain.listing import counted


def following(text: str) -> list[str]:
    """The words that a shell would make of the last line, without "segport"."""
    program, *words = shlex.split(text.strip().splitlines()[-1].removeprefix("next: "))
    assert program == "segport"
    return words


def test_what_a_shell_would_take_apart_is_quoted() -> None:
    assert typed("segport", "train", Path("p_Präparate Zellen")) == "segport train 'p_Präparate Zellen'"
    assert shlex.split(typed("a b", "$HOME", "it's", "x;y")) == ["a b", "$HOME", "it's", "x;y"]


def test_every_command_leads_to_the_next_in_folders_of_any_name(cli, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    home = tmp_path / "Zellen & 'Kerne'"
    words = following(cli("generate", "shapes", home / "raw data", "--num-images", "9").out)
    assert words == ["prepare", str(home / "raw data"), str(home / "raw data-prepared")]
    words = following(cli(*words).out)
    assert words == ["train", str(home / "raw data-prepared")]
    assert following(cli("inspect", words[1]).out) == words
    flags = (*tiny, "--epochs", "1", "--workers", "1", "--run", home / "a run")
    words = following(cli(*words, *flags).out)
    assert words == ["evaluate", str(home / "a run")]
    words = following(cli(*words).out)
    assert words == ["predict", str(home / "a run"), "IMAGES", "--out", "predictions"]
    said = cli("predict", home / "a run", home / "raw data" / "images", "--out", home / "the masks").out
    assert following(said.replace(", where", " # where"))[:3] == ["score", str(home / "the masks"), "TRUE_MASKS"]


@pytest.fixture
def without_test(cli, shapes: Path, tmp_path: Path) -> Path:
    """A data set without a test split."""
    assert cli("prepare", shapes, tmp_path / "data", "--split", "0.8,0.2").code == 0
    return tmp_path / "data"


@pytest.mark.parametrize("seeds", [(), ("--seeds", "2")])
def test_without_a_test_split_the_validation_split_is_evaluated(
    cli, without_test: Path, tmp_path: Path, tiny: tuple[str, ...], seeds: tuple[str, ...]
) -> None:
    flags = (*tiny, *seeds, "--epochs", "1", "--workers", "1", "--run", tmp_path / "run")
    words = following(cli("train", without_test, *flags).out)
    assert words == ["evaluate", str(tmp_path / "run"), "--split", "val"]
    assert cli(*words).code == 0


def test_a_training_is_done_though_its_data_are_gone(
    cli, without_test: Path, tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the next command could be is then not known, and no reason to fail."""
    monkeypatch.setattr("segport.cli.training_commands.show_training", lambda *_: shutil.rmtree(without_test))
    said = cli("train", without_test, *tiny, "--epochs", "1", "--workers", "1", "--run", tmp_path / "run")
    assert said.code == 0, said.err
    assert following(said.out) == ["evaluate", str(tmp_path / "run")]


@pytest.mark.parametrize("command", ["prepare", "inspect"])
def test_training_is_not_named_where_nothing_can_be_validated(cli, shapes: Path, tmp_path: Path, command: str) -> None:
    said = cli("prepare", shapes, tmp_path / "data", "--split", "1,0")
    if command == "inspect":
        said = cli("inspect", tmp_path / "data")
    assert said.code == 0
    assert "segport train" not in said.out
    assert "training needs a val split" in said.out.splitlines()[-1] and "--split 0.8,0.2" in said.out


def test_the_command_for_what_was_not_scored_is_quoted(cli, trained: Path, tmp_path: Path) -> None:
    runs = [tmp_path / "one run", tmp_path / "two"]
    for run in runs:
        shutil.copytree(trained, run)
        shutil.rmtree(run / "confusion", ignore_errors=True)
    said = cli("compare", *runs, "--out", tmp_path / "curves.png")
    assert f"segport evaluate '{runs[0]}' --split test" in said.out


def test_a_new_plugin_is_installed_by_what_is_named(cli, tmp_path: Path) -> None:
    out = tmp_path / "my plugin"
    line = cli("plugins", "new", "rank-loss", "--out", out).out.splitlines()[-1]
    assert shlex.split(line) == ["next:", "pip", "install", "-e", f"{out}[test]", "&&", "pytest", str(out)]


def test_help_is_named_for_commands_that_there_are(cli) -> None:
    cli("gnerate", "x").failed(2, "gnerate", "See: segport --help")
    cli("generate", "shaped").failed(2, "See: segport generate --help")
    cli("--nothing").failed(2, "See: segport --help")


@pytest.mark.parametrize("size", ["12a", "axb", "1.5"])
def test_a_size_is_asked_for_as_it_is_written(cli, prepared: Path, size: str) -> None:
    said = cli("train", prepared, "--size", size)
    said.failed(2, f"size = '{size}': expected HEIGHTxWIDTH such as 256x384, or one number")


def test_one_is_singular(cli, tmp_path: Path) -> None:
    assert [counted(n, "mask") for n in (0, 1, 2, 1000)] == ["0 masks", "1 mask", "2 masks", "1,000 masks"]
    said = cli("generate", "shapes", tmp_path / "raw", "--num-images", "1")
    assert said.out.startswith("1 image of ")
    assert cli("score", tmp_path / "raw" / "masks", tmp_path / "raw" / "masks").out.startswith("1 mask\n")


def test_one_image_is_predicted_and_evaluated(cli, shapes: Path, prepared: Path, trained: Path, tmp_path: Path) -> None:
    image = min((shapes / "images").iterdir())
    assert cli("predict", trained, image, "--out", tmp_path / "p").out.startswith("1 mask in ")
    assert cli("inspect", prepared, "--out", tmp_path / "i").out.startswith("prepared: multiclass, 3 channels, ")
