"""The service that makes a data set ready: every pair read, checked and measured once, split and stored."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from ..domain.classes import ClassMap
from ..domain.description import DatasetInfo
from ..domain.errors import DataError, InvalidSpecError
from ..domain.listing import listed
from ..domain.plain_text import has_controls
from ..domain.ports.catalogue import Catalogue
from ..domain.ports.dataset import Executor, IncompleteSourceError, KnowsTask, Reader, ReadsPlanes, SourceItem
from ..domain.ports.images import PlaceImage
from ..domain.ports.preparing import DatasetRow, DatasetStore, KnowsPrepared, Prepared
from ..domain.resampling import Fit
from ..domain.samples import Task
from ..domain.splitting import SPLITS, TRAIN
from ..domain.statistics import PixelStatistics
from .listening import FileListener, nobody
from .pairs import BadPair, GoodPair, PairCheck, Resizing, Severity, nothing_pairs, refuse
from .prepare_report import PrepareReport
from .prepare_warnings import occurrences, warnings_of
from .settings import PrepareSettings
from .split_plan import SplitPlan

_LOOKED_AT = 3


@frozen
class PrepareDataset:
    """Prepares data sets; embeddable, prints nothing."""

    catalogue: Catalogue
    store: DatasetStore
    executor: Executor
    place: PlaceImage

    def __call__(self, settings: PrepareSettings, *, listen: FileListener = nobody) -> PrepareReport:
        """Reads ``settings.source``, writes ``settings.out``.

        Raises:
            DataError: for data that cannot be used, with every problem at once; nothing is left on disk.
            InvalidSpecError: for settings that cannot be.
            UnknownNameError: for an unknown reader.
        """
        _require_names(settings)
        plan, resizing = SplitPlan.of(settings, self.store), self._resizing(settings)
        with self.store.create(settings.out, reference=settings.reference) as writer:
            survey = self.store.survey(settings.source)
            prepared = self._prepared(settings.source)
            plan = evolve(plan, prepared=prepared)
            asked, settings = settings.task, _overlapping(settings, prepared)
            reader, why = self._reader(settings, survey)
            items, orphans = _items(reader, settings.source)
            items = plan.placed(items)
            classes, origin = self._classes(settings, reader, items)
            task, reason = _task(settings, reader, classes, asked)
            check = PairCheck(reader, classes, writer, task, resizing)
            with closing(self.executor.map(check, items)) as checked:
                results = list(_watched(checked, len(items), listen))
            good = [result for result in results if isinstance(result, GoodPair)]
            bad = [*(result for result in results if isinstance(result, BadPair)), *orphans]
            if bad and not (settings.skip_bad and good):
                raise refuse(bad, len(items) + len(orphans))
            splits, chosen = plan.assign([pair.item for pair in good], items, _hashes(good))
            rows = [
                DatasetRow(p.item.key, splits[p.item.key], p.stored, *p.size, p.item.group or "")
                for p in sorted(good, key=lambda pair: pair.item.key)
            ]
            info = _measured(
                good,
                splits,
                classes,
                name=settings.out.absolute().name,
                task=task,
                seed=settings.seed,
                fingerprint=_fingerprint(rows),
                source=str(settings.source),
                reader=str(settings.reader or reader.name),
                warnings=warnings_of(good, bad, splits, classes, ignored=settings.ignore if resizing is None else ()),
                resized=str(resizing or ""),
            )
            writer.finish(info, classes, rows)
        return PrepareReport(
            settings.out,
            info,
            classes,
            occurrences(good, splits, classes),
            (
                f"reader {reader.name}: {why}",
                f"classes: {origin}",
                f"task {task.value}: {reason}",
                f"splits: {chosen}",
                *([f"resized: {resizing}, which scores will be of too"] if resizing else []),
            ),
            tuple(pair.reason for pair in bad),
        )

    def _resizing(self, settings: PrepareSettings) -> Resizing | None:
        if settings.size is None:
            if settings.fit is not None:
                raise InvalidSpecError(f"fit = {settings.fit}: there is no size to fit to.", fix="Give --size as well.")
            return None
        if settings.fit is Fit.NATIVE:
            raise InvalidSpecError("fit = native leaves images as large as they are, and size was given.")
        if settings.reference:
            raise InvalidSpecError(
                "reference leaves images as they are, and size was given.", fix="Leave out one of the two."
            )
        return Resizing(settings.size, settings.fit or Fit.LETTERBOX, self.place)

    def _prepared(self, source: Path) -> Prepared | None:
        """What the source says, where it was prepared before.

        Raises DataError where its images lie elsewhere, and where each has a class instead of a mask.
        """
        found = self.store.prepared(source) if isinstance(self.store, KnowsPrepared) else None
        if found and any(row.referred for row in found.rows):
            raise DataError(
                f"{found.root} was prepared with --reference, so its images lie elsewhere.",
                fix=f"Prepare the original source instead: {found.source}.",
            )
        if found and found.task is Task.CLASSIFICATION:
            raise DataError(
                f"{found.root} was prepared for classification: its images are no longer in a folder for each class.",
                fix=f"Prepare the original source instead: {found.source}.",
            )
        return found

    def _reader(self, settings: PrepareSettings, survey: str) -> tuple[Reader, str]:
        if settings.reader is not None:
            return self.catalogue.reader(settings.reader.name, settings.reader.options), "as asked for"
        readers = [self.catalogue.reader(name) for name in self.catalogue.names("reader")]
        said = {reader.name: reader.recognises(settings.source) for reader in readers}
        fitting = [(reader, why) for reader in readers if (why := said[reader.name]) is not None]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise DataError(
                f"No reader knows the layout of {settings.source}.",
                problems=[survey, f"readers asked: {', '.join(said)}"],
                fix="Give the folder that holds the images and masks themselves, not one of several beside them.\n"
                "Or put images into images/ and masks of the same names into masks/, or list the pairs in a file;\n"
                "without masks, put them into a folder for each class, to classify.",
            )
        raise DataError(
            f"Several readers fit {settings.source}.",
            problems=[f"{reader.name}: {why}" for reader, why in fitting],
            fix=f"Choose one: {' or '.join(f'--reader {reader.name}' for reader, _ in fitting)}.",
        )

    def _classes(self, settings: PrepareSettings, reader: Reader, items: Sequence[SourceItem]) -> tuple[ClassMap, str]:
        if settings.classes is not None:
            found, origin = self.store.read_classes(settings.classes), f"from {settings.classes}"
        else:
            implied = reader.classes(settings.source)
            if implied is None:
                raise DataError(
                    f"The classes of {settings.source} are not known: no class_dict.csv came with it, and its masks "
                    "allow more than one reading.",
                    problems=_values_seen(reader, items),
                    fix="Write a class_dict.csv (name,r,g,b and one row a class; a column index where the values are "
                    "not 0, 1, 2 ...) and give it with --classes; leave values out with --ignore.",
                )
            found, origin = implied, "as the source says"
        if settings.task is Task.MULTILABEL:
            if settings.ignore:
                raise InvalidSpecError(
                    "ignore: in a multilabel task no value stands for several classes.",
                    fix="Leave --ignore out; in the mask of a class, pixels of value 128 are ignored.",
                )
            found = found.without_background()
        if settings.ignore:
            found, origin = _ignoring(found, settings.ignore), f"{origin}, ignoring {listed(settings.ignore)}"
        return found, f"{listed(found.names)} ({origin})"


def _overlapping(settings: PrepareSettings, prepared: Prepared | None) -> PrepareSettings:
    """With classes that may overlap where the source was prepared with such: masks alone do not tell."""
    if settings.task is None and prepared and prepared.task is Task.MULTILABEL:
        return evolve(settings, task=Task.MULTILABEL)
    return settings


def _items(reader: Reader, source: Path) -> tuple[Sequence[SourceItem], list[BadPair]]:
    """Whole pairs, and what has no partner: reported later, together with what is wrong within the pairs.

    Raises DataError where there is no pair at all, and for two of one id.
    """
    try:
        items, orphans = reader.items(source), []
    except IncompleteSourceError as error:
        items, orphans = error.items, [BadPair(orphan, Severity.PARTNER, orphan, error.fix) for orphan in error.orphans]
    if orphans and not items:
        raise nothing_pairs(orphans)
    _require_ids(reader, items)
    return items, orphans


def _require_names(settings: PrepareSettings) -> None:
    """Paths are written into tables of UTF-8 text."""
    for path in (settings.source, settings.out):
        if has_controls(str(path)):
            raise DataError(f"{str(path)!r} holds characters that cannot be written.", fix="Rename the folder.")


def _require_ids(reader: Reader, items: Sequence[SourceItem]) -> None:
    """Of two images with one id, one would get the mask of the other."""
    counts = Counter(item.key for item in items)
    twice = [item for item in items if counts[item.key] > 1]
    if twice:
        raise DataError(
            f"The reader {reader.name} gives several images one id.",
            problems=[f"{item.key}: {item.image}" for item in twice],
            fix="Rename the files, or tell the author of the reader.",
        )


def _values_seen(reader: Reader, items: Sequence[SourceItem]) -> list[str]:
    """What some masks hold beside 0: what a table that knows 0 alone is told it lacks."""
    seen = []
    for item in items[:: max(1, len(items) // _LOOKED_AT)][:_LOOKED_AT]:
        try:
            reader.read_labels(item, ClassMap.of(["0"]))
        except DataError as error:
            seen.append(f"{item.key}, beside 0: {'; '.join(error.problems) or error.message}")
    return seen


def _ignoring(classes: ClassMap, values: Sequence[int]) -> ClassMap:
    """Ignores raw values; a class all of whose values are ignored is a class no more, and its colour ignored too."""
    fewer = classes.with_ignored(values)
    kept = [now for now, before in zip(fewer.classes, classes.classes, strict=True) if now.values or not before.values]
    gone = [entry.colour for entry in fewer.classes if entry not in kept]
    if not kept:
        raise InvalidSpecError(f"ignore = {listed(values)}: no class is left of {listed(classes.names)}.")
    return ClassMap(tuple(kept), fewer.ignored, (*fewer.ignored_colours, *gone))


def _watched(results: Iterator[GoodPair | BadPair], total: int, listen: FileListener) -> Iterator[GoodPair | BadPair]:
    for done, result in enumerate(results, 1):
        listen(done, total)
        yield result


def _task(settings: PrepareSettings, reader: Reader, classes: ClassMap, asked: Task | None) -> tuple[Task, str]:
    """The task and why it is that. Raises InvalidSpecError and DataError where there can be none."""
    task, reason = _asked_task(settings, reader, classes)
    _require_classes(task, classes)
    return task, reason if settings.task is asked else "that of the prepared data set"


def _asked_task(settings: PrepareSettings, reader: Reader, classes: ClassMap) -> tuple[Task, str]:
    if isinstance(reader, KnowsTask):
        if settings.task not in (None, reader.task):
            raise InvalidSpecError(
                f"task = {settings.task}: the reader {reader.name} reads for {reader.task.value}.",
                fix="Leave --task out, or choose another --reader.",
            )
        return reader.task, f"what the reader {reader.name} reads for"
    if settings.task is Task.MULTILABEL:
        if not isinstance(reader, ReadsPlanes):
            raise InvalidSpecError(
                f"task = multilabel needs masks that may overlap; the reader {reader.name} reads one class per pixel.",
                fix="Put the masks into a folder for each class, masks/<class>/<id>.png, for the reader class-masks; "
                "coco, labelme and open-images keep overlaps, too.",
            )
        return settings.task, "as asked for: classes may overlap"
    if settings.task is Task.CLASSIFICATION:
        raise InvalidSpecError(
            f"task = classification needs one class per image; the reader {reader.name} reads masks.",
            fix="Put the images into a folder for each class: train/<class>/*.jpg, val/<class>/*.jpg.",
        )
    if settings.task is None:
        task = Task.BINARY if len(classes) == 2 else Task.MULTICLASS
        return task, f"there are {len(classes)} classes"
    if settings.task is Task.BINARY and len(classes) != 2:
        raise InvalidSpecError(
            f"task = binary needs exactly 2 classes, background first; found {len(classes)}: {listed(classes.names)}.",
            fix="Use --task multiclass, or a class_dict.csv with two classes.",
        )
    return settings.task, "as asked for"


def _require_classes(task: Task, classes: ClassMap) -> None:
    if len(classes) < 2 and not task.planes:
        raise DataError(
            f"There is a single class, {listed(classes.names)}, and nothing to tell it from.",
            fix="Name the background too, or another class; or use --task multilabel.",
        )


def _hashes(good: Sequence[GoodPair]) -> dict[str, str]:
    return {pair.item.key: pair.stored.image_sha256 for pair in good}


def _measured(good: Sequence[GoodPair], splits: Mapping[str, str], classes: ClassMap, **known: Any) -> DatasetInfo:
    training = (pair.statistics for pair in good if splits[pair.item.key] == TRAIN)
    return DatasetInfo.measured(
        classes.names,
        PixelStatistics.total(training, len(classes)),
        {name: [pair.size for pair in good if splits[pair.item.key] == name] for name in SPLITS},
        max(pair.channels for pair in good),
        **known,
    )


def _fingerprint(rows: Sequence[DatasetRow]) -> str:
    lines = [f"{row.id}\0{row.split}\0{row.stored.image_sha256}\0{row.stored.mask_sha256}\n" for row in rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
