"""U-Net on any encoder."""

from __future__ import annotations

import attrs
from attrs import field, frozen

from ..errors import InvalidSpecError
from ..ports.model import Encoder
from .builder import GraphBuilder
from .checks import as_tuple, number, one_of, truth, whole, wholes
from .decoders.unet import expand
from .features import features
from .graph import IMAGE, Graph
from .heads import head
from .operations import MODES

DECODER_CHANNELS = (256, 128, 64, 32, 16)


@frozen
class UNet:
    """An encoder, a decoder that joins its features on the way up, and a head (Ronneberger et al. 2015, 1505.04597).

    Attributes:
        decoder_channels: of each decoder block, coarsest first: one block for each feature but the deepest and, when
            the encoder's first feature is smaller than the image, one more at full size. Without that last one the
            logits are made at that feature's size and enlarged, which is faster. The default is shortened from the
            front to fit.
        deep_supervision: also predict from every decoder block but the last; these outputs follow the main one, finest
            first, enlarged to the image's size.
        head_kernel: side of the head's convolution.
        upsampling: "bilinear" or "nearest".
        dropout: rate in front of the head; 0 for none.
    """

    decoder_channels: tuple[int, ...] = field(default=DECODER_CHANNELS, converter=as_tuple, validator=wholes())
    deep_supervision: bool = field(default=False, validator=truth())
    head_kernel: int = field(default=3, validator=whole())
    upsampling: str = field(default="bilinear", validator=one_of(MODES))
    dropout: float = field(default=0.0, validator=number(0.0, 0.99))

    @head_kernel.validator
    def _check_head_kernel(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value % 2 == 0:
            raise InvalidSpecError(f"UNet: head_kernel must be odd, not {value}.")

    def graph(self, *, channels: int, outputs: int, encoder: Encoder) -> Graph:
        """The graph for images of ``channels`` and ``outputs`` logits a pixel.

        Raises InvalidSpecError when the encoder has fewer than two features, or two of one size, or needs another
        number of ``decoder_channels``.
        """
        builder = GraphBuilder(channels)
        *skips, deepest = features(builder, encoder, "UNet", least=2, coarser=True)
        widths = self._widths(len(skips), reduced=builder.scale(skips[0]) != 1, encoder=type(encoder).__name__)
        full = IMAGE if len(widths) > len(skips) else None
        stages = expand(builder, deepest, skips[::-1], full, widths, self.upsampling)
        logits = [
            head(builder, stages[-1], outputs, name="head", kernel=self.head_kernel, dropout=self.dropout),
        ]
        if self.deep_supervision:
            for i, stage in enumerate(stages[-2::-1], start=1):
                logits.append(head(builder, stage, outputs, name=f"auxiliary{i}"))
        return builder.build(logits)

    def _widths(self, joins: int, *, reduced: bool, encoder: str) -> tuple[int, ...]:
        largest = joins + 1 if reduced else joins
        if self.decoder_channels == DECODER_CHANNELS and largest < len(DECODER_CHANNELS):
            return DECODER_CHANNELS[-largest:]
        if len(self.decoder_channels) in {joins, largest}:
            return self.decoder_channels
        wanted = f"{joins} or {largest}" if reduced else f"{joins}"
        raise InvalidSpecError(
            f"UNet on {encoder} takes {wanted} decoder_channels, not {len(self.decoder_channels)}"
            f" {self.decoder_channels}.",
            fix="Give one for every decoder block, coarsest first, or fewer stages to the encoder.",
        )
