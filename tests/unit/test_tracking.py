import io
import math
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from segport.adapters.tracking import lines, plugin
from segport.adapters.tracking.console import ConsoleTracker
from segport.adapters.tracking.log import LogTracker
from segport.domain.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    RunFailed,
    RunFinished,
    RunStarted,
    StepsDone,
    WeightsTransferred,
)

EVENTS: list[Event] = [
    RunStarted("runs/first", epochs=2, steps_per_epoch=10, facts={"device": "cpu", "precision": "bf16"}),
    StepsDone(epoch=1, step=5, steps=10, loss=0.51234, rate=1e-3, images_per_second=17.65),
    EpochDone(epoch=1, metrics={"train_loss": 0.4, "val_miou": 0.71234}, rate=1e-3, seconds=12.34, improved=True),
    CheckpointSaved(1, "runs/first/checkpoints/last.safetensors", best=False),
    EpochDone(epoch=2, metrics={"train_loss": 0.3, "val_miou": 0.7}, rate=1e-3, seconds=65, improved=False),
    RunFinished("runs/first", 2, 1, 0.71234, "val_miou", "all epochs done", 78.0),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, *, quiet: bool = False, events: list[Event] = EVENTS) -> str:
    tracker = ConsoleTracker(Path("runs/first"), stream=stream, quiet=quiet)
    for event in events:
        tracker.handle(event)
    tracker.close()
    return stream.getvalue()


def test_piped_output_is_one_plain_line_for_the_start_each_epoch_and_the_end() -> None:
    assert shown(io.StringIO()).splitlines() == [
        "runs/first: 2 epochs of 10 steps, device cpu, precision bf16",
        "epoch 1/2  train loss 0.4000  val miou 0.7123  12.3 s  best so far",
        "epoch 2/2  train loss 0.3000  val miou 0.7000  1 min 05 s",
        "runs/first: all epochs done after 2 epochs, 1 min 18 s, best val_miou 0.7123 at epoch 1",
    ]


def test_a_terminal_gets_a_bar_with_loss_rate_and_speed_beside_the_same_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    output = shown(Terminal())
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output)
    assert "\x1b[" in output
    assert "loss 0.5123  rate 1.00e-03  17.6 images/s" in plain
    assert "left" in plain
    assert "epoch 1/2  train loss 0.4000" in plain
    assert "epoch 2/2" in plain


def test_quiet_prints_nothing_but_a_failure() -> None:
    failure: Event = RunFailed("runs/first", 2, "the loss became nan")
    assert shown(io.StringIO(), quiet=True) == ""
    assert shown(Terminal(), quiet=True) == ""
    assert shown(io.StringIO(), quiet=True, events=[*EVENTS[:3], failure]) == (
        "runs/first: stopped at epoch 2: the loss became nan\n"
    )


def test_weights_taken_over_are_counted_and_the_others_grouped_by_layer() -> None:
    new = ("head.weight", "head.bias", *(f"encoder.layer{i}.{j}.conv1.weight" for i in range(4) for j in range(2)))
    event = WeightsTransferred("runs/a", ("encoder.conv1.weight",), new, ("fc.weight",), {"cat": "lion"})
    assert lines.line(event) == (
        "weights of runs/a: 1 of 11 tensors matched; "
        "10 re-initialised (head 2, encoder.layer0 2, encoder.layer1 2, encoder.layer2 2, 2 others); "
        "1 left over (fc 1); classes of the head: cat is lion now"
    )


def test_a_resumed_run_says_where_it_goes_on() -> None:
    assert lines.line(RunStarted("r", 30, 40, epoch=12)) == "r: 30 epochs of 40 steps, going on after epoch 12"


def test_a_run_without_a_best_score_names_none() -> None:
    text = lines.line(RunFinished("r", 1, 0, math.nan, "val_miou", "all epochs done", 1.0))
    assert text == "r: all epochs done after 1 epoch, 1.0 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (3599.6, "1 h 00 min"), (7380, "2 h 03 min")],
)
def test_durations_read_naturally(seconds: float, text: str) -> None:
    assert lines.duration(seconds) == text


def test_square_brackets_in_a_reason_are_printed_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "[bold]" in shown(Terminal(), events=[EVENTS[0], RunFailed("r", 1, "class [bold] is unknown")])


def test_the_plugin_loads_nothing_for_what_it_offers() -> None:
    entries = {entry.name: entry for entry in plugin.segport_trackers()}
    assert list(entries) == ["console", "log", "tensorboard"]
    assert isinstance(entries["console"].load()(run=Path("r"), quiet=True), ConsoleTracker)
    code = (
        "import sys, segport.adapters.tracking.plugin as p; list(p.segport_trackers()); "
        "print([m for m in ('rich', 'tensorboard') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_log_has_a_line_with_the_time_for_what_is_told_and_goes_on_after_a_resume(tmp_path: Path) -> None:
    for events in (EVENTS[:3], [RunStarted("r", 2, 10, epoch=1), *EVENTS[4:]]):
        tracker = LogTracker(tmp_path)
        for event in events:
            tracker.handle(event)
        tracker.close()
    written = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    times, told = zip(*(text.split("  ", 1) for text in written), strict=True)
    assert all(datetime.fromisoformat(time).tzinfo for time in times)
    assert list(told) == [
        "runs/first: 2 epochs of 10 steps, device cpu, precision bf16",
        "epoch 1/2  train loss 0.4000  val miou 0.7123  12.3 s  best so far",
        "r: 2 epochs of 10 steps, going on after epoch 1",
        "epoch 2/2  train loss 0.3000  val miou 0.7000  1 min 05 s",
        "runs/first: all epochs done after 2 epochs, 1 min 18 s, best val_miou 0.7123 at epoch 1",
    ]
