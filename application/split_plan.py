"""How splits shall be made: from a list, by ratios, or as the source or a data set prepared before has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen

from ..domain.errors import DataError
from ..domain.listing import cut
from ..domain.ports.dataset import SourceItem
from ..domain.ports.preparing import DatasetStore, Prepared
from ..domain.splitting import TRAIN, Ratios, bind, canonical, split_as_given, split_by_ratios
from .settings import PrepareSettings


@frozen
class SplitPlan:
    """How splits shall be made: from a list, by ratios, or (with neither) as the source has them.

    A source that was ``prepared`` before has splits that are kept as they are: its test images must not become
    training images of another data set.
    """

    listed: Mapping[str, str] | None
    ratios: Ratios | None
    settings: PrepareSettings
    prepared: Prepared | None = None

    @classmethod
    def of(cls, settings: PrepareSettings, store: DatasetStore) -> SplitPlan:
        """What the settings ask for; the list, if there is one, is read now."""
        if settings.split is None:
            return cls(None, None, settings)
        if settings.split.lower().endswith(".csv"):
            return cls(store.read_splits(Path(settings.split)), None, settings)
        return cls(None, Ratios.parse(settings.split), settings)

    def placed(self, items: Sequence[SourceItem]) -> list[SourceItem]:
        """The items with the splits and groups that they had when the source was prepared."""
        rows = {row.id: row for row in self.prepared.rows} if self.prepared else {}
        return [
            evolve(item, split=row.split, group=row.group or item.group) if (row := rows.get(item.key)) else item
            for item in items
        ]

    def assign(
        self, items: Sequence[SourceItem], everything: Sequence[SourceItem], hashes: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Splits of ``items``, and how they came about. Bad pairs are in ``everything`` only."""
        groups = bind(
            (item.key for item in items), {item.key: item.group for item in items if item.group is not None}, hashes
        )
        given = {item.key: item.split for item in items if item.split is not None}
        how = "those of the prepared data set" if self.prepared else "as the source has them"
        if self.listed is not None:
            given, how = self._from_list(items, everything), f"from {self.settings.split}"
        elif self.ratios is not None or self._says_nothing(given):
            ratios = self.ratios or Ratios()
            splits = split_by_ratios(groups, ratios, seed=self.settings.seed, holdout=self.settings.holdout)
            aside = f", {self.settings.holdout} images set aside first" if self.settings.holdout else ""
            return splits, f"{ratios} at random with seed {self.settings.seed}{aside}"
        elif len(given) < len(items):
            raise self._in_no_split([item.key for item in items if item.key not in given], len(items))
        keep = {"val_share": 0.0} if self.prepared and self.listed is None else {}
        splits, notes = split_as_given(given, groups, seed=self.settings.seed, holdout=self.settings.holdout, **keep)
        return splits, "; ".join([how, *notes])

    def _in_no_split(self, without: Sequence[str], total: int) -> DataError:
        first = (
            "List the split of every image in a CSV file for --split"
            if self.prepared
            else "Move them into a split's folder"
        )
        return DataError(
            f"{len(without)} of {total} images are in no split.",
            problems=cut(without),
            fix=f"{first}, or split all by --split 0.8,0.1,0.1.",
        )

    def _says_nothing(self, given: Mapping[str, str]) -> bool:
        """A lone train/ folder is a place, not a split; in a table it is one."""
        return self.prepared is None and not {canonical(name) for name in given.values()} - {TRAIN}

    def _from_list(self, items: Sequence[SourceItem], everything: Sequence[SourceItem]) -> dict[str, str]:
        assert self.listed is not None
        known = {item.key for item in everything}
        problems = [f"{key} is not in the list" for key in sorted(known - set(self.listed))]
        problems += [f"{key} is in the list, but not in the source" for key in sorted(set(self.listed) - known)]
        if problems:
            raise DataError(f"{self.settings.split} does not fit the source.", problems=cut(problems))
        return {item.key: canonical(self.listed[item.key]) for item in items}
