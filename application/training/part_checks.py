"""Settings that are all right by themselves, and not together or with the data. Each raises InvalidSpecError."""

from __future__ import annotations

from ...domain.classes import ClassMap
from ...domain.description import DatasetInfo
from ...domain.errors import InvalidSpecError, UnknownNameError
from ...domain.splitting import TRAIN
from ..settings import TrainSettings
from .scoring import columns


def images_at_once(settings: TrainSettings, info: DatasetInfo) -> int:
    """In a batch; all images of a split that does not fill one."""
    assert settings.batch
    return min(settings.batch, info.split_sizes.get(TRAIN, settings.batch))


def check_updates(settings: TrainSettings, info: DatasetInfo) -> None:
    """An epoch without a whole update would train nothing."""
    images = info.split_sizes.get(TRAIN, 0)
    batches = images // images_at_once(settings, info) if images else 0
    if batches and settings.accumulate > batches:
        raise InvalidSpecError(
            f"accumulate = {settings.accumulate}: {images} training images make {batches} batch(es) of "
            f"{settings.batch}, too few for one update.",
            fix=f"Use an accumulate of {batches} at most, or a smaller batch.",
        )


def check_freezing(settings: TrainSettings) -> None:
    """What is frozen should have weights worth keeping."""
    frozen = [f"--{name.replace('_', '-')}" for name in ("freeze_encoder", "freeze_norms") if getattr(settings, name)]
    if frozen and settings.init_from is None and settings.encoder_weights is None:
        raise InvalidSpecError(
            f"{' and '.join(frozen)}: the encoder would stay as random as it begins.",
            fix="Give it weights: --encoder-weights imagenet, or --init-from RUN.",
        )


def check_monitor(settings: TrainSettings, classes: ClassMap) -> None:
    """The best epoch is picked by a number that there is of every epoch. Raises UnknownNameError, too."""
    known = [name.removeprefix("val_") for name in columns(classes) if name.startswith("val_")]
    if settings.monitor not in known:
        raise UnknownNameError.of("metric to monitor", str(settings.monitor), known)
