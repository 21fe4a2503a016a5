"""Whether it is a backend: segport's own kit says so."""

import pytest

from segport.plugins.conformance import checks_of


@pytest.mark.parametrize("check", checks_of("backend:jax"), ids=str)
def test_it_conforms(check):
    check()
