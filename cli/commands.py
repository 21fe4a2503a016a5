"""Every command, in the order of the help."""

from __future__ import annotations

from importlib import import_module

from cyclopts import App

HOMES = {
    "quickstart": "quickstart",
    "run-all": "run_all_commands",
    "download": "download_commands",
    "generate": "data_commands",
    "prepare": "data_commands",
    "inspect": "data_commands",
    "score": "data_commands",
    "train": "training_commands",
    "evaluate": "training_commands",
    "predict": "training_commands",
    "compare": "compare_commands",
    "compare-backends": "compare_commands",
    "export": "export_commands",
    "models": "model_commands",
    "plugins": "plugin_commands",
    "doctor": "doctor_commands",
}
"""The module that adds each."""


def register(app: App, asked: str = "") -> None:
    """Adds every command to ``app``; where ``asked`` is one, only those of its module, and imports no other's."""
    for module in [HOMES[asked]] if asked in HOMES else dict.fromkeys(HOMES.values()):
        import_module(f".{module}", __package__).register(app)
