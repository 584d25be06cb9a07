"""One deadline for many waits."""

import asyncio

import pytest

from tocsin.web.deadline import Deadline


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_ends_in_time_gives_its_result():
    watch = Deadline(5)

    async def soon() -> int:
        await asyncio.sleep(0)
        return 7

    assert await watch.wait(soon()) == 7


async def test_every_wait_that_takes_too_long_is_a_timeout_and_its_task_lives_on():
    watch = Deadline(0.02)

    async def wait() -> str:
        with pytest.raises(TimeoutError):
            await watch.wait(forever())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return "alive"

    assert await asyncio.gather(*(wait() for _ in range(3))) == ["alive"] * 3


async def test_an_error_passes_unchanged():
    async def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await Deadline(5).wait(broken())


async def test_a_cancellation_from_outside_is_no_timeout():
    task = asyncio.create_task(Deadline(5).wait(forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_may_wait_again_after_a_timeout():
    watch = Deadline(0.02)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await watch.wait(forever())
    assert await watch.wait(asyncio.sleep(0, "done")) == "done"
