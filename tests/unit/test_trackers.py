"""Trackers in a run: whatever goes wrong with them, the run goes on and says so once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from segport import Settings, Toolkit, TrainSettings
from segport.application.training.tracking import Trackers
from segport.domain.errors import BackendUnavailableError, UnknownNameError
from segport.domain.events import Event, RunFailed, TrackerFailed
from segport.plugins import Entry, Kind, hookimpl

EVENT: Event = RunFailed("r", 1, "why")


@define
class Recorder:
    """Keeps what it hears, and raises where it shall."""

    run: Path = Path()
    fails: str = ""
    heard: list[object] = field(factory=list)

    def handle(self, event: Event) -> None:
        self.heard.append(event)
        if self.fails == "handle":
            raise OSError("no space left")

    def close(self) -> None:
        self.heard.append("closed")
        if self.fails == "close":
            raise OSError("no space left")


def test_all_hear_all_and_are_closed(tmp_path: Path) -> None:
    one, other = Recorder(), Recorder()
    trackers = Trackers({"one": lambda run: one, "other": lambda run: other}, tmp_path)
    assert trackers.handle(EVENT) + trackers.handle(EVENT) + trackers.close() == []
    assert one.heard == other.heard == [EVENT, EVENT, "closed"]


def test_one_that_raises_is_told_of_once_and_dropped(tmp_path: Path) -> None:
    bad, good = Recorder(fails="handle"), Recorder()
    trackers = Trackers({"bad": lambda run: bad, "good": lambda run: good}, tmp_path)
    assert trackers.handle(EVENT) == [TrackerFailed("bad", "OSError: no space left")]
    assert trackers.handle(EVENT) + trackers.close() == []
    assert bad.heard == [EVENT, "closed"]
    assert good.heard == [EVENT, EVENT, "closed"]


def test_one_that_cannot_be_opened_is_told_of_once(tmp_path: Path) -> None:
    def opener(run: Path) -> Any:
        raise PermissionError(f"{run.name} is locked")

    trackers = Trackers({"bad": opener}, tmp_path / "run")
    assert trackers.handle(EVENT) == [TrackerFailed("bad", "PermissionError: run is locked")]
    assert trackers.handle(EVENT) + trackers.close() == []


def test_one_that_fails_at_the_end_is_told_of_too(tmp_path: Path) -> None:
    bad = Recorder(fails="close")
    trackers = Trackers({"bad": lambda run: bad}, tmp_path)
    assert trackers.handle(EVENT) == []
    assert trackers.close() == [TrackerFailed("bad", "OSError: no space left")]


def test_what_was_never_needed_is_never_opened(tmp_path: Path) -> None:
    assert Trackers({"one": lambda run: pytest.fail("opened")}, tmp_path).close() == []


def toolkit(**entry: Any) -> Toolkit:
    """With a tracker "mine" of somebody else's."""

    def segport_trackers() -> list[Entry]:
        return [Entry(Kind.TRACKER, "mine", "of somebody else", lambda: Recorder, **entry)]

    return Toolkit(Settings((), [("theirs", SimpleNamespace(segport_trackers=hookimpl(segport_trackers)))]))


def settings(prepared: Path, tmp_path: Path, tiny: tuple[str, ...], *track: str) -> TrainSettings:
    values = {flag.removeprefix("--"): value for flag, value in zip(tiny[::2], tiny[1::2], strict=True)}
    more = {"data": prepared, "run": tmp_path / "run", "epochs": 1, "workers": 1, "track": track}
    return Toolkit().codec.from_values(TrainSettings, {**values, **more}, where="test")


def test_a_run_outlives_its_trackers(prepared: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    heard: list[Event] = []
    wanted = settings(prepared, tmp_path, tiny, "mine:fails=handle", "log")
    report = toolkit().train(wanted, listen=heard.append)
    failure = TrackerFailed("mine", "OSError: no space left")
    assert report.epochs == 1
    assert heard.count(failure) == 1
    lines = (report.run / "log.txt").read_text(encoding="utf-8").splitlines()
    assert "the tracker mine failed" in lines[1] and "no space left" in lines[1]
    assert "all epochs done" in lines[-1]
    recorded = [json.loads(line) for line in (report.run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"event": "TrackerFailed", "tracker": "mine", "reason": failure.reason} in recorded


def test_what_is_not_installed_or_known_is_told_before_there_is_a_run(
    prepared: Path, tmp_path: Path, tiny: tuple[str, ...]
) -> None:
    with pytest.raises(BackendUnavailableError, match="tracker 'mine' needs no_such_module") as caught:
        toolkit(requires=("no_such_module",), install="pip install far").train(
            settings(prepared, tmp_path, tiny, "mine")
        )
    assert caught.value.fix == "Install it with: pip install far"
    with pytest.raises(UnknownNameError, match="Unknown tracker 'tensorbord'") as unknown:
        Toolkit().train(settings(prepared, tmp_path, tiny, "tensorbord"))
    assert "'tensorboard'" in unknown.value.fix
    for option in ("folder", "run"):
        with pytest.raises(UnknownNameError, match=f"option of tracker 'log': '{option}'"):
            Toolkit().train(settings(prepared, tmp_path, tiny, f"log:{option}=x"))
    assert not (tmp_path / "run").exists()


def test_log_is_there_by_default_and_only_what_is_asked_for_else(
    cli, prepared: Path, tmp_path: Path, tiny: tuple[str, ...]
) -> None:
    flags = (*tiny, "--epochs", "1", "--workers", "1", "--quiet")
    assert cli("train", prepared, "--run", tmp_path / "a", *flags).code == 0
    assert cli("train", prepared, "--run", tmp_path / "b", *flags, "--track", "tensorboard").code == 0
    assert (tmp_path / "a" / "log.txt").exists() and not (tmp_path / "a" / "tensorboard").exists()
    assert (tmp_path / "b" / "tensorboard").exists() and not (tmp_path / "b" / "log.txt").exists()
    assert tomllib.loads((tmp_path / "b" / "run.toml").read_text(encoding="utf-8"))["train"]["track"] == ["tensorboard"]
