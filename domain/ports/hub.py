"""Where published weights are fetched from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class WeightHub(Protocol):
    """Repositories of weights on a server, each fetched once and kept."""

    def weights(self, repository: str, file: str) -> Path:
        """A file such as "model.safetensors" of a repository such as "timm/resnet18.tv_in1k".

        Raises DownloadError when it is not here and cannot be fetched, with what to do by hand.
        """
        ...
