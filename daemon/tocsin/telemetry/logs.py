"""Logging: one line per event, JSON or human-readable (on a terminal), without secrets.

Everything that could fail on a hostile value runs inside the handler, where a failure
loses the line but does not affect the caller: logging never raises.
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
"""Minimum length of a redacted secret: redacting a shorter one would garble ordinary text."""

_CHATTY = ("alembic", "httpcore2", "httpx2")
"""Libraries whose ``info`` messages are only useful to their own developers."""

_SECRET_KEY = re.compile(
    r"authorization|cookie|credential|passwd|password|routing_?key|secret|signature|token|api_?key", re.IGNORECASE
)
_AUTHORIZATION = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE)


class Handler(logging.StreamHandler[TextIO]):
    """A handler that drops and counts lines that cannot be written."""

    dropped = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # the name and shape that logging calls
        """Count the line, instead of printing a traceback to a stream that may be closed as well."""
        self.dropped += 1


class Redactor:
    """Processors that redact values with the name of a secret, and known secrets anywhere."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
        # Longest first, because a secret may begin with another one.
        self._known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def values(self, _: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
        """Redact names and values at any depth; a processor before the renderer."""
        return cast("EventDict", self._clean(event_dict))

    def line(self, _: WrappedLogger, __: str, line: Any) -> str:
        """Redact secrets that appear only when the renderer writes objects as text; the last processor."""
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
    """Yield the forms in which a secret may appear: as it is, in a repr, and both within JSON."""
    for form in (secret, repr(secret)[1:-1]):
        yield form
        yield json.dumps(form)[1:-1]


def configure(
    level: str = "info", fmt: Format = "auto", stream: TextIO | None = None, secrets: Iterable[str] = ()
) -> Handler:
    """Send the logs of structlog and of the standard library to one stream. Call again to change the configuration.

    Args:
        level: The lowest level to write.
        fmt: ``json`` or ``console``; ``auto`` is ``console`` on a terminal, else ``json``.
        stream: The output stream; standard error by default.
        secrets: Values to redact wherever they appear.

    Returns:
        The handler, which counts dropped lines.

    Raises:
        ValueError: The level does not exist.
    """
    target = sys.stderr if stream is None else stream
    is_terminal = target.isatty()
    is_console = is_for_people(fmt, target)
    redactor = Redactor(secrets)
    handler = Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                _add_origin,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                *(_console(redactor, colors=is_terminal) if is_console else _json(redactor)),
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


def is_for_people(fmt: Format, stream: TextIO | None = None) -> bool:
    """Return whether a log of this format, on standard error unless a stream is given, is read as it is written."""
    return fmt == "console" or (fmt == "auto" and (sys.stderr if stream is None else stream).isatty())


def _console(redactor: Redactor, *, colors: bool) -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        redactor.values,
        escape_unprintable,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    ]


def _json(redactor: Redactor) -> list[Processor]:
    # Local variables of frames could put tokens into the log.
    traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(traceback),
        redactor.values,
        structlog.processors.JSONRenderer(),  # escapes everything except printable ASCII
    ]


def _add_origin(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Add the level and the logger's name to records of any library."""
    record = cast("logging.LogRecord", event_dict["_record"])
    event_dict["level"] = record.levelname.lower()
    event_dict["logger"] = record.name
    return event_dict


def escape_unprintable(_: WrappedLogger, __: str, event_dict: EventDict) -> EventDict:
    """Escape unprintable characters, so that every value is one harmless line; tracebacks keep their line breaks."""
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
