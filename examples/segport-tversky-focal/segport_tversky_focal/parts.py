"""Focal Tversky loss (Abraham and Khan 2019, equation 4), and the index that it is made of, as a metric."""

from attrs import frozen

from segport.domain.losses import pixels
from segport.domain.losses.tensor_ops import AnyOps
from segport.domain.metrics.averages import ClassAverage, Outcomes, Values

ALPHA, BETA = 0.3, 0.7  # what a false alarm and a miss cost


@frozen
class FocalTversky:
    """Mean over classes of (1 - Tversky index)^(1 / gamma).

    Attributes:
        gamma: 1 is the Tversky loss; 4/3 is the paper's.
    """

    gamma: float = 4 / 3

    def __call__(self, ops: AnyOps, logits: pixels.Tensor, truth: pixels.Tensor, valid: pixels.Tensor) -> pixels.Tensor:
        """The loss as a scalar; classes that are not in the truth are left out."""
        mask, logits = pixels.plane_mask(ops, valid, logits), pixels.blank_ignored(ops, logits, valid)
        shares, hits = pixels.probability_planes(ops, logits) * mask, pixels.truth_planes(ops, truth, logits) * mask
        found, claimed, present = (ops.sum(planes, (0, 1, 2)) for planes in (shares * hits, shares, hits))
        cost = ALPHA * (claimed - found) + BETA * (present - found)
        error = ops.maximum(cost / (found + cost + 1.0), 1e-6)  # off 0, where a root has no finite slope
        counted = pixels.counted_planes(ops, present, ops.sum(mask, (0, 1, 2)))
        return pixels.mean_where(ops, error ** (1 / self.gamma), counted)


class TverskyIndex(ClassAverage):
    """Overlap in which a miss costs more than a false alarm."""

    name, formula, undefined = "tversky-index", f"TP / (TP + {ALPHA} FP + {BETA} FN)", "neither there nor predicted"

    def ratio(self, outcomes: Outcomes) -> tuple[Values, Values]:
        """Hits, and these with what was claimed or missed wrongly, of each class."""
        return outcomes.tp, outcomes.tp + ALPHA * outcomes.fp + BETA * outcomes.fn
