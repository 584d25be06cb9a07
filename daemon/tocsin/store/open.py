"""From the setting to the store."""

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tocsin.core.errors import UnknownName
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.store.engine import SqliteStore
from tocsin.store.history import SqliteHistory
from tocsin.store.memory import MemoryStore

_FORMS = "sqlite:///relative/path, sqlite:////absolute/path or memory:"


def open_store(url: str, clock: Clock) -> Store:
    """The store that a URL names, not yet opened.

    ``sqlite:///tocsin.db`` is relative to the working directory,
    ``sqlite:////var/lib/tocsin/tocsin.db`` absolute, as SQLAlchemy has it;
    ``memory:`` forgets everything when the process ends.

    Raises:
        UnknownName: There is no such store.
    """
    if url == "memory:":
        return MemoryStore(clock)
    return SqliteStore(_path(url), clock)


def open_history(url: str, clock: Clock) -> SqliteHistory:
    """What the store that a URL names has kept, only to be read; a daemon may have it open.

    Raises:
        UnknownName: There is no such store, or it is one that keeps nothing.
    """
    if url == "memory:":
        raise UnknownName("memory: keeps nothing; name a database, or a folder of payloads")
    return SqliteHistory(_path(url), clock)


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownName(f"{url!r} names no store; write {_FORMS}") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        raise UnknownName(f"PostgreSQL is not supported by this version; write {_FORMS}")
    if backend != "sqlite" or parsed.host or parsed.query or parsed.database in (None, "", ":memory:"):
        raise UnknownName(f"{parsed.render_as_string(hide_password=True)!r} names no store; write {_FORMS}")
    return Path(str(parsed.database))
