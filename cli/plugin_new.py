"""plugins new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..domain.errors import InvalidSpecError
from .dispatch import begin
from .terminal import typed


@frozen
class NewSettings:
    """Begin a package with parts of your own: it installs, it works, and its test runs the conformance kit."""

    name: str = field(metadata={"help": "Of the package, the plugin and its parts, e.g. rank-loss."})
    kind: tuple[str, ...] = field(
        default=("loss",), metadata={"help": "Parts to begin with: some of loss,metric,reader,tracker,backend."}
    )
    out: Path | None = field(default=None, metadata={"help": "Folder to create; default: ./NAME."})


def new(given: dict[str, Any]) -> int:
    """Writes the package, whole or not at all, and says what to do next."""
    from .. import __version__
    from ..plugins.skeleton.package import Skeleton, check_name, kinds_named

    terminal, toolkit = begin(given)
    settings = toolkit.codec.from_values(NewSettings, given, where="segport plugins new")
    skeleton = Skeleton(settings.name, kinds_named(settings.kind), __version__)
    check_name(skeleton, toolkit.registry)
    out = settings.out or Path(settings.name)
    if out.exists():
        raise InvalidSpecError(f"{out} is there already.", fix="Name another folder: --out DIR.")
    written = skeleton.files()
    toolkit.write_folder(out, written)
    for path in written:
        terminal.say(f"wrote {out / path}")
    terminal.say(f"next: {typed('pip', 'install', '-e', f'{out}[test]')} && {typed('pytest', out)}")
    terminal.object({"out": out, "files": list(written)})
    return 0
