"""The page of a report folder: what was made, the main numbers and pictures, and links to everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...domain.ports.reporting import Picture, Reporter, Section
from .exhibits import Exhibit
from .steps import Plan, Step

PAGE = "index.html"


def write_index(plan: Plan, exhibits: Mapping[str, Exhibit], reporter: Reporter) -> Path:
    """Writes it into the plan's folder. Pictures that somebody has deleted since are left out."""
    page = plan.out / PAGE
    sections = [_section(step, exhibits[step.name]) for step in plan.steps]
    reporter.page(plan.out.absolute().name, sections, page, summary="Each part is one command, as it can be typed.")
    return page


def _section(step: Step, shown: Exhibit) -> Section:
    pictures = tuple(picture for picture in (*shown.pictures, *_linked(shown)) if picture.path.exists())
    made = (step.makes,) if step.makes is not None else ()
    files = tuple(path for path in (*made, *shown.files) if path.exists())
    return Section(step.name.capitalize(), step.typed, shown.tables, pictures, files)


def _linked(shown: Exhibit) -> list[Picture]:
    """Overlays, as large as the images they lie on: shown from where they are."""
    return [Picture(path, path.stem, linked=True) for path in shown.files if path.suffix == ".png"]
