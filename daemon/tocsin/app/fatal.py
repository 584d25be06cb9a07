"""The immediate end of a process after a fatal error.

A graceful stop is impossible without memory: it would wait for threads that wait for
memory. All answered requests are durable, and senders retry the others. So the process
ends at once, and its supervisor restarts it.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import structlog

from tocsin.core.errors import TocsinError

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""

_FINAL_MESSAGE = b"tocsin ends because of a fatal error: "
_STDERR = 2

T = TypeVar("T")

_log = structlog.get_logger("tocsin.app.fatal")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the event loop until ``main`` is done; a fatal error, or one that breaks the loop, ends the process.

    Raises:
        TocsinError: ``main`` raised it.
    """
    runner = asyncio.Runner()
    try:
        runner.get_loop().set_exception_handler(handle)
        result = runner.run(main)
    except (TocsinError, KeyboardInterrupt, SystemExit):
        runner.close()
        raise
    except BaseException as error:  # noqa: BLE001 - the loop itself is broken: nothing can be closed gracefully
        end_process(error)
    runner.close()
    return result


def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle an unhandled exception of the event loop."""
    error = context.get("exception")
    if isinstance(error, MemoryError):
        end_process(error)
    loop.default_exception_handler(context)


def end_with(task: asyncio.Task[Any]) -> None:
    """End the process if a task has ended with a fatal error."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, MemoryError):
        end_process(error)


def end_process(error: BaseException) -> NoReturn:
    """End the process immediately."""
    try:
        os.write(_STDERR, _FINAL_MESSAGE + type(error).__name__.encode() + b"\n")
        with contextlib.suppress(Exception):  # there may be no memory for a log line
            _log.critical("process_ended", error=repr(error), exc_info=error)
    finally:
        os._exit(EXIT_CODE)
