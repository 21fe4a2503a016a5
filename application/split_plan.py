"""How splits shall be made: from a list, by ratios, or as the source has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from ..domain.errors import DataError
from ..domain.listing import cut
from ..domain.ports.dataset import SourceItem
from ..domain.ports.preparing import DatasetStore
from ..domain.splitting import TRAIN, Ratios, bind, canonical, split_as_given, split_by_ratios
from .settings import PrepareSettings


@frozen
class SplitPlan:
    """How splits shall be made: from a list, by ratios, or (with neither) as the source has them."""

    listed: Mapping[str, str] | None
    ratios: Ratios | None
    settings: PrepareSettings

    @classmethod
    def of(cls, settings: PrepareSettings, store: DatasetStore) -> SplitPlan:
        """What the settings ask for; the list, if there is one, is read now."""
        if settings.split is None:
            return cls(None, None, settings)
        if settings.split.lower().endswith(".csv"):
            return cls(store.read_splits(Path(settings.split)), None, settings)
        return cls(None, Ratios.parse(settings.split), settings)

    def assign(
        self, items: Sequence[SourceItem], everything: Sequence[SourceItem], hashes: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Splits of ``items``, and how they came about. Bad pairs are in ``everything`` only."""
        groups = bind(
            (item.key for item in items), {item.key: item.group for item in items if item.group is not None}, hashes
        )
        given = {item.key: item.split for item in items if item.split is not None}
        how = "as the source has them"
        if self.listed is not None:
            given, how = self._from_list(items, everything), f"from {self.settings.split}"
        elif self.ratios is not None or not {canonical(name) for name in given.values()} - {TRAIN}:
            # a lone train/ folder is a place, not a split
            ratios = self.ratios or Ratios()
            splits = split_by_ratios(groups, ratios, seed=self.settings.seed, holdout=self.settings.holdout)
            aside = f", {self.settings.holdout} images set aside first" if self.settings.holdout else ""
            return splits, f"{ratios} at random with seed {self.settings.seed}{aside}"
        elif len(given) < len(items):
            without = [item.key for item in items if item.key not in given]
            raise DataError(
                f"{len(without)} of {len(items)} images are in no split.",
                problems=cut(without),
                fix="Move them into a split's folder, or split all by --split 0.8,0.1,0.1.",
            )
        splits, notes = split_as_given(given, groups, seed=self.settings.seed, holdout=self.settings.holdout)
        return splits, "; ".join([how, *notes])

    def _from_list(self, items: Sequence[SourceItem], everything: Sequence[SourceItem]) -> dict[str, str]:
        assert self.listed is not None
        known = {item.key for item in everything}
        problems = [f"{key} is not in the list" for key in sorted(known - set(self.listed))]
        problems += [f"{key} is in the list, but not in the source" for key in sorted(set(self.listed) - known)]
        if problems:
            raise DataError(f"{self.settings.split} does not fit the source.", problems=cut(problems))
        return {item.key: canonical(self.listed[item.key]) for item in items}
