"""Which errors are told as memory that ran out, whoever raised them."""

from __future__ import annotations

import errno
from importlib.util import find_spec
from typing import Any

import pytest

from segport.adapters.reference.backend import ReferenceBackend
from segport.application.memory import enough_memory, ran_out
from segport.domain.errors import CheckpointError, OutOfMemoryError
from segport.domain.ports.backend import WithMemoryErrors
from segport.plugins.registry import Registry


class Telling(ReferenceBackend):
    """A backend whose framework says it in words of its own."""

    def out_of_memory(self, error: Exception) -> bool:
        return "no room" in str(error)


@pytest.mark.parametrize(
    ("error", "told", "untold"),
    [
        (MemoryError(), True, True),
        (OSError(errno.ENOMEM, "?"), True, True),
        (OSError(errno.ENOSPC, "No space left on device"), False, False),
        (RuntimeError("There is no room left."), True, False),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 4 bytes."), False, True),
        (RuntimeError("shapes differ"), False, False),
    ],
)
def test_a_backend_tells_of_its_frameworks_errors_and_python_of_its_own(
    error: Exception, told: bool, untold: bool
) -> None:
    assert (ran_out(error, Telling()), ran_out(error, ReferenceBackend())) == (told, untold)


def test_only_memory_that_ran_out_is_told_so() -> None:
    told = pytest.raises(OutOfMemoryError, match="Memory ran out in a test: RuntimeError: no room")
    with told as caught, enough_memory(Telling(), "in a test", fix="Try less."):
        raise RuntimeError("no room")
    assert caught.value.fix == "Try less."
    for error in (KeyError("other"), CheckpointError("There is no room on the disk.")):
        with pytest.raises(type(error)) as passed, enough_memory(Telling(), "in a test", fix=""):
            raise error
        assert passed.value is error


def torch_errors() -> tuple[type[Any], type[Any]]:
    import torch

    return RuntimeError, torch.cuda.OutOfMemoryError


def tensorflow_errors() -> tuple[Any, Any]:
    from segport.adapters.tensorflow.runtime import tf

    return (lambda said: tf.errors.InternalError(None, None, said)), (
        lambda said: tf.errors.ResourceExhaustedError(None, None, said)
    )


@pytest.mark.parametrize(("name", "errors"), [("torch", torch_errors), ("tensorflow", tensorflow_errors)])
def test_each_backend_knows_what_its_framework_and_cuda_say(name: str, errors: Any) -> None:
    """The words, since no GPU may be here to say them."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    backend = Registry().backend(name)
    assert isinstance(backend, WithMemoryErrors)
    general, own = errors()
    for said in ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"):
        assert backend.out_of_memory(general(said)), said
    assert backend.out_of_memory(own("CUDA out of memory. Tried to allocate 20.00 GiB"))
    assert not backend.out_of_memory(general("The sizes of tensors must match"))
    assert not backend.out_of_memory(ValueError("out of memory"))
