"""Where the weights come from that a run begins with, when they are not random."""

from __future__ import annotations

import attrs
from attrs import frozen

from ...domain.architecture.published import ENCODER, IMAGENET
from ...domain.architecture.transfer import Transfer, image_kernels, transfer
from ...domain.architecture.weights import Weights
from ...domain.errors import CheckpointError, InvalidSpecError
from ...domain.listing import cut
from ...domain.ports.checkpoints import Pretrained, RunStore
from ...domain.ports.hub import WeightHub
from ...domain.spec import ModelSpec
from ..settings import TrainSettings

PUBLISHED = "imagenet"
_SHOWN = 5


@frozen(eq=False)
class Source:
    """Weights of another model. ``encoder_only`` when no others than the encoder's are to be taken, and all of them."""

    name: str
    weights: Weights
    spec: ModelSpec | None
    encoder_only: bool = False

    def into(self, weights: Weights, spec: ModelSpec) -> Transfer:
        """``weights`` of a model of ``spec`` with these in their place.

        Raises CheckpointError when nothing of them fits or, of an encoder's, not all.
        """
        if self.encoder_only:
            return self._encoder(weights, spec)
        moved = transfer(weights, self.weights, image_kernels(spec.graph))
        if not moved.matched:
            raise nothing_matches(self.name, weights, self.weights)
        return moved

    def _encoder(self, weights: Weights, spec: ModelSpec) -> Transfer:
        wanted = {name: array for name, array in weights.items() if name.startswith(ENCODER)}
        moved = transfer(wanted, self.weights, image_kernels(spec.graph))
        if not moved.matched:
            raise nothing_matches(self.name, wanted or weights, self.weights)
        if lacking := moved.reinitialised:
            raise CheckpointError(
                f"{self.name} holds {len(moved.matched)} of the {len(wanted)} tensors of the encoder {spec.encoder}.",
                problems=cut([f"{name}: not there in this shape" for name in lacking], _SHOWN),
                fix="Choose the --encoder they are of; --init-from takes what matches, and begins the rest anew.",
            )
        others = tuple(name for name in weights if name not in wanted)
        return attrs.evolve(moved, weights={**weights, **moved.weights}, reinitialised=others)


@frozen
class Sources:
    """Finds what settings ask to begin with."""

    runs: RunStore
    hub: WeightHub

    def given(self, settings: TrainSettings) -> Source | None:
        """The run or file that is named; it may say what model to train. Raises CheckpointError when it is unusable."""
        if settings.init_from is not None and settings.encoder_weights is not None:
            raise InvalidSpecError(
                "Weights come from --init-from or from --encoder-weights, not from both.",
                fix="Leave one out: --init-from takes encoder and decoder, --encoder-weights the encoder alone.",
            )
        if settings.init_from is not None:
            return _source(str(settings.init_from), self.runs.load_pretrained(settings.init_from))
        path = settings.encoder_file
        return None if path is None else _source(str(path), self.runs.load_pretrained(path), encoder_only=True)

    def complete(self, settings: TrainSettings) -> Source | None:
        """Of complete settings: what is given, or published for their encoder.

        Raises InvalidSpecError when nothing is published for it, DownloadError, and as ``given``.
        """
        if settings.encoder_weights != PUBLISHED or settings.encoder is None:
            return self.given(settings)
        published = IMAGENET.get(settings.encoder.name)
        if published is None:
            raise InvalidSpecError(
                f"No ImageNet weights are known for the encoder {settings.encoder.name!r}.",
                fix=f"Choose one of {', '.join(IMAGENET)}, or give a file: --encoder-weights FILE.",
            )
        path = self.hub.weights(published.repository, published.file)
        return _source(published.repository, self.runs.load_pretrained(path), encoder_only=True)


def _source(name: str, pretrained: Pretrained, *, encoder_only: bool = False) -> Source:
    return Source(name, pretrained.weights, pretrained.spec, encoder_only)


def nothing_matches(name: str, wanted: Weights, found: Weights) -> CheckpointError:
    """Not one tensor of a source is one of the model's."""
    return CheckpointError(
        f"No tensor of {name} has the name and the shape of one of this model's.",
        problems=[f"the model's: {_examples(wanted)}", f"the file's: {_examples(found)}"],
        fix="Choose the --model and --encoder it was trained with, or a file with the model's names.",
    )


def _examples(weights: Weights) -> str:
    some = [f"{name} {'x'.join(map(str, array.shape))}" for name, array in list(weights.items())[:3]]
    return ", ".join([*some, "..."] if len(weights) > len(some) else some) or "none"
