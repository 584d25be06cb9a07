"""Each event is one readable, harmless line without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tocsin.telemetry import logs

SECRET = 'p"ass\\wörd-123'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def written(
    event: str = "it happened", *, fmt: logs.Format = "json", secrets: tuple[str, ...] = (), **values: Any
) -> str:
    stream = io.StringIO()
    logs.configure("info", fmt, stream, secrets)
    structlog.get_logger("tocsin.test").info(event, **values)
    return stream.getvalue()


def test_a_line_is_json_outside_a_terminal() -> None:
    stream = io.StringIO()
    logs.configure("info", "auto", stream)

    structlog.get_logger("tocsin.engine").warning("page sent", incident=7)

    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "page sent", "incident": 7, "level": "warning", "logger": "tocsin.engine"}


def test_a_terminal_gets_colours_and_nothing_else_does() -> None:
    terminal, pipe = Terminal(), io.StringIO()

    for stream in (terminal, pipe):
        logs.configure("info", "console", stream)
        structlog.get_logger().info("hello")

    assert "\x1b[" in terminal.getvalue()
    assert "hello" in pipe.getvalue()
    assert "\x1b" not in pipe.getvalue()


def test_the_standard_librarys_records_take_the_same_way() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream, [SECRET])

    logging.getLogger("aiohttp.server").error("refused %s", SECRET)

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("refused [redacted]", "error", "aiohttp.server")


def test_nothing_below_the_level_is_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", "json", stream)

    structlog.get_logger().info("quiet")
    logging.getLogger("other").info("quiet")

    assert stream.getvalue() == ""


def test_configuring_again_takes_over_the_new_level() -> None:
    stream = io.StringIO()
    log = structlog.get_logger()
    logs.configure("warning", "json", stream)
    log.info("before")
    logs.configure("info", "json", stream)

    log.info("after")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["after"]


@pytest.mark.parametrize(
    "key",
    ["token", "slack_signing_secret", "Authorization", "password", "routing_key", "api_key", "X-PagerDuty-Signature"],
)
def test_what_is_called_like_a_secret_is_blotted_out_at_any_depth(key: str) -> None:
    line = written(outer=[{"inner": {key: "hunter22", "kept": "visible"}}])

    assert "hunter22" not in line
    assert "visible" in line


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_known_secret_is_blotted_out_wherever_it_comes_up(fmt: logs.Format) -> None:
    line = written(f"sent {SECRET}", fmt=fmt, secrets=(SECRET,), url=f"https://x/{SECRET}?a", deep={"a": [SECRET]})

    assert SECRET not in line
    assert json.dumps(SECRET)[1:-1] not in line
    assert repr(SECRET)[1:-1] not in line
    assert line.count("[redacted]") == 3


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_traceback_shows_neither_locals_nor_secrets(fmt: logs.Format) -> None:
    stream = io.StringIO()
    logs.configure("info", fmt, stream, [SECRET])

    def fails() -> None:
        local = "only-in-" + "a-local"  # put together, so that its source line does not hold it
        raise ValueError(f"refused: {SECRET}", len(local))

    try:
        fails()
    except ValueError:
        structlog.get_logger().exception("it failed")

    text = stream.getvalue()
    assert "in fails" in text or '"name": "fails"' in text
    assert "only-in-a-local" not in text
    assert "[redacted]" in text
    assert SECRET not in text


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_an_object_that_spells_out_a_secret_is_blotted_out(fmt: logs.Format) -> None:
    class Talkative:
        def __repr__(self) -> str:
            return f"<token={SECRET}>"

    line = written(fmt=fmt, secrets=(SECRET,), value=Talkative())

    assert "[redacted]" in line
    assert SECRET not in line


def test_an_authorization_header_inside_a_text_is_blotted_out() -> None:
    assert "abcdef" not in written("got 'Authorization: Bearer abcdef.ghi'")


@given(st.text())
def test_no_value_can_break_or_forge_a_line_of_the_console(text: str) -> None:
    line = written("label", fmt="console", label=text)

    assert line.endswith("\n")
    assert len(line[:-1].splitlines()) == 1
    assert line[:-1].isprintable()


@given(st.text())
def test_any_text_survives_as_one_line_of_json(text: str) -> None:
    line = written("label", label=text)

    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line)["label"] == text


def test_a_closed_stream_costs_the_line_and_not_the_caller() -> None:
    stream = io.StringIO()
    handler = logs.configure("info", "json", stream)
    stream.close()

    structlog.get_logger().info("lost")
    logging.getLogger("other").error("lost as well")

    assert handler.dropped == 2


def test_a_value_that_cannot_be_written_costs_the_line_and_not_the_caller() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    stream = io.StringIO()
    handler = logs.configure("info", "json", stream)

    structlog.get_logger().info("lost", value=Hostile())
    structlog.get_logger().info("kept")

    assert handler.dropped == 1
    assert json.loads(stream.getvalue())["event"] == "kept"


def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure("loud", "json", io.StringIO())


def test_verbose_libraries_are_logged_only_from_warning_level() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)

    logging.getLogger("alembic.runtime.migration").info("Context impl SQLiteImpl.")
    logging.getLogger("alembic.runtime.migration").warning("a real problem")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["a real problem"]
