"""U-Net++ on any encoder."""

from __future__ import annotations

import attrs
from attrs import field, frozen

from ..errors import InvalidSpecError
from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import as_tuple, one_of, truth, wholes
from .decoders.nested import nested
from .features import features
from .graph import Graph
from .heads import head
from .operations import MODES, Average

DECODER_CHANNELS = (512, 256, 128, 64, 32)
AVERAGED = "averaged"


@frozen
class UNetPlusPlus:
    """A U-Net whose skips are nested: between encoder and decoder lie blocks that join all before them of their size.

    Zhou et al. 2018 (1807.10165) and 2019 (1912.05074). The finest row holds one result for each depth of the nest,
    the branches 1, 2 ... up to the encoder's features less one; each can make logits.

    Attributes:
        decoder_channels: of the blocks of each size, coarsest first: one for each feature but the deepest. The default
            is shortened from the front to fit; on ``plain`` it is the papers'.
        deep_supervision: predict from every branch; those that are not the main output follow it, deepest first.
        output: the branch that predicts, or "averaged": the mean of all branches' logits (the papers' accurate mode).
            None is the last branch. Without ``deep_supervision``, what a chosen branch does not need is not drawn (the
            papers' fast mode, L1 to L4). Weights keep their names, so a pruned model begins from a whole one.
        upsampling: "bilinear" or "nearest".
    """

    decoder_channels: tuple[int, ...] = field(default=DECODER_CHANNELS, converter=as_tuple, validator=wholes())
    deep_supervision: bool = field(default=False, validator=truth())
    output: int | str | None = field(default=None)
    upsampling: str = field(default="bilinear", validator=one_of(MODES))

    @output.validator
    def _check_output(self, attribute: attrs.Attribute[int | str | None], value: object) -> None:
        if value not in (None, AVERAGED) and (type(value) is not int or value < 1):
            raise InvalidSpecError(f"UNetPlusPlus: output must be a branch, from 1, or {AVERAGED!r}, not {value!r}.")

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features, or two of one size, has no branch
        ``output``, or needs another number of ``decoder_channels``.
        """
        builder = GraphBuilder(channels)
        found = features(builder, encoder, "UNetPlusPlus", least=2, coarser=True)
        widths, main = self._widths(len(found) - 1), self._main(len(found) - 1)
        branches = nested(builder, found, widths[::-1], self.upsampling)
        logits = {
            i: head(builder, branch, outputs, name=f"head.{i}")
            for i, branch in enumerate(branches, start=1)
            if self.deep_supervision or main in (i, AVERAGED)
        }
        if main == AVERAGED and len(logits) > 1:
            first = builder.add(Average(), *logits.values(), name=AVERAGED)
        else:
            first = logits.pop(len(branches) if main == AVERAGED else int(main))
        others = reversed(logits.values()) if self.deep_supervision else ()
        return builder.build([first, *others])

    def _main(self, branches: int) -> int | str:
        if isinstance(self.output, int) and self.output > branches:
            raise InvalidSpecError(f"UNetPlusPlus: output = {self.output}, and there are {branches} branches.")
        return branches if self.output is None else self.output

    def _widths(self, joins: int) -> tuple[int, ...]:
        if self.decoder_channels == DECODER_CHANNELS and joins < len(DECODER_CHANNELS):
            return DECODER_CHANNELS[-joins:]
        if len(self.decoder_channels) == joins:
            return self.decoder_channels
        raise InvalidSpecError(
            f"UNetPlusPlus takes {joins} decoder_channels here, not {len(self.decoder_channels)}"
            f" {self.decoder_channels}.",
            fix="Give one for every feature of the encoder but the deepest, coarsest first.",
        )
