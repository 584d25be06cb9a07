"""Errors after which nothing that this process does can be relied on."""

import asyncio


def end_if_fatal(error: BaseException) -> None:
    """Hand an error that must end the process to the event loop's exception handler (`app/fatal` sets it).

    Where one alert, row or incident breaks something, the others go on. Without memory it is none of them that is
    broken, and whoever blames it would put aside what somebody must be paged for.
    """
    if isinstance(error, MemoryError):
        asyncio.get_running_loop().call_exception_handler({"message": "out of memory", "exception": error})
