"""models list, models show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen
from cyclopts import App

from ..application.settings import ShowModelSettings
from .dispatch import begin
from .flags import command

if TYPE_CHECKING:
    from ..application.show_model import ModelReport
    from ..domain.ports.catalogue import Offered

KINDS = ("architecture", "encoder")


def register(app: App) -> None:
    """Adds the group."""
    group = App(
        name="models", help="Architectures and encoders: what there is, and what it costs.", help_format="plaintext"
    )
    group.command(command(ListModelsSettings, _list), name="list")
    group.command(command(ShowModelSettings, _show), name="show")
    app.command(group)


@frozen
class ListModelsSettings:
    """Every architecture, and every encoder it can be put on."""


def _list(given: dict[str, Any]) -> int:
    from ..domain.ports.reporting import Table

    terminal, toolkit = begin(given)
    offered = [(kind, part) for kind in KINDS for part in toolkit.registry.offered(kind)]
    rows = tuple((kind, ", ".join((e.name, *e.aliases)), e.plugin, _words(e)) for kind, e in offered)
    terminal.table(Table(("kind", "name", "from", "what it is"), rows))
    fields = ("name", "aliases", "plugin", "summary", "framework")
    terminal.object({f"{k}s": [{f: getattr(e, f) for f in fields} for kind, e in offered if kind == k] for k in KINDS})
    return 0


def _words(part: Offered) -> str:
    return f"{part.summary}; {part.framework} alone" if part.framework else part.summary


def _show(given: dict[str, Any]) -> int:
    from ..application.tables import layer_table

    terminal, toolkit = begin(given)
    settings = toolkit.codec.from_values(ShowModelSettings, given, where="segport models show")
    report = toolkit.show_model(settings)
    terminal.table(layer_table(report.layers))
    terminal.result(_totals(report, settings.input))
    terminal.object({**attrs.asdict(report), "input": settings.input})
    return 0


def _totals(report: ModelReport, size: tuple[int, int, int]) -> str:
    name = f"{report.name} on {report.encoder}" if report.encoder else report.name
    outputs = ", ".join(f"{_times(row.shape)} ({row.name})" for row in report.outputs)
    giga = report.multiply_adds / 1e9
    cost = f"{giga:.3f} G, which is {2 * giga:.3f} GFLOPs; those of convolutions and attention"
    return (
        f"\n{name}, for one image of {_times(size)}:\n"
        f"  {'logits' if report.encoder else 'features'}: {outputs}\n"
        f"  parameters: {report.parameters:,}\n"
        f"  multiply-adds: {cost if giga else 'not known'}\n"
        f"  height and width: multiples of {report.stride}"
    )


def _times(values: tuple[int, ...]) -> str:
    return "x".join(map(str, values))
