from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing

from scenario import emergency
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness


@pytest.fixture(autouse=True)
def _unprinted() -> Iterator[None]:
    """A long traceback for a failure that was meant takes longer than its test."""
    with structlog.testing.capture_logs():
        yield


NewStore = Callable[[Clock], Store]


@pytest.fixture(params=["memory", "sqlite"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """Every promise holds on every store."""
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'tocsin.db'}"
    return lambda clock: open_store(url, clock)


@pytest.fixture
async def tocsin(new_store: NewStore) -> AsyncIterator[Harness]:
    """tocsin with the shipped playbook; at the end every invariant holds."""
    clock = VirtualClock()
    async with emergency.tocsin(store=new_store(clock), clock=clock) as harness:
        yield harness
        assert await emergency.wrong(harness) == []
