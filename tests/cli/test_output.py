"""What goes where: one JSON object on stdout for programs, everything else for people, and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segport.cli import main as entry
from segport.domain import errors

SEGPORT = Path(sys.executable).with_name("segport")


@pytest.fixture
def commands(shapes: Path, prepared: Path, trained: Path, tmp_path: Path, tiny: tuple[str, ...]):
    """Every command with arguments that work, and keys its JSON object must have."""
    image = min((shapes / "images").iterdir())
    train = ["train", prepared, "--run", tmp_path / "run", *tiny, "--epochs", "1", "--workers", "1"]
    return {
        "generate": (["generate", "shapes", tmp_path / "raw", "--num-images", "3"], {"out", "images"}),
        "prepare": (
            ["prepare", shapes, tmp_path / "data"],
            {"out", "pixel_counts", "split_sizes", "left_out"} - {"classes"},
        ),
        "inspect": (["inspect", prepared, "--out", tmp_path / "sheets"], {"files", "split_sizes", "pixel_counts"}),
        "train": (train, {"run", "epochs", "best_epoch", "best_score", "monitor"}),
        "evaluate": (
            ["evaluate", trained, "--out", tmp_path / "e"],
            {"run", "split", "scores", "classes", "definitions"},
        ),
        "predict": (["predict", trained, image, "--out", tmp_path / "p"], {"out", "images", "masks"}),
        "score": (["score", prepared / "masks", prepared / "masks"], {"scores", "classes", "definitions"}),
        "plugins": (["plugins", "list"], {"entries", "broken"}),
    }


NAMES = ["generate", "prepare", "inspect", "train", "evaluate", "predict", "score", "plugins"]


@pytest.mark.parametrize("name", NAMES)
def test_json_is_one_object_on_stdout_and_the_rest_goes_to_stderr(cli, commands, name: str) -> None:
    arguments, keys = commands[name]
    said = cli(*arguments, "--json")
    assert said.code == 0, said.err
    assert keys <= said.object.keys()
    assert said.err.strip(), "people see nothing"


def test_the_quickstart_prints_one_object_too(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segport.cli.quickstart.IMAGES", 10)
    said = cli("quickstart", "--out", tmp_path / "quick", "--epochs", "1", "--json")
    assert said.code == 0, said.err
    assert "miou" in said.object["scores"]
    for line in ("$ segport generate shapes", "$ segport train", "best validation miou", "$ segport predict"):
        assert line in said.err
    written = [line.removeprefix("wrote ") for line in said.err.splitlines() if line.startswith("wrote ")]
    assert written
    assert all(Path(path).exists() for path in written)


def test_a_quickstart_begins_with_what_it_needs(cli, tmp_path: Path) -> None:
    cli("quickstart", "--out", tmp_path / "quick", "--backend", "torhc").failed(2, "'torhc'", "'torch'")
    cli("quickstart", "--out", tmp_path / "quick", "--backend", "reference").failed(2, "does not train")
    cli("quickstart", "--out", tmp_path / "quick", "--epochs", "0").failed(2, "epochs")
    assert not (tmp_path / "quick").exists()


@pytest.mark.parametrize("name", NAMES)
def test_without_json_stdout_is_for_people(cli, commands, name: str) -> None:
    said = cli(*commands[name][0])
    assert said.code == 0, said.err
    assert said.out.strip()
    assert not said.out.lstrip().startswith("{")
    assert "\x1b[" not in said.out + said.err, "colours are off where nobody looks"


@pytest.mark.parametrize("name", ["prepare", "train", "evaluate", "predict", "generate", "inspect"])
def test_a_command_ends_with_what_it_wrote_and_what_comes_next(cli, commands, name: str) -> None:
    said = cli(*commands[name][0])
    lines = said.out.strip().splitlines()
    assert lines[-1].startswith("next: segport ")
    wrote = [line.removeprefix("wrote ") for line in lines if line.startswith("wrote ")]
    assert wrote
    assert all(Path(path).exists() for path in wrote)


def test_quiet_prints_results_only(cli, commands) -> None:
    said = cli(*commands["train"][0], "--quiet")
    assert said.code == 0
    assert said.err == ""
    assert len(said.out.splitlines()) == 1
    assert "best validation miou" in said.out


@pytest.mark.parametrize("name", NAMES)
def test_an_error_leaves_stdout_empty_under_json(cli, name: str, tmp_path: Path) -> None:
    words = [name, "list", "--no-such-flag"] if name == "plugins" else [name, tmp_path / "none", "--no-such-flag", "1"]
    said = cli(*words, "--json")
    assert said.code == 2
    assert said.out == ""
    assert "error: " in said.err
    assert f"segport {name}" in said.err


def test_the_next_command_that_is_named_can_be_typed(cli, shapes: Path, tmp_path: Path) -> None:
    said = cli("generate", "shapes", tmp_path / "raw", "--num-images", "5")
    following = said.out.strip().splitlines()[-1].removeprefix("next: segport ").split()
    assert following[0] == "prepare"
    assert cli(*following).code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidSpecError("x"), 2),
        (errors.UnknownNameError("x"), 2),
        (errors.DataError("x"), 3),
        (errors.BackendUnavailableError("x"), 4),
        (errors.PluginError("x"), 4),
        (errors.CheckpointError("x"), 5),
        (errors.TrainingDivergedError("x"), 6),
        (errors.OutOfMemoryError("x"), 7),
        (errors.RunInterruptedError("x"), 130),
        (KeyboardInterrupt(), 130),
        (OSError(28, "No space left on device"), 3),
        (RuntimeError("x"), 1),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(asked: str) -> None:
        raise error

    monkeypatch.setattr(entry, "app", fail)
    assert entry.main(["plugins", "list"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(("error: ", "stopped"))
    assert "Traceback" not in said.err


def test_every_deliberate_error_has_an_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SegportError)]
    listed = [kind for kind, _ in entry.EXIT_CODES]
    codes = {kind.__name__: next(code for k, code in entry.EXIT_CODES if issubclass(kind, k)) for kind in kinds}
    assert len(codes) == len(kinds)
    assert set(codes.values()) == {2, 3, 4, 5, 6, 7, 130}
    # the general one comes last, else it would swallow the others
    assert listed.index(errors.SegportError) == len(listed) - 1


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version(cli, flag: str) -> None:
    said = cli(flag)
    assert said.code == 0
    assert said.out.strip()
    assert said.err == ""


@pytest.mark.parametrize("name", [*NAMES, "quickstart"])
def test_every_command_explains_itself(cli, name: str) -> None:
    words = {"generate": ["generate", "shapes"], "plugins": ["plugins", "list"]}.get(name, [name])
    said = cli(*words, "--help")
    assert said.code == 0
    for flag in ("--json", "--quiet", "--debug"):
        assert flag in said.out


def test_help_says_what_kind_of_value_a_flag_takes(cli) -> None:
    said = cli("train", "--help")
    for flag in (
        "--epochs N",
        "--rate X",
        "--run PATH",
        "--size HxW",
        "--output-weights X,...",
        "--model NAME",
        "--config PATH",
    ):
        assert flag in said.out
    assert "STR" not in said.out


def test_a_command_that_is_not_there(cli) -> None:
    said = cli("trian", "x")
    said.failed(2, "trian", "segport")


def test_no_framework_is_loaded_for_what_needs_none(shapes: Path, prepared: Path, tmp_path: Path) -> None:
    """In a process of its own, since this one has loaded torch: even the data commands go without."""
    masks = str(prepared / "masks")
    program = f"""
import sys
from segport.cli.main import main
for line in [["--help"], ["train", "--help"], ["plugins", "list"], ["train", "nothing"],
             ["prepare", {str(shapes)!r}, {str(tmp_path / "d")!r}], ["score", {masks!r}, {masks!r}]]:
    main(line)
print([name for name in ("torch", "tensorflow", "keras", "matplotlib") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_the_installed_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [SEGPORT, "generate", "shapes", tmp_path / "raw", "--num-images", "2", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 2
    failed = subprocess.run([SEGPORT, "inspect", tmp_path], capture_output=True, text=True, timeout=120, check=False)
    assert failed.returncode == 3
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """`segport plugins list | head -1`: no traceback, no complaint."""
    program = f"{SEGPORT} plugins list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141")
