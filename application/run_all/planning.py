"""From the tables of a file to steps that can be done. All that is wrong with any of them is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from ...domain.errors import InvalidSpecError, SegportError
from ...domain.listing import counted
from ...domain.ports.catalogue import Catalogue
from ...domain.ports.configuration import SettingsCodec
from ..checking import checked
from ..downloading.download import asked
from ..settings import (
    DownloadSettings,
    EvaluateSettings,
    GenerateSettings,
    InspectSettings,
    PredictSettings,
    PrepareSettings,
    SeedsSettings,
)
from ..training.parts import check_names
from .steps import Plan, Step, StepSettings


@checked
@frozen
class EvaluateSplitsSettings(EvaluateSettings):
    """Score a run on several splits, one after another; on ``split`` where none are listed."""

    splits: tuple[str, ...] = ()

    def each(self) -> Iterator[EvaluateSettings]:
        """The settings for each of the splits, each once."""
        values = {field.name: getattr(self, field.name) for field in attrs.fields(EvaluateSettings)}
        for split in dict.fromkeys(self.splits or (self.split,)):
            yield EvaluateSettings(**{**values, "split": split})


TABLES: Mapping[str, type[Any]] = {
    "generate": GenerateSettings,
    "download": DownloadSettings,
    "prepare": PrepareSettings,
    "inspect": InspectSettings,
    "train": SeedsSettings,
    "evaluate": EvaluateSplitsSettings,
    "predict": PredictSettings,
}
"""Tables of the file, in the order in which they are done."""


@frozen
class Planner:
    """Reads tables."""

    codec: SettingsCodec
    catalogue: Catalogue

    def __call__(self, values: Mapping[str, Any], out: Path | None, where: str) -> Plan:
        """Raises InvalidSpecError with every problem of every table; an error that is alone as it is."""
        problems = list(_layout_problems(values, out))
        if problems:
            raise InvalidSpecError(f"{where} cannot be run.", problems=problems)
        out = out or Path(values["out"])
        tables = {name: values[name] for name in TABLES if name in values}
        filled = _filled(tables, out)
        found: dict[str, Any] = {}
        errors: dict[str, SegportError] = {}
        for name, table in filled.items():
            try:
                found[name] = self.codec.from_values(TABLES[name], table, where=f"{where} [{name}]")
                self._check(found[name])
            except SegportError as error:
                errors[name] = error
        if len(errors) == 1:
            raise next(iter(errors.values()))
        if errors:
            told = [f"[{name}] {line}" for name, error in errors.items() for line in _lines(error)]
            raise InvalidSpecError(f"{where}: {counted(len(told), 'setting')} cannot be used.", problems=told)
        return Plan(out, tuple(step for name, settings in found.items() for step in _steps(name, settings)))

    def _check(self, settings: Any) -> None:
        """Names and options that are wrong whatever the data holds."""
        match settings:
            case DownloadSettings():
                asked(settings)
            case SeedsSettings():
                check_names(self.catalogue, settings)
            case PrepareSettings(reader=part) if part is not None:
                self.catalogue.reader(part.name, part.options)
            case EvaluateSettings(backend=part) | PredictSettings(backend=part) if part is not None:
                self.catalogue.backend(part.name, part.options)


def _layout_problems(values: Mapping[str, Any], out: Path | None) -> Iterator[str]:
    for name, value in values.items():
        if name not in (*TABLES, "out"):
            near = difflib.get_close_matches(name, TABLES, n=1, cutoff=0.5)
            hint = f"did you mean [{near[0]}]?" if near else f"expected {', '.join(f'[{table}]' for table in TABLES)}"
            yield f"{name}: unknown; {hint}"
        elif name != "out" and not isinstance(value, Mapping):
            yield f"{name} = {value!r}: expected a table, [{name}] and its settings below"
    if not any(name in values for name in TABLES):
        yield "nothing to do: there is none of its tables"
    if "generate" in values and "download" in values:
        yield "[generate] and [download]: the data comes from one of them"
    if out is None and not isinstance(values.get("out"), str):
        yield "out: missing; the folder for everything, at the top of the file or as --out"


def _filled(tables: Mapping[str, Mapping[str, Any]], out: Path) -> dict[str, dict[str, Any]]:
    """Each table with what it takes from those before it, where it does not say otherwise itself."""
    raw = next((tables[name].get("out", out / "raw") for name in ("generate", "download") if name in tables), None)
    data = tables["prepare"].get("out", out / "data") if "prepare" in tables else None
    training = tables.get("train")
    run = None if training is None else training.get("run", out / "run")
    one = run if training is None or training.get("seeds", 1) in (1, "1") else _first_seed(run, training)
    taken: dict[str, dict[str, Any]] = {
        "generate": {"out": out / "raw"},
        "download": {"out": out / "raw"},
        "prepare": {"source": raw, "out": out / "data"},
        "inspect": {"data": data},
        "train": {"data": data, "run": out / "run"},
        "evaluate": {"run": run},
        "predict": {"run": one, "inputs": data and [f"{data}/images"], "out": out / "predictions"},
    }
    known = {name: {key: value for key, value in taken[name].items() if value is not None} for name in tables}
    return {name: {**known[name], **table} for name, table in tables.items()}


def _first_seed(run: object, training: Mapping[str, Any]) -> str:
    """Of several seeds' runs, the one to predict with."""
    return f"{run}/seed-{training.get('seed', attrs.fields(SeedsSettings).seed.default)}"


def _steps(name: str, settings: StepSettings) -> Iterator[Step]:
    match settings:
        case EvaluateSplitsSettings():
            yield from (Step(f"{name} {one.split}", one) for one in settings.each())
        case SeedsSettings():
            yield Step(name, settings, settings.run)
        case GenerateSettings() | DownloadSettings() | PrepareSettings():
            yield Step(name, settings, settings.out)
        case _:
            yield Step(name, settings)


def _lines(error: SegportError) -> tuple[str, ...]:
    return error.problems or (f"{error.message} {error.fix}".rstrip(),)
