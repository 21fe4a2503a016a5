"""Settings of a run as they are kept in its folder, and read from there to go on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ...domain.description import DatasetInfo
from ...domain.errors import CheckpointError, DataError, InvalidSpecError
from ...domain.ports.configuration import SettingsCodec
from ..settings import COMPUTE, TrainSettings


def placed(settings: TrainSettings) -> TrainSettings:
    """The same from whatever folder they are read: paths to read from are absolute."""
    init, encoder = settings.init_from, settings.encoder_file
    return attrs.evolve(
        settings,
        data=settings.data.absolute(),
        init_from=init and init.absolute(),
        encoder_weights=str(encoder.absolute()) if encoder else settings.encoder_weights,
    )


def recorded(configuration: Mapping[str, Any], where: str) -> tuple[Mapping[str, Any], str]:
    """The settings that a run was begun with, and its data's fingerprint. Raises CheckpointError without either."""
    values, data = configuration.get("train"), configuration.get("dataset")
    if not isinstance(values, Mapping) or not isinstance(data, Mapping) or "fingerprint" not in data:
        raise CheckpointError(
            f"{where} does not say what was trained: expected [train], and fingerprint in [dataset].",
            fix="Copy it again from where it is whole, or start a new run.",
        )
    return values, str(data["fingerprint"])


def require_same_data(info: DatasetInfo, fingerprint: str, data: Path, run: Path) -> None:
    """Raises DataError where ``data`` is not what ``run`` was trained on: its test images may be among those."""
    if info.fingerprint != fingerprint:
        raise DataError(
            f"The data set {data} is not the one that {run} was trained on: its fingerprint differs.",
            fix="Prepare it again as it was, or start a new run in another folder.",
        )


def with_compute(
    codec: SettingsCodec, values: Mapping[str, Any], compute: Mapping[str, Any], *, where: str
) -> TrainSettings:
    """Recorded settings, computed in another way if asked. Raises InvalidSpecError for more than that."""
    others = sorted(set(compute) - set(COMPUTE))
    if others:
        raise InvalidSpecError(
            f"--resume continues with the settings of the run, and takes no others but {', '.join(COMPUTE)}: "
            f"{', '.join(others)} given.",
            fix="Leave the others out, or start a new run.",
        )
    where += f" with another {', '.join(compute)}" if compute else ""
    return codec.from_values(TrainSettings, {**values, **compute}, where=where)
