"""Runs as folders, by themselves or one a seed: made, claimed, found and opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from itertools import count
from pathlib import Path
from typing import Any

from attrs import frozen

from ...domain.errors import CheckpointError
from ...domain.listing import cut
from ...domain.ports.checkpoints import Checkpoint, Pretrained, SeedRuns
from .. import files
from ..claim import TakenError, claimed
from .checkpoint import load_checkpoint
from .pretrained import load_pretrained
from .run_folder import CHECKPOINTS, CONFIGURATION, SUFFIX, RunFolder
from .toml import read_toml, write_toml

SEEDS = "seeds.toml"
PLOTS = "plots"
LOCK = ".lock"
_SUGGESTED = 5


@frozen
class RunFolders:
    """Runs as folders. Implements the port ``RunStore``."""

    @contextmanager
    def claim(self, path: Path) -> Iterator[str]:
        """A lock in the folder. Raises CheckpointError when somebody else holds it, or it cannot be made."""
        with ExitStack() as stack:
            try:
                path.mkdir(parents=True, exist_ok=True)
                stack.callback(_drop_if_empty, path)
                before = stack.enter_context(claimed(path / LOCK))
                for folder in (path, path / CHECKPOINTS, path / PLOTS):
                    files.sweep(folder)
            except TakenError as error:
                raise CheckpointError(
                    f"Another training is running in {path}: {error.holder}.",
                    fix="Wait until it has ended, or stop it; or choose another folder with --run.",
                ) from None
            except OSError as error:
                raise _unmade(path, error) from None
            yield before

    def create(self, path: Path, configuration: Mapping[str, Any]) -> RunFolder:
        """A folder with run.toml in it. Raises CheckpointError when it already holds a run, or cannot be made."""
        _refuse_taken(path)
        try:
            write_toml(path / CONFIGURATION, configuration)
            (path / CHECKPOINTS).mkdir(exist_ok=True)
        except OSError as error:
            raise _unmade(path, error) from None
        return RunFolder(path)

    @contextmanager
    def create_seeds(self, path: Path, configuration: Mapping[str, Any]) -> Iterator[SeedRuns]:
        """A folder with seeds.toml in it; taken away again after an error in the block before the first run."""
        _refuse_taken(path)
        made = SeedRuns(path, deepcopy(dict(configuration)))
        try:
            write_toml(path / SEEDS, configuration)
        except OSError as error:
            raise _unmade(path, error) from None
        try:
            yield made
        except BaseException:
            if not any(map(_is_run, made.runs.values())):
                (path / SEEDS).unlink(missing_ok=True)
                _drop_if_empty(path)
            raise

    def seeds(self, path: Path) -> SeedRuns | None:
        """The runs of a folder with seeds.toml in it. Raises CheckpointError for one that does not list its seeds."""
        if not (path / SEEDS).exists():
            return None
        configuration = read_toml(path / SEEDS, CheckpointError)
        seeds = configuration.get("seeds")
        if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
            raise CheckpointError(f"{path / SEEDS} does not list the seeds.", fix="Expected: seeds = [41, 42, 43].")
        return SeedRuns(path, configuration)

    def holds(self, path: Path) -> bool:
        """Whether a folder holds a run."""
        return _is_run(path)

    def unused(self, name: str) -> Path:
        """runs/<name>-001, or the first number after it that is free: made, so that nobody else is given it."""
        name = Path(name).name or "run"  # a data set says how it is called, and does not choose a place
        numbered = (Path("runs") / f"{name}-{number:03d}" for number in count(1))
        try:
            return next(path for path in numbered if _made(path))
        except OSError as error:
            raise _unmade(Path("runs"), error) from None

    def open(self, path: Path) -> RunFolder:
        """Raises CheckpointError when it is no run."""
        if not _is_run(path):
            if (several := self.seeds(path)) is not None:
                named = ", ".join(map(str, several.runs.values()))
                raise CheckpointError(f"{path} holds several runs, one per seed.", fix=f"Name one of them: {named}.")
            what = "is no run: it holds no run.toml" if path.exists() else "does not exist"
            raise CheckpointError(f"{path} {what}.", fix=_meant_instead(path))
        return RunFolder(path)

    def home(self, path: Path) -> Path | None:
        """The run that a folder is or a checkpoint file belongs to; None for a checkpoint file on its own."""
        if not path.is_file():
            return self.open(path).path
        folder = path.resolve().parent.parent
        return folder if path.resolve().parent.name == CHECKPOINTS and _is_run(folder) else None

    def load_checkpoint(self, path: Path) -> Checkpoint:
        """A file, or the best of a run's folder."""
        return self.open(path).load("best") if path.is_dir() else load_checkpoint(path)

    def load_pretrained(self, path: Path) -> Pretrained:
        """As ``load_checkpoint``, and also from a plain safetensors file."""
        return load_pretrained(self.open(path).checkpoint("best") if path.is_dir() else path)


def _meant_instead(path: Path) -> str:
    """The runs in a folder that is none, where there are any."""
    try:
        inside = [str(child) for child in sorted(path.iterdir()) if _is_run(child) or (child / SEEDS).exists()]
    except OSError:
        inside = []
    if inside:
        return f"Name one of the runs in it: {', '.join(cut(inside, _SUGGESTED))}."
    return "Give the folder that `segport train` said it wrote."


def _refuse_taken(path: Path) -> None:
    if _is_run(path) or (path / SEEDS).exists():
        raise CheckpointError(
            f"{path} already holds a run.",
            fix=f"Go on with it: --resume {path}. Or choose another folder with --run, or delete this one.",
        )


def _made(path: Path) -> bool:
    """Whether it was not there yet."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return False
    return True


def _drop_if_empty(path: Path) -> None:
    with suppress(OSError):
        path.rmdir()


def _unmade(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"The run's folder {path} cannot be made: {error.strerror or error}.")


def _is_run(path: Path) -> bool:
    return (path / CONFIGURATION).exists() or any((path / CHECKPOINTS).glob(f"*{SUFFIX}"))
