"""Trains, with settings given as "name value" pairs, until the first epoch is done, and then stops as Ctrl-C would.

Python rather than a signal, so that the run ends at the same place however fast a framework is.
"""

import sys

from segport import Toolkit, TrainSettings
from segport.domain.errors import RunInterruptedError
from segport.domain.events import EpochDone, Event

toolkit = Toolkit()
done: list[Event] = []


def listen(event: Event) -> None:
    if isinstance(event, EpochDone):
        done.append(event)


given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
try:
    toolkit.train(
        toolkit.codec.from_values(TrainSettings, given, where="arguments"), listen=listen, stop=lambda: bool(done)
    )
except RunInterruptedError:
    sys.exit(0)
sys.exit("the run was not interrupted")
