"""Both parts of this package against segport's conformance kit."""

import pytest

from segport.plugins.conformance import Case, checks_of


@pytest.mark.parametrize("check", checks_of("plugin:tversky-focal"), ids=str)
def test_it_conforms(check: Case) -> None:
    check()
