"""The end of a process that cannot be relied on any more.

An orderly stop needs what is missing: it would wait for threads that wait for
memory. What was answered is durable, and what was not is repeated by its
sender, so the process ends at once, and its supervisor starts another.
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

_LAST_WORDS = b"tocsin cannot go on and ends: "
_STDERR = 2

T = TypeVar("T")

_log = structlog.get_logger("tocsin.app.fatal")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the event loop until ``main`` is done; an error that is fatal, or that breaks the loop, ends the process.

    Raises:
        TocsinError: What ``main`` raises of these.
    """
    runner = asyncio.Runner()
    try:
        runner.get_loop().set_exception_handler(handle)
        result = runner.run(main)
    except (TocsinError, KeyboardInterrupt, SystemExit):
        runner.close()
        raise
    except BaseException as error:  # noqa: BLE001 - the loop itself is broken: nothing can be closed in order
        end_process(error)
    runner.close()
    return result


def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle exceptions that no other code has handled: the exception handler of the event loop."""
    error = context.get("exception")
    if isinstance(error, MemoryError):
        end_process(error)
    loop.default_exception_handler(context)


def end_with(task: asyncio.Task[Any]) -> None:
    """End the process where a task has ended with a fatal error."""
    error = None if task.cancelled() else task.exception()
    if isinstance(error, MemoryError):
        end_process(error)


def end_process(error: BaseException) -> NoReturn:
    """End the process at once."""
    try:
        os.write(_STDERR, _LAST_WORDS + type(error).__name__.encode() + b"\n")
        with contextlib.suppress(Exception):  # there may be no memory for a line in the log
            _log.critical("process_ended", error=repr(error), exc_info=error)
    finally:
        os._exit(EXIT_CODE)
