"""Every command, in the order of the help."""

from __future__ import annotations

from cyclopts import App

from . import (
    compare_commands,
    data_commands,
    doctor_commands,
    download_commands,
    export_commands,
    model_commands,
    plugin_commands,
    run_all_commands,
    training_commands,
)
from .quickstart import add_quickstart


def register(app: App) -> None:
    """Adds every command to ``app``."""
    add_quickstart(app)
    run_all_commands.register(app)
    download_commands.register(app)
    data_commands.register(app)
    training_commands.register(app)
    compare_commands.register(app)
    export_commands.register(app)
    model_commands.register(app)
    plugin_commands.register(app)
    doctor_commands.register(app)
