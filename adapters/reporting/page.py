"""A report as one HTML file: style and pictures inside, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ...domain import html
from ...domain.errors import DataError
from ...domain.ports.reporting import Picture, Section

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #212121; background: #fff;
  max-width: 1120px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
p { white-space: pre-line; max-width: 46rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; padding-bottom: .3rem; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #e0e0e0; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #999; }
.number { text-align: right; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: .9rem; }
nav a { margin-right: 1rem; color: #0072b2; }
"""


def page(title: str, sections: Sequence[Section], *, summary: str = "", folder: Path | None = None) -> str:
    """The HTML text. All strings are escaped. Links are relative to ``folder``, where the page will lie.

    Raises DataError listing every picture that cannot be read or is of an unknown type.
    """
    _check(picture for section in sections for picture in section.pictures)
    links = "".join(f'<a href="#s{i}">{escape(s.heading)}</a>' for i, s in enumerate(sections))
    body = "\n".join(_section(index, section, folder or Path()) for index, section in enumerate(sections))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{_paragraph(summary)}<nav>{links}</nav>\n{body}\n</body>\n</html>\n"
    )


def _section(index: int, section: Section, folder: Path) -> str:
    parts = [f'<section id="s{index}">\n<h2>{escape(section.heading)}</h2>\n{_paragraph(section.text)}']
    parts += [html.table(table) for table in section.tables]
    parts += [_picture(picture, folder) for picture in section.pictures]
    if section.files:
        links = (f'<li><a href="{_link(p, folder)}">{escape(_beside(p, folder))}</a></li>' for p in section.files)
        parts.append(f"<ul>\n{''.join(links)}\n</ul>\n")
    return "".join([*parts, "</section>"])


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n" if text else ""


def _picture(picture: Picture, folder: Path) -> str:
    if picture.linked:
        source = _link(picture.path, folder)
    else:
        data = base64.b64encode(picture.path.read_bytes()).decode("ascii")
        source = f"data:{_TYPES[picture.path.suffix.lower()]};base64,{data}"
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    return f'<figure><img src="{source}" alt="{escape(picture.caption or picture.path.stem)}">{caption}</figure>\n'


def _beside(path: Path, folder: Path) -> str:
    """A path as seen from a folder."""
    return Path(os.path.relpath(path, folder)).as_posix()


def _link(path: Path, folder: Path) -> str:
    return escape(quote(_beside(path, folder)))


def _check(pictures: Iterable[Picture]) -> None:
    problems = []
    for picture in pictures:
        if picture.path.suffix.lower() not in _TYPES:
            problems.append(f"{picture.path}: expected one of {', '.join(_TYPES)}")
        elif not picture.path.is_file():
            problems.append(f"{picture.path}: no such file")
    if problems:
        raise DataError("The report cannot take in every picture.", problems=problems, fix="Draw the pictures first.")
