"""Runs that keep records badly, on purpose."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from segport.domain.events import EpochDone, RunFailed, RunFinished
from segport.tests.conformance.saboteurs.honest_runs import Run, Store, store_of


class KnowsEpochsAlone(Run):
    def record(self, event: Any) -> None:
        if not isinstance(event, EpochDone | RunFinished):
            raise TypeError(f"what is {event}?")
        self.honest.record(event)


class RowsOfEverything(Run):
    def metrics(self) -> list[dict[str, float]]:
        return [{"epoch": float(number)} for number in range(len(self.honest.events))]


class RoundsNumbers(Run):
    def metrics(self) -> list[dict[str, float]]:
        return [{name: round(value, 6) for name, value in row.items()} for row in self.honest.metrics()]


class FillsGaps(Run):
    def metrics(self) -> list[dict[str, float]]:
        rows = self.honest.metrics()
        names = dict.fromkeys(name for row in rows for name in row)
        return [{name: row.get(name, np.nan) for name in names} for row in rows]


class HandsOutItsRows(Run):
    def metrics(self) -> list[dict[str, float]]:
        return self.honest._rows


class CountsSeconds(Run):
    def record(self, event: Any) -> None:
        if isinstance(event, EpochDone):
            event = attrs.evolve(event, metrics={**event.metrics, "seconds": event.seconds})
        self.honest.record(event)


class KeepsLaterRows(Run):
    def record(self, event: Any) -> None:
        later = [row for row in self.honest._rows if isinstance(event, EpochDone) and row["epoch"] > event.epoch]
        self.honest.record(event)
        self.honest._rows.extend(later)


class RewindsOneTooMany(Run):
    def rewind(self, epoch: int) -> str:
        return self.honest.rewind(epoch - 1)


class TalksOfRewinding(Run):
    def rewind(self, epoch: int) -> str:
        return self.honest.rewind(epoch) or f"Rewound to {epoch}."


class FinishedByAFailure(Run):
    def finished(self) -> bool:
        ends = [event for event in self.honest.events if isinstance(event, RunFinished | RunFailed)]
        return bool(ends)


class FinishedForever(Run):
    def finished(self) -> bool:
        return any(isinstance(event, RunFinished) for event in self.honest.events)


class HandsOutItsConfiguration(Run):
    def configuration(self) -> Any:
        return self.honest.created


class ForgetsEmptyLists(Run):
    def configuration(self) -> Any:
        def thinned(values: Any) -> Any:
            return {k: thinned(v) for k, v in values.items() if v != []} if isinstance(values, dict) else values

        return thinned(self.honest.configuration())


CAUGHT_BY: dict[type[Store], str] = {
    store_of(KnowsEpochsAlone): "every_event_is_taken",
    store_of(RowsOfEverything): "every_event_is_taken",
    store_of(RoundsNumbers): "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
    store_of(FillsGaps): "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
    store_of(HandsOutItsRows): "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
    store_of(CountsSeconds): "metrics_are_a_row_an_epoch_with_every_number_as_it_was",
    store_of(KeepsLaterRows): "an_epoch_told_again_takes_its_first_tellings_place",
    store_of(RewindsOneTooMany): "rewinding_drops_later_rows_and_no_others",
    store_of(TalksOfRewinding): "rewinding_drops_later_rows_and_no_others",
    store_of(FinishedByAFailure): "a_run_is_finished_from_its_end_until_it_begins_again",
    store_of(FinishedForever): "a_run_is_finished_from_its_end_until_it_begins_again",
    store_of(HandsOutItsConfiguration): "its_configuration_comes_back",
    store_of(ForgetsEmptyLists): "its_configuration_comes_back",
}
