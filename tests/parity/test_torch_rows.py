"""What is kept of many batches, against a list of them laid together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segport.adapters.torch.rows import Rows


@given(st.lists(st.integers(0, 700), max_size=12), st.sampled_from([(), (2, 2)]))
def test_rows_come_back_in_order_however_many_there_are(sizes: list[int], shape: tuple[int, ...]) -> None:
    numbers = torch.arange(sum(sizes) * 4).reshape(-1, 4)[:, : int(np.prod(shape))].reshape(-1, *shape)
    rows = Rows()
    for part in numbers.split(sizes) if sizes else ():
        rows.append(part)
    found = rows.take()
    assert found.tolist() == numbers.tolist()
    assert len(rows.take()) == 0


def test_what_was_taken_is_not_written_over_by_what_comes_after() -> None:
    rows = Rows()
    rows.append(torch.ones(3))
    taken = rows.take()
    rows.append(torch.zeros(3))
    assert taken.tolist() == [1, 1, 1]


def test_a_row_is_a_copy_of_what_was_given() -> None:
    rows, given_ = Rows(), torch.ones(3)
    rows.append(given_)
    given_.zero_()
    assert rows.take().tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_the_dtype_is_that_of_the_rows(dtype: torch.dtype) -> None:
    rows = Rows()
    rows.append(torch.ones(1, dtype=dtype))
    assert rows.take().dtype == torch.ones(1, dtype=dtype).numpy().dtype


def test_a_few_large_rows_take_little_more_than_they_are() -> None:
    rows = Rows()
    rows.append(torch.ones(2, 150, 150))
    block = rows.take().base
    assert isinstance(block, torch.Tensor)
    taken = block.untyped_storage().nbytes()
    assert taken <= 2 * 2 * 150 * 150 * 4
