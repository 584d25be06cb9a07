from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.store.samples import HandClock
from tocsin.ports.store import Store
from tocsin.store.open import open_store


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'tocsin.db'}"
    opened = open_store(url, clock)
    await opened.open()
    yield opened
    await opened.close()
