"""Every fault that tocsin reports about itself comes with instructions."""

import pytest

from house.test_troubles_have_titles import reasons
from tocsin.engine.selfwatch.troubles import _REMEDIES


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_trouble_says_what_to_do(reason: str) -> None:
    assert reason in _REMEDIES
