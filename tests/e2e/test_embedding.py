"""segport as a library: the examples run, events are an iterator, runs can be stopped, toolkits do not meet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from runpy import run_path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image as Pillow

import segport
from segport import (
    ArraySource,
    CompareSettings,
    EvaluateSettings,
    PredictSettings,
    SampleDataset,
    Settings,
    Toolkit,
    TrainSettings,
    in_memory,
)
from segport.adapters.memory.runs import MemoryRun
from segport.adapters.reporting import reporter
from segport.application import evaluate as evaluate_module
from segport.application.loading import load_trained
from segport.domain.errors import DataError, InvalidSpecError, RunInterruptedError, SegportError, UnknownNameError
from segport.domain.events import EpochDone, Event, RunFinished, RunStarted
from segport.domain.losses.crossentropy import CrossEntropy
from segport.plugins import Entry, Kind, hookimpl

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "embedding"
SMALL: dict[str, Any] = {
    "model": "unet:decoder_channels=[16,8]",
    "encoder": "plain:width=8,depth=3",
    "batch": 4,
    "rate": 0.01,
    "workers": 1,
    "track": (),
    "cache": False,
}


def halves(name: str = "halves", images: int = 8) -> SampleDataset:
    """Images that are bright where the class is 1."""
    rng = np.random.default_rng(5)
    labels = np.zeros((images, 32, 32), np.uint8)
    for number, row in enumerate(labels):
        row[:, 4 + 3 * (number % 8) :] = 1
    pictures = (rng.integers(0, 60, (images, 32, 32, 3)) + 150 * labels[..., None]).astype(np.uint8)
    source = ArraySource(pictures, labels)
    return SampleDataset.of(name, ["dark", "bright"], train=source, val=source, test=source)


@pytest.fixture
def toolkit() -> Toolkit:
    return Toolkit(**in_memory(halves()))


def run_of(toolkit: Toolkit, path: str) -> MemoryRun:
    run = toolkit.runs.open(Path(path))
    assert isinstance(run, MemoryRun)
    return run


def weights_of(toolkit: Toolkit, path: str) -> bytes:
    weights = run_of(toolkit, path).load("last").weights
    return b"".join(weights[name].tobytes() for name in sorted(weights))


@pytest.mark.parametrize("name", ["session", "arrays", "services"])
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "FileReporter", Mock)  # pictures take longer than all the rest
    monkeypatch.chdir(tmp_path)
    arguments = () if name == "arrays" else (tmp_path / "made",)
    accuracy = run_path(str(EXAMPLES / f"{name}.py"))["main"](*arguments)
    assert accuracy > 0.6
    assert list(tmp_path.iterdir()) == ([] if name == "arrays" else [tmp_path / "made"])


def test_every_example_is_run_above() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"session", "arrays", "services"}


def test_events_come_as_an_iterator_the_same_as_a_listener_hears(toolkit: Toolkit) -> None:
    heard: list[Event] = []
    toolkit.train(TrainSettings("halves", run="heard", epochs=2, **SMALL), listen=heard.append)
    read = list(toolkit.train.events(TrainSettings("halves", run="read", epochs=2, **SMALL)))
    assert [type(event) for event in read] == [type(event) for event in heard]
    assert isinstance(read[0], RunStarted) and isinstance(read[-1], RunFinished)
    assert read == run_of(toolkit, "read").events
    assert weights_of(toolkit, "read") == weights_of(toolkit, "heard")


def test_the_report_is_the_iterators_value(toolkit: Toolkit) -> None:
    reports = []

    def reading() -> Iterator[Event]:
        reports.append((yield from toolkit.train.events(TrainSettings("halves", run="a", epochs=1, **SMALL))))

    assert len(list(reading())) > 2
    assert reports[0].run == Path("a") and reports[0].epochs == 1


def test_closing_the_iterator_stops_the_run_with_its_state_saved(toolkit: Toolkit) -> None:
    settings = TrainSettings("halves", run="closed", epochs=50, **SMALL)
    with closing(toolkit.train.events(settings)) as events:
        next(event for event in events if isinstance(event, EpochDone))
    assert "segport-training" not in {thread.name for thread in threading.enumerate()}
    assert not toolkit.train.finished(Path("closed"))
    done = len(run_of(toolkit, "closed").metrics())
    assert 1 <= done < 50
    first = next(toolkit.train.events(Path("closed"), stop=lambda: True))
    assert isinstance(first, RunStarted) and first.epoch == done


def test_errors_are_raised_by_the_iterator(toolkit: Toolkit) -> None:
    with pytest.raises(DataError, match=r"No data set 'nowhere'.*\n.*halves"):
        next(toolkit.train.events(TrainSettings("nowhere", **SMALL)))
    with pytest.raises(RunInterruptedError):
        list(toolkit.train.events(TrainSettings("halves", run="b", epochs=3, **SMALL), stop=lambda: True))


def test_another_thread_cancels_and_the_run_ends_as_an_undisturbed_one(toolkit: Toolkit) -> None:
    toolkit.train(TrainSettings("halves", run="whole", epochs=3, **SMALL))
    begun, cancelled = threading.Event(), threading.Event()

    def press() -> None:
        begun.wait(60)
        cancelled.set()

    def listen(event: Event) -> None:
        if isinstance(event, EpochDone):
            begun.set()
            assert cancelled.wait(60)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(RunInterruptedError, match="the state is saved"):
        toolkit.train(TrainSettings("halves", run="cut", epochs=3, **SMALL), listen=listen, stop=cancelled.is_set)
    thread.join()
    toolkit.train.resume(Path("cut"))
    assert weights_of(toolkit, "cut") == weights_of(toolkit, "whole")
    assert run_of(toolkit, "cut").metrics() == run_of(toolkit, "whole").metrics()


class Halved:
    """A plugin with a loss of its own; another plugin offers another by the same name."""

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    @hookimpl
    def segport_losses(self) -> list[Entry]:
        return [
            Entry(Kind.LOSS, "own", "for this test", lambda: lambda **_: CrossEntropy(label_smoothing=self.smoothing))
        ]


def test_two_toolkits_train_at_once_and_do_not_meet() -> None:
    def made(smoothing: float) -> Toolkit:
        return Toolkit(Settings(extra_plugins=[("mine", Halved(smoothing))]), **in_memory(halves()))

    def train(toolkit: Toolkit, seed: int) -> bytes:
        toolkit.train(TrainSettings("halves", run="run", epochs=3, loss="own", seed=seed, **SMALL))
        return weights_of(toolkit, "run")

    alone = [train(made(0.0), 1), train(made(0.4), 2)]
    both = [made(0.0), made(0.4)]
    found: dict[int, bytes] = {}
    work: list[Callable[[], None]] = [
        lambda: found.__setitem__(0, train(both[0], 1)),
        lambda: found.__setitem__(1, train(both[1], 2)),
    ]
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0], found[1]] == alone and alone[0] != alone[1]
    assert both[0].registry.loss("own", {}) != both[1].registry.loss("own", {})
    with pytest.raises(UnknownNameError):
        Toolkit().registry.loss("own", {})


@pytest.fixture(scope="module")
def trained() -> Toolkit:
    toolkit = Toolkit(**in_memory(halves()))
    toolkit.train(TrainSettings("halves", run="run", epochs=6, **SMALL))
    return toolkit


def test_nothing_is_written_and_what_would_be_is_kept(
    trained: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = trained.evaluate(EvaluateSettings("run", batch=2))
    assert {score.name: score.value for score in report.scores}["miou"] > 0.8
    (found,) = trained.predict.arrays("run", [np.zeros((20, 45, 3), np.uint8)], probabilities=True)
    assert found.labels.shape == (20, 45) and found.labels.dtype == np.uint8
    assert found.probabilities is not None and found.probabilities.shape == (20, 45, 2)
    assert list(tmp_path.iterdir()) == []


def test_runs_in_memory_are_compared_by_their_scores(trained: Toolkit) -> None:
    trained.train(TrainSettings("halves", run="brief", epochs=1, **SMALL))
    trained.evaluate(EvaluateSettings("run", batch=2))
    whole, brief = trained.compare(CompareSettings(("run", "brief"))).runs
    assert whole.scores["miou"] > 0.8
    assert brief.scores == {}  # it was not evaluated


def test_a_model_is_closed_where_its_split_cannot_be_scored(trained: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def load(*arguments: Any, **options: Any) -> Any:
        model = load_trained(*arguments, **options)
        monkeypatch.setattr(model.session, "close", lambda: closed.append(1))
        return model

    monkeypatch.setattr(evaluate_module, "load_trained", load)
    with pytest.raises(DataError, match="no split 'tset'"):
        trained.evaluate(EvaluateSettings("run", split="tset"))
    assert closed


def test_a_model_of_grey_images_predicts_files(tmp_path: Path) -> None:
    """Decoded they have three channels, whatever they hold."""
    labels = np.zeros((4, 32, 32), np.uint8)
    labels[:, :, 16:] = 1
    source = ArraySource(40 + 160 * labels[..., None], labels)
    toolkit = Toolkit(datasets=in_memory(SampleDataset.of("grey", ["a", "b"], train=source, val=source))["datasets"])
    toolkit.train(TrainSettings("grey", run=tmp_path / "run", epochs=2, **SMALL))
    Pillow.fromarray(np.full((24, 24, 3), 90, np.uint8)).save(tmp_path / "colour.png")
    report = toolkit.predict(PredictSettings(tmp_path / "run", (str(tmp_path / "colour.png"),), tmp_path / "out"))
    assert np.asarray(Pillow.open(report.masks[0])).shape == (24, 24)


def test_arrays_of_other_kinds_are_refused_by_number(trained: Toolkit) -> None:
    good = np.zeros((16, 16, 3), np.uint8)
    assert next(trained.predict.arrays("run", [good[..., :1]])).labels.shape == (16, 16)  # grey is repeated
    for bad, told in [
        (np.zeros((16, 16, 3)), r"images\[1\]: expected \(H, W, C\) uint8, found \(16, 16, 3\) float64"),
        (good[..., 0], r"images\[1\].*found \(16, 16\) uint8"),
        (np.zeros((16, 16, 4), np.uint8), r"images\[1\] has 4 channels, and the model was trained on 3"),
    ]:
        with pytest.raises(DataError, match=told):
            list(trained.predict.arrays("run", [good, bad]))
    with pytest.raises(InvalidSpecError, match="precision = 'half': expected one of 'auto'"):
        next(trained.predict.arrays("run", [good], precision="half"))


def test_a_session_fills_in_what_computes() -> None:
    session = segport.open("torch", device="cpu", precision="fp32", **in_memory(halves()))
    report = session.train("halves", run="run", epochs=1, **SMALL)
    assert (report.device, report.precision, report.backend) == ("cpu", "fp32", "torch")
    assert session.evaluate("run", split="val").precision == "fp32"
    assert session.predict("run", [np.zeros((32, 32, 3), np.uint8)])[0].labels.shape == (32, 32)


@pytest.mark.parametrize("given", [{"backend": "torhc"}, {"precision": "fp64"}, {"backend": "torch:speed=9"}])
def test_a_session_refuses_at_once_what_it_cannot_compute_by(given: dict[str, Any]) -> None:
    with pytest.raises(SegportError, match=r"torch|fp32"):
        segport.open(**given)
