"""What a loss is: one formula that runs on every backend."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ..losses.tensor_ops import TensorOps


class Loss(Protocol):
    """A formula over the operation table. An attrs class whose fields are its options."""

    def __call__(self, ops: TensorOps[Any], logits: Any, truth: Any, valid: Any) -> Any:
        """The loss as a float32 scalar tensor.

        Args:
            ops: the backend's operation table.
            logits: (N, H, W, K) float32; K = 1 is binary.
            truth: (N, H, W) integer classes in [0, K) (0 or 1 for binary); any value in range where not valid. Classes
                that may overlap are judged one by one, see ``losses.planes.PerPlane``.
            valid: (N, H, W) bool. Other pixels change neither value nor gradient. With none, the loss is 0.
        """
        ...


@runtime_checkable
class OneClassAPixel(Protocol):
    """A loss that shares each pixel out among the classes, so that it has no meaning where they may overlap."""

    @property
    def softmax(self) -> bool:
        """Whether it does. A loss without this member does not."""
        ...
