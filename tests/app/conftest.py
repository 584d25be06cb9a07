"""Fixtures for tests of the daemon's process."""

from collections.abc import AsyncIterator

import pytest

from app.rig import Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.store.open()
    yield rig
    await rig.daemon.alarm.close()
    await rig.daemon.ingest.close()
    await rig.store.close()
