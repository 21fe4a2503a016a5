"""smp's models as architectures of segport: torch's own code, with the options that smp gives it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import segmentation_models_pytorch as smp
from attrs import frozen
from torch import nn

from segport.adapters.torch.native import native_graph
from segport.domain.architecture.graph import Graph
from segport.domain.choices import Choice
from segport.domain.errors import InvalidSpecError
from segport.domain.ports.model import Encoder

DECIDED = ("self", "in_channels", "classes", "activation", "aux_params", "kwargs")
"""Arguments of smp that are no options here: the data says channels and classes, and losses take logits."""

FIXED: Mapping[str, Mapping[str, Any]] = {"dpt": {"dynamic_img_size": True}}
"""What is always given to an architecture: vision transformers take images of one size alone unless told otherwise."""


@frozen
class SmpArchitecture:
    """One of smp's architectures with its options. ``segport.domain.ports.model.NativeArchitecture``."""

    arch: str
    options: Mapping[str, Any]

    def graph(self, *, channels: int, outputs: int, encoder: Encoder | None = None) -> Graph:
        """See the port."""
        module = self.module(channels=channels, outputs=outputs, first=False)
        name = Choice(f"smp-{self.arch}", self.options)
        return native_graph(name, module, channels=channels, outputs=outputs, stride=module.encoder.output_stride)

    def module(self, *, channels: int, outputs: int, first: bool) -> nn.Module:
        """See the port. Published weights of the encoder are fetched for the first weights alone."""
        weights = self.options.get("encoder_weights") if first else None
        options = {**FIXED.get(self.arch, {}), **self.options, "encoder_weights": weights}
        try:
            module: nn.Module = smp.create_model(self.arch, in_channels=channels, classes=outputs, **options)
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidSpecError(f"smp-{self.arch} with {dict(self.options)}: {error}") from error
        return module


def factory(arch: str) -> Callable[..., SmpArchitecture]:
    """Takes the options of smp's own class, by their names there; published weights only when they are asked for."""

    def make(**options: Any) -> SmpArchitecture:
        return SmpArchitecture(arch, options)

    kind = smp.MODEL_ARCHITECTURES_MAPPING[arch]
    taken = [p for p in inspect.signature(kind.__init__).parameters.values() if p.name not in DECIDED]
    bare = [p.replace(default=None) if p.name == "encoder_weights" else p for p in taken]
    vars(make)["__signature__"] = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in bare])
    make.__doc__ = kind.__doc__
    return make
