import os
import re
import signal
import subprocess
import sys
import threading
from importlib.metadata import version

import pytest

from segport.adapters.cpu import usable_cpus
from segport.adapters.system.clock import SystemClock
from segport.adapters.system.platform import facts, installed
from segport.adapters.system.signals import StopSignals

HEAVY = ("torch", "tensorflow", "keras", "cv2", "PIL", "matplotlib")


def test_the_clock_tells_utc_in_iso_8601_and_never_goes_back() -> None:
    clock = SystemClock()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", clock.now())
    first = clock.seconds()
    assert clock.seconds() >= first


def test_facts_name_python_the_machine_and_installed_versions_only() -> None:
    found = facts()
    assert f"{sys.version_info.major}.{sys.version_info.minor}." in found["python"]
    assert found["numpy"] == version("numpy")
    assert int(found["cpus"]) == usable_cpus() >= 1
    assert installed(["numpy", "no-such-package-as-this"]) == {"numpy": version("numpy")}


def test_facts_load_no_framework() -> None:
    code = (
        "import sys; from segport.adapters.system.platform import facts; facts(); "
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    heard: list[str] = []
    with StopSignals(heard.append) as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        assert heard == [number.name]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert heard == [number.name]
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error_too() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), StopSignals():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_gets_a_flag_that_stays_false() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with StopSignals() as stop:
            seen.extend([stop(), signal.getsignal(signal.SIGINT) is before])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, True]
