"""What has been done in a folder, so that the same command goes on where it was left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from ...domain.errors import CheckpointError
from ...domain.ports.configuration import Documents, SettingsCodec
from .exhibits import Exhibit
from .steps import Step

FILE = "steps.toml"
Values = Mapping[str, Any]


@frozen
class Entry:
    """A step that was begun with these settings; ``exhibit`` tells what came of it, None while it is unfinished."""

    settings: Values
    exhibit: Exhibit | None = None


@frozen
class Ledger:
    """Entries by the name of their step, in the order in which they were begun, kept in the folder ``out``.

    Paths below the folder are kept relative to it, so that it may be moved.
    """

    out: Path
    codec: SettingsCodec
    documents: Documents
    entries: Mapping[str, Entry] = field(factory=dict)

    @classmethod
    def read(cls, out: Path, codec: SettingsCodec, documents: Documents) -> Ledger:
        """What the folder holds; empty where nothing was begun. Raises CheckpointError for a damaged one."""
        ledger = cls(out, codec, documents)
        values = documents.read(out / FILE)
        try:
            entries = {str(name): ledger._entry(entry) for name, entry in (values or {}).get("steps", {}).items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{out / FILE} cannot be read: {error!r}.", fix="Delete it and what was made, or choose another folder."
            ) from None
        return attrs.evolve(ledger, entries=entries)

    def asked(self, step: Step) -> dict[str, Any]:
        """A step's settings as they are kept: those that differ from the defaults, of whatever version."""
        values = self.codec.to_values(step.settings)
        given = {field.name: value for field, value in step.given}
        paths = {name: self._inside(value) for name, value in given.items() if isinstance(value, Path)}
        return {name: paths.get(name, self._below(values[name])) for name in given}

    def begun(self, step: Step) -> Ledger:
        """A step begins; what came of it before is forgotten, and of all after it where it makes what they rest on."""
        names = list(self.entries)
        before = names[: names.index(step.name)] if step.name in names and step.makes else names
        kept = {name: self.entries[name] for name in before if name != step.name}
        return self._written({**kept, step.name: Entry(self.asked(step))})

    def finished(self, step: Step, exhibit: Exhibit) -> Ledger:
        """A step is done."""
        return self._written({**self.entries, step.name: Entry(self.asked(step), exhibit)})

    def _written(self, entries: Mapping[str, Entry]) -> Ledger:
        steps = {
            name: {
                "settings": entry.settings,
                **({"exhibit": entry.exhibit.to_data(self._inside)} if entry.exhibit else {}),
            }
            for name, entry in entries.items()
        }
        self.documents.write(self.out / FILE, {"format": 1, "steps": steps})
        return attrs.evolve(self, entries=entries)

    def _entry(self, data: Values) -> Entry:
        shown = data.get("exhibit")
        return Entry(
            data["settings"], None if shown is None else Exhibit.from_data(shown, lambda text: self.out / text)
        )

    def _below(self, value: Any) -> Any:
        """Text that names something below the folder, as that of the inputs to predict; anything else as it is."""
        if isinstance(value, list):
            return [self._below(part) for part in value]
        below = isinstance(value, str) and Path(value).is_relative_to(self.out)
        return Path(value).relative_to(self.out).as_posix() if below else value

    def _inside(self, path: Path) -> str:
        whole, out = path.absolute(), self.out.absolute()
        return (whole.relative_to(out) if whole.is_relative_to(out) else whole).as_posix()
