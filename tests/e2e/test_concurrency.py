"""Several at once in one place: one does the work and the others are told who does; nothing is torn."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from segport.adapters.claim import TakenError, claimed
from segport.application.settings import TrainSettings
from segport.bootstrap import Toolkit

EPOCHS = 2
FLAGS = ("--epochs", EPOCHS, "--rate", "0.01", "--workers", "2", "--device", "cpu", "--quiet")
PROMISED = ("metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors")
HOLDER = re.compile(r"process \d+ on .+, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
Race = Callable[..., list[tuple[int, str]]]


def winner(results: list[tuple[int, str]], refusal: int, *words: str) -> int:
    """The place of the one that went through. Fails unless all others were refused, and told by whom."""
    codes = [code for code, _ in results]
    assert sorted(codes) == [0] + [refusal] * (len(codes) - 1), results
    for code, said in results:
        if code:
            assert HOLDER.search(said), said
            assert all(word in said for word in words), said
            assert "Traceback" not in said
    return codes.index(0)


def same_run(run: Path, other: Path) -> None:
    for name in PROMISED:
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    assert not list(run.rglob(".*"))


def test_of_trainings_into_one_folder_one_goes_on(
    prepared: Path, alone: Path, tmp_path: Path, tiny: tuple[str, ...], race: Race
) -> None:
    command = ["train", prepared, "--run", "run", *tiny, *FLAGS]
    winner(race(tmp_path, command, command), 5, "Another training is running in run", "--run")
    same_run(tmp_path / "run", alone)


def test_trainings_without_a_folder_get_one_each(
    prepared: Path, alone: Path, tmp_path: Path, tiny: tuple[str, ...], race: Race
) -> None:
    """Both read and cache the same data set at the same time, and both end as if they had been alone."""
    command = ["train", prepared, *tiny, *FLAGS]
    assert [code for code, _ in race(tmp_path, command, command)] == [0, 0]
    runs = sorted((tmp_path / "runs").iterdir())
    assert [run.name for run in runs] == ["prepared-001", "prepared-002"]
    for run in runs:
        same_run(run, alone)


def test_of_resumes_of_one_run_one_goes_on(
    prepared: Path, alone: Path, tmp_path: Path, tiny: tuple[str, ...], race: Race
) -> None:
    settings = Toolkit().codec.from_values(
        TrainSettings,
        {**Toolkit().read_config(alone / "run.toml", "train"), "run": tmp_path / "run"},
        where="test",
    )
    asked = iter([False, False, True])
    with pytest.raises(Exception, match="the state is saved"):
        Toolkit().train(settings, stop=lambda: next(asked, True))
    command = ["train", "--resume", "run", "--quiet"]
    winner(race(tmp_path, command, command), 5, "Another training is running in run")
    same_run(tmp_path / "run", alone)


def test_the_lock_of_the_dead_is_taken_over_and_that_is_told(
    prepared: Path, tmp_path: Path, tiny: tuple[str, ...], cli
) -> None:
    run = tmp_path / "run"
    held = [sys.executable, "-c", HOLDS, str(run / ".lock")]
    assert cli("train", prepared, "--run", run, *tiny, *FLAGS).code == 0
    (run / "checkpoints" / "last.safetensors").unlink()  # as if it had been killed before its first checkpoint
    with subprocess.Popen(held, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        cli("train", "--resume", run).failed(5, f"Another training is running in {run}: process {process.pid} on ")
        cli("train", prepared, "--run", run).failed(
            5, f"Another training is running in {run}: process {process.pid} on "
        )
        process.send_signal(signal.SIGKILL)
    assert (run / ".lock").exists()
    said = cli("train", "--resume", run)
    assert said.code == 0, said.err
    assert f"taken over from process {process.pid} on " in said.err
    started = [event for event in events(run) if event["event"] == "RunStarted"]
    assert [("taken over from" in event["facts"]) for event in started] == [False, True]
    assert not (run / ".lock").exists()


HOLDS = """
import sys, time
from pathlib import Path
from segport.adapters.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def test_of_preparations_of_one_folder_one_goes_on(source: Path, tmp_path: Path, race: Race) -> None:
    command = ["prepare", source, "out", "--quiet"]
    results = race(tmp_path, command, command, command)
    codes = sorted(code for code, _ in results)
    assert codes == [0, 3, 3], results
    # Whoever came when the first was done already is refused as anybody later would be.
    for code, said in results:
        assert code == 0 or HOLDER.search(said) or "already holds" in said, said
    ((code, said),) = race(tmp_path, ["prepare", source, "alone", "--quiet"])
    assert code == 0, said
    assert sorted(os.listdir(tmp_path)) == ["alone", "out", "source"]
    assert tree(tmp_path / "out", named="out") == tree(tmp_path / "alone", named="alone")


def tree(folder: Path, named: str) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes().replace(named.encode(), b"") for path in files}


def test_of_generators_of_one_folder_one_goes_on(tmp_path: Path, race: Race) -> None:
    command = ["generate", "shapes", "out", "--num-images", "3", "--quiet"]
    results = race(tmp_path, command, command)
    assert sorted(code for code, _ in results) == [0, 3], results
    assert os.listdir(tmp_path) == ["out"]
    assert len(os.listdir(tmp_path / "out" / "images")) == 3


def test_a_lock_is_held_against_threads_too_and_gone_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with claimed(lock) as before:
        assert before == ""
        with pytest.raises(TakenError, match=f"process {os.getpid()} on "), claimed(lock):
            pytest.fail("it was given twice")
    with claimed(lock):
        assert lock.exists()
    assert os.listdir(tmp_path) == []


def test_never_two_hold_a_lock(tmp_path: Path) -> None:
    """Eight threads take and remove it in turn: a new file of that name may come while another waits for the old."""
    inside, most, held = [0], [0], [0]
    until = time.monotonic() + 0.5

    def work() -> None:
        while time.monotonic() < until:
            try:
                with claimed(tmp_path / ".lock"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    held[0] += 1
                    time.sleep(0.001)
                    inside[0] -= 1
            except TakenError:
                continue

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert held[0] > 1


@pytest.fixture
def together() -> Iterator[Callable[..., None]]:
    """Calls functions at the same time, each in a thread; raises what any of them raised."""
    barrier_timeout = 60

    def run(*works: Callable[[], object]) -> None:
        barrier, errors = threading.Barrier(len(works)), []

        def call(work: Callable[[], object]) -> None:
            try:
                barrier.wait(barrier_timeout)
                work()
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)

        threads = [threading.Thread(target=call, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    return run


@pytest.mark.parametrize(("first", "second"), [("torch", "torch"), ("torch", "tensorflow")])
def test_two_toolkits_train_in_threads_of_one_process(
    first: str, second: str, prepared: Path, tmp_path: Path, tiny: tuple[str, ...], together
) -> None:
    """Each ends as if it had been alone, though seeds differ and frameworks keep settings for the whole process.

    Two of torch have dropout, which draws from generators that torch has for the whole process.
    """

    def train(run: str, backend: str, seed: int) -> None:
        values = {flag.removeprefix("--"): value for flag, value in zip(tiny[::2], tiny[1::2], strict=True)}
        if first == second:
            values |= {"model": "deeplabv3+:channels=8", "encoder": "plain:width=8,depth=5"}
        more = {"data": prepared, "run": tmp_path / run, "backend": backend, "seed": seed, "epochs": 2, "device": "cpu"}
        toolkit = Toolkit()
        toolkit.train(toolkit.codec.from_values(TrainSettings, {**values, **more, "workers": 2}, where="test"))

    together(lambda: train("a", first, 1), lambda: train("b", second, 2))
    train("alone-a", first, 1)
    train("alone-b", second, 2)
    for run in ("a", "b"):
        same_run(tmp_path / run, tmp_path / f"alone-{run}")


def test_flags_of_the_whole_process_are_put_back_by_the_last_thread(together) -> None:
    import torch

    from segport.adapters.torch.device import deterministic_kernels

    inside, leave = threading.Barrier(2), threading.Event()

    def early() -> None:
        with deterministic_kernels(True):
            inside.wait()
        leave.set()

    def late() -> None:
        with deterministic_kernels(True):
            inside.wait()
            assert leave.wait(10)
            assert torch.are_deterministic_algorithms_enabled(), "another thread has switched it off"

    assert not torch.are_deterministic_algorithms_enabled()
    together(early, late)
    assert not torch.are_deterministic_algorithms_enabled()
