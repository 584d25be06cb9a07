"""Fixtures for tests of the HTTP server."""

from collections.abc import AsyncIterator

import pytest

from web.frontdoor import FrontDoor, front_door


@pytest.fixture
async def door() -> AsyncIterator[FrontDoor]:
    async with front_door() as opened:
        yield opened
