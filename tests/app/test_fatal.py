"""Errors that end the process immediately; each test runs in its own process."""

import subprocess
import sys

import pytest

from tocsin.app.fatal import EXIT_CODE

PROGRAM = """
import asyncio, threading
from tocsin.app import fatal
from tocsin.core.errors import TocsinError
from tocsin.engine.fatal import end_if_fatal

def fail(error):
    raise error

async def fail_later(error):
    raise error

async def main():
    loop = asyncio.get_running_loop()
    # A stop in order would wait for this thread for ever.
    loop.run_in_executor(None, threading.Event().wait)
    {failure}
    await asyncio.Event().wait()

print("exit code", fatal.run(main()))
"""


def run(failure: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(failure=failure)], capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "failure",
    [
        "loop.call_soon(fail, MemoryError())",
        "end_if_fatal(MemoryError())",
        "loop.create_task(fail_later(MemoryError())).add_done_callback(fatal.end_with)",
        "loop.create_task(fail_later(MemoryError()))",  # nobody asks for its outcome
        "raise MemoryError",
    ],
)
def test_out_of_memory_the_process_ends_at_once(failure: str) -> None:
    code, output = run(failure)
    assert (code, "MemoryError" in output) == (EXIT_CODE, True)


def test_a_loop_that_breaks_ends_the_process_at_once() -> None:
    code, output = run("loop.call_soon(loop.stop)")
    assert (code, "tocsin ends because of a fatal error: RuntimeError" in output) == (EXIT_CODE, True)


def test_another_error_in_a_callback_ends_nothing() -> None:
    program = PROGRAM.replace("loop.run_in_executor(None, threading.Event().wait)", "").replace(
        "asyncio.Event().wait()", "asyncio.sleep(0)"
    )
    failure = "loop.call_soon(fail, ValueError()); end_if_fatal(ValueError())"
    done = subprocess.run(
        [sys.executable, "-c", program.format(failure=failure)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "exit code None\n")
