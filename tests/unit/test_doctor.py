"""The diagnosis, with backends that work, that are not installed, and that break in several ways."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from segport.adapters import cpu
from segport.adapters.system.machine import Machine
from segport.application.doctor import Diagnosis, Doctor, State
from segport.domain.errors import BackendUnavailableError, in_one_line
from segport.domain.ports.backend import Capability, DeviceInfo, Precision
from segport.plugins import Entry, Kind
from segport.plugins.manager import Broken, Offer
from segport.plugins.registry import Registry

CPU = DeviceInfo("cpu", "CPU, 2 threads", Precision.FP32, "no better one")


class Works:
    capabilities = frozenset({Capability.TRAINING, Capability.DETERMINISTIC})

    def devices(self) -> list[DeviceInfo]:
        return [CPU]


class Talks(Works):
    def facts(self) -> Mapping[str, str]:
        warnings.warn("the driver is old", UserWarning, stacklevel=1)
        return {"threads": "2"}


class CannotTrain(Works):
    capabilities = frozenset({Capability.DETERMINISTIC})


class LosesItsDevices(Works):
    def devices(self) -> list[DeviceInfo]:
        raise RuntimeError("driver mismatch\nand much more")


class System:
    def facts(self) -> Mapping[str, str]:
        return {"python": "3"}

    def core(self) -> Mapping[str, str]:
        return {"segport": "1"}

    def packages(self, modules: Any) -> Mapping[str, str]:
        return {f"{module}-cpu": "2.0" for module in modules if module != "json"}

    def variables(self) -> Mapping[str, str]:
        return {"OMP_NUM_THREADS": "1"}


def entry(name: str, load: Callable[[], Any] = lambda: Works, **more: Any) -> Entry:
    return Entry(Kind.BACKEND, name, f"what {name} is", load, **more)


def examined(*entries: Entry, broken: tuple[Broken, ...] = (), heard: list[str] | None = None) -> Diagnosis:
    doctor = Doctor(Registry(lambda: Offer(entries, broken)), System())
    return doctor(listen=([] if heard is None else heard).append)


def fail() -> type:
    raise ImportError("libfast.so.1: cannot open shared object file")


def test_a_usable_backend_shows_devices_precision_and_capabilities() -> None:
    found = examined(entry("good", requires=("sys",)), broken=(Broken("theirs", "SyntaxError: x"),))
    (backend,) = found.backends
    assert backend.state is State.USABLE and backend.trains
    assert backend.devices == (CPU,) and backend.capabilities == ("deterministic", "training")
    assert backend.packages == {"sys-cpu": "2.0"} and backend.facts == {} and backend.warnings == ()
    assert found.faults == {"theirs": "SyntaxError: x"}
    assert found.variables == {"OMP_NUM_THREADS": "1"} and found.system == {"python": "3"}
    found.require_training()


def test_facts_are_optional_and_warnings_are_part_of_the_findings() -> None:
    (backend,) = examined(entry("talks", lambda: Talks)).backends
    assert backend.facts == {"threads": "2"}
    assert backend.warnings == ("the driver is old",)


def test_a_missing_backend_is_not_loaded_and_says_how_to_install_it() -> None:
    heard: list[str] = []
    far = entry("far", fail, requires=("no_such_module", "sys"), install="pip install far")
    (backend,) = examined(far, heard=heard).backends
    assert backend.state is State.MISSING and backend.problem == "needs no_such_module"
    assert backend.fix == "Install it with: pip install far" and heard == []


@pytest.mark.parametrize(
    ("requires", "fix"),
    [
        (("sys",), "Install it anew: pip install --force-reinstall sys-cpu"),
        (("json",), "Install it with: pip install far"),  # a module that no package owns up to
    ],
)
def test_a_framework_that_cannot_be_imported_is_broken_and_the_others_are_still_examined(requires, fix) -> None:
    heard: list[str] = []
    far = entry("far", fail, requires=requires, install="pip install far")
    first, second = examined(far, entry("good"), heard=heard).backends
    assert first.state is State.BROKEN and not first.trains and first.fix == fix
    assert "ImportError: libfast.so.1: cannot open shared object file" in first.problem
    assert second.state is State.USABLE and heard == ["far", "good"]


def test_a_backend_that_fails_when_asked_is_broken_without_a_traceback() -> None:
    (backend,) = examined(entry("odd", lambda: LosesItsDevices)).backends
    assert backend.state is State.BROKEN and backend.devices == ()
    assert backend.problem == "RuntimeError: driver mismatch"


def test_an_error_with_a_fix_of_its_own_keeps_it() -> None:
    def refuse() -> type:
        raise BackendUnavailableError("Keras runs on jax.", fix="Set KERAS_BACKEND=tensorflow.")

    (backend,) = examined(entry("keras", refuse, requires=("sys",))).backends
    assert (backend.problem, backend.fix) == ("Keras runs on jax.", "Set KERAS_BACKEND=tensorflow.")


def test_where_nothing_trains_every_way_to_mend_it_is_named() -> None:
    far = entry("far", requires=("no_such_module",), install="pip install far")
    found = examined(entry("slow", lambda: CannotTrain), far)
    assert not any(backend.trains for backend in found.backends)
    with pytest.raises(BackendUnavailableError, match="No backend can train here") as caught:
        found.require_training()
    assert caught.value.problems == ("far: Install it with: pip install far",)
    with pytest.raises(BackendUnavailableError, match="No backend can train here"):
        examined().require_training()


def test_errors_of_others_become_one_line_with_what_they_began_with() -> None:
    def raised(make: Callable[[Exception], Exception]) -> str:
        try:
            try:
                raise OSError("libx.so: no such file\nhint")
            except OSError as error:
                raise make(error)  # noqa: B904 - frameworks do just that
        except (ImportError, OSError) as error:
            return in_one_line(error)

    assert raised(lambda e: ImportError("native part\nsee a page")) == (
        "ImportError: native part, from OSError: libx.so: no such file"
    )
    assert raised(lambda e: ImportError(f"Traceback (most recent call last):\n{e}")) == "OSError: libx.so: no such file"
    assert in_one_line(ImportError("Traceback (most recent")) == "ImportError"
    assert in_one_line(ValueError("wrong")) == "ValueError: wrong"


def test_the_machine_is_described_by_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("TF_OF_SOMEBODY_ELSE", "1")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    machine = Machine()
    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")
    assert machine.variables()["OMP_NUM_THREADS"] == "3"
    assert {"TF_OF_SOMEBODY_ELSE", "GOMP_SPINCOUNT"}.isdisjoint(machine.variables())
    facts = machine.facts()
    assert sys.executable in facts["python"]
    assert facts["cores"].startswith(f"{cpu.usable_cpus()} usable of ")
    assert {"segport", "numpy"} <= machine.core().keys()
    assert list(machine.packages(["PIL", "yaml_no_such"])) == ["pillow"]


def test_the_processor_is_read_where_linux_shows_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("model name\t: Fast: One\nflags\t: fpu avx2 avx512f\n\nmodel name\t: Other\nflags\t: amx_bf16\n")
    assert cpu.model(info) == "Fast: One"
    assert cpu.instructions(info) == ("AVX2", "AVX512")
    assert cpu.model(tmp_path / "none") == "" and cpu.instructions(tmp_path / "none") == ()
