"""Memory that ran out, told in the words of whoever can do something about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ..domain.errors import OutOfMemoryError, SegportError, in_one_line
from ..domain.ports.backend import Backend, WithMemoryErrors
from ..domain.ports.dataset import TrainingPlan


@contextmanager
def enough_memory(backend: Backend, doing: str, fix: str) -> Iterator[None]:
    """Raises OutOfMemoryError in place of Python's or a framework's own error of that meaning.

    Args:
        backend: what computes inside the block.
        doing: what was being done, and how much at once.
        fix: what to try.
    """
    try:
        yield
    except SegportError:
        raise
    except Exception as error:
        if not ran_out(error, backend):
            raise
        raise OutOfMemoryError(f"Memory ran out {doing}: {in_one_line(error)}.", fix=fix) from error


def enough_to_train(backend: Backend, plan: TrainingPlan) -> AbstractContextManager[None]:
    """As ``enough_memory``, for training on the plan's batches."""
    height, width = plan.size
    return enough_memory(
        backend,
        f"in training, with batches of {plan.batch} images of {height}x{width}",
        fix="Try a smaller --batch, with --accumulate for as many images an update as now; a smaller --size; or "
        "--precision bf16. Weights that are saved can be taken over: --init-from RUN.",
    )


def ran_out(error: Exception, backend: Backend) -> bool:
    """Whether an error says that memory did not suffice.

    Python and the system have one way to say it. Of a framework's errors the backend tells; where it does not, those
    count that say so outright.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    if isinstance(backend, WithMemoryErrors):
        return backend.out_of_memory(error)
    return "out of memory" in str(error).lower()
