"""Errors that must end the process."""

import asyncio


def end_if_fatal(error: BaseException) -> None:
    """Hand an error that must end the process to the event loop's exception handler (`app/fatal` sets it).

    An error in one alert, row or incident must not block the others. Out of memory is not the fault of any of them:
    a worker that blames the current one would put aside an incident that must page a person.
    """
    if isinstance(error, MemoryError):
        asyncio.get_running_loop().call_exception_handler({"message": "out of memory", "exception": error})
