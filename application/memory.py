"""Memory that ran out, told in the words of whoever can do something about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ..domain.errors import OutOfMemoryError, SegportError, in_one_line
from ..domain.ports.dataset import TrainingPlan

_SAID = (
    "out of memory",
    "out_of_memory",
    "allocate memory",
    "not enough memory",
    "resource_exhausted",
    "oom when",
    "alloc_failed",
)
"""In every framework's own error for it: they have no class in common. CUDA's libraries say ALLOC_FAILED."""


@contextmanager
def enough_memory(doing: str, fix: str) -> Iterator[None]:
    """Raises OutOfMemoryError in place of Python's MemoryError or a framework's error of that meaning.

    Args:
        doing: what was being done, and how much at once.
        fix: what to try.
    """
    try:
        yield
    except SegportError:
        raise
    except Exception as error:
        if not ran_out(error):
            raise
        raise OutOfMemoryError(f"Memory ran out {doing}: {in_one_line(error)}.", fix=fix) from error


def enough_to_train(plan: TrainingPlan) -> AbstractContextManager[None]:
    """As ``enough_memory``, for training on the plan's batches."""
    height, width = plan.size
    return enough_memory(
        f"in training, with batches of {plan.batch} images of {height}x{width}",
        fix="Try a smaller --batch, with --accumulate for as many images an update as now; a smaller --size; or "
        "--precision bf16. Weights that are saved can be taken over: --init-from RUN.",
    )


def ran_out(error: BaseException) -> bool:
    """Whether an error, of whatever framework, says that memory did not suffice."""
    said = f"{type(error).__name__}: {error}".lower()
    return isinstance(error, MemoryError) or any(words in said for words in _SAID)
