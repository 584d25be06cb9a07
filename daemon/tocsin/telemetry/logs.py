"""Logs: one line an event, JSON outside a terminal, readable on one, and without secrets.

Everything that could fail on a hostile value runs inside the handler, where
a failure costs the line and not the caller: logging never raises.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "json", "console"]

REDACTED = "[redacted]"

SHORTEST_SECRET = 4
"""A shorter one cannot be told from ordinary text, and would blot it out."""

_CHATTY = ("alembic", "httpcore2", "httpx2")
"""Libraries that tell at ``info`` what is of use only to those who write them."""

_SECRET_KEY = re.compile(
    r"authorization|cookie|credential|passwd|password|routing_?key|secret|signature|token|api_?key", re.IGNORECASE
)
_AUTHORIZATION = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)


class Handler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream; a line that cannot be written is dropped and counted."""

    dropped = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the name and shape that logging calls
        """Count instead of printing a traceback to a stream that may be gone as well."""
        self.dropped += 1


class Redactor:
    """Blots out what is called like a secret, and known secrets wherever they come up."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
        # The longest first: a secret may begin with another one.
        self._known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def values(self, _: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        """A processor before the renderer: names and values, at any depth."""
        return cast("EventDict", self._clean(event_dict))

    def line(self, _: WrappedLogger, __: str, line: Any) -> str:
        """The last processor: what only came to light when the renderer spelt an object out."""
        return self._text(line)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {
                key: REDACTED if inner and _SECRET_KEY.search(str(key)) else self._clean(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._clean(inner) for inner in value]
        return value

    def _text(self, text: str) -> str:
        text = _AUTHORIZATION.sub(rf"\1 {REDACTED}", text)
        return self._known.sub(REDACTED, text) if self._known else text


def _forms(secret: str) -> Iterator[str]:
    """How a secret may be spelt: as it is, as in a repr, and each of them inside JSON."""
    for form in (secret, repr(secret)[1:-1]):
        yield form
        yield json.dumps(form)[1:-1]


def configure(
    level: str = "info", fmt: Format = "auto", stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> Handler:
    """Send structlog's and the standard library's logs to one stream; may be called again, as at a reload.

    Args:
        level: The least level that is written.
        fmt: ``json`` or ``console``; ``auto`` is ``console`` on a terminal.
        stream: Where to; standard error unless given.
        secrets: Values that must never appear, wherever they come up.

    Returns:
        The handler, which counts what it had to drop.

    Raises:
        ValueError: There is no such level.
    """
    target = sys.stderr if stream is None else stream
    terminal = target.isatty()
    human = fmt == "console" or (fmt == "auto" and terminal)
    redactor = Redactor(secrets)
    handler = Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                _add_origin,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                *(_console(redactor, colors=terminal) if human else _json(redactor)),
                redactor.line,
            ]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    return handler


def _console(redactor: Redactor, *, colors: bool) -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        redactor.values,
        escape_unprintable,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    ]


def _json(redactor: Redactor) -> list[Processor]:
    # Frame locals would carry tokens into the log.
    traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(traceback),
        redactor.values,
        structlog.processors.JSONRenderer(),  # escapes everything outside of printable ASCII
    ]


def _add_origin(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Add the level and the name of the logger, whichever library the record came from."""
    record = cast("logging.LogRecord", event_dict["_record"])
    event_dict["level"] = record.levelname.lower()
    event_dict["logger"] = record.name
    return event_dict


def escape_unprintable(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Make every value one harmless line; a traceback keeps its line ends."""
    return {
        key: _printable(value, keep="\n\t" if key in ("exception", "stack") else "")
        for key, value in event_dict.items()
    }


def _printable(value: Any, keep: str) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode() for char in text
    )
