"""What a finished step has to show: numbers, tables, pictures and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from ...domain.metrics.table import shown
from ...domain.ports.reporting import Picture, Table
from ..evaluate import EvaluationReport
from ..evaluate_seeds import SeedsEvaluation
from ..inspection import InspectReport
from ..predict import PredictReport
from ..prepare_report import PrepareReport
from ..seed_tables import evaluation_tables, evaluation_values, seeds_table
from ..tables import TELLING, class_table, info_table, report_values
from ..training.seeds import SeedsReport
from ..training.train import TrainReport

OVERLAYS = 6


@frozen
class Exhibit:
    """What the page of a run-all shows of a step, and what programs are told.

    Attributes:
        values: the main numbers, plain.
        tables: for people.
        pictures: taken into the page.
        files: linked to.
    """

    values: Mapping[str, Any] = field(factory=dict)
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all of its files are still there."""
        return all(path.exists() for path in (*self.files, *(picture.path for picture in self.pictures)))

    def to_data(self, written: Callable[[Path], str]) -> dict[str, Any]:
        """Plain values."""
        return {
            "values": self.values,
            "tables": [attrs.asdict(table) for table in self.tables],
            "pictures": [{"path": written(picture.path), "caption": picture.caption} for picture in self.pictures],
            "files": list(map(written, self.files)),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any], place: Callable[[str], Path]) -> Exhibit:
        """The reverse. Raises KeyError or TypeError for anything else."""
        return cls(
            values=data["values"],
            tables=tuple(
                Table(tuple(table["columns"]), tuple(map(tuple, table["rows"])), table["caption"])
                for table in data["tables"]
            ),
            pictures=tuple(Picture(place(picture["path"]), picture["caption"]) for picture in data["pictures"]),
            files=tuple(map(place, data["files"])),
        )


def exhibit(report: object) -> Exhibit:
    """What there is to show of a command's report; of any other, nothing."""
    match report:
        case PrepareReport():
            return Exhibit({"split_sizes": dict(report.info.split_sizes)}, (info_table(report.info),))
        case InspectReport():
            return Exhibit(pictures=tuple(Picture(path) for path in report.files))
        case TrainReport():
            return _trained(report)
        case SeedsReport():
            values = {"run": str(report.run), "monitor": report.monitor, **attrs.asdict(report.best)}
            return Exhibit(values, (seeds_table(report),), (Picture(report.curves),), (report.table,))
        case EvaluationReport():
            return _evaluated(report)
        case SeedsEvaluation():
            values = {name: value for name, value in evaluation_values(report).items() if name != "seeds"}
            return Exhibit(values, evaluation_tables(report)[:2], files=report.files)
        case PredictReport():
            return _predicted(report)
    return Exhibit()


def _trained(report: TrainReport) -> Exhibit:
    values = {
        "run": str(report.run),
        "monitor": report.monitor,
        "best_score": report.best_score,
        "best_epoch": report.best_epoch,
        "epochs": report.epochs,
    }
    columns = (f"best validation {report.monitor}", "epoch", "epochs done", "seconds", "on")
    where = f"{report.backend}, {report.device}, {report.precision}"
    row = (shown(report.best_score), str(report.best_epoch), str(report.epochs), f"{report.seconds:.0f}", where)
    files = (report.run / "run.toml", report.run / "metrics.csv")
    return Exhibit(values, (Table(columns, (row,)),), (Picture(report.curves),), files)


def _evaluated(report: EvaluationReport) -> Exhibit:
    values = {name: value for name, value in report_values(report).items() if name not in ("calibration", "files")}
    telling = Table(
        TELLING, (tuple(shown(score.value) for name in TELLING for score in report.scores if score.name == name),)
    )
    pictures = tuple(Picture(path) for path in report.files if path.name.endswith(("-classes.png", "-panels.png")))
    pages = tuple(path for path in report.files if path.suffix == ".html")
    return Exhibit(values, (telling, class_table(report.rows)), pictures, pages)


def _predicted(report: PredictReport) -> Exhibit:
    values = {"images": len(report.images), "out": str(report.out)}
    return Exhibit(values, files=(report.out, *([report.table] if report.table else report.overlays[:OVERLAYS])))
