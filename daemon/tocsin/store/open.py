"""Opening a store by its URL (``store.url``)."""

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tocsin.core.errors import UnknownName
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.store.history import SqliteHistory
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.store.sqlite.sqlite_store import SqliteStore

_FORMS = "sqlite:///relative/path, sqlite:////absolute/path or memory:"


def open_store(url: str, clock: Clock) -> Store:
    """Return the store for a URL; the caller opens it.

    As in SQLAlchemy, ``sqlite:///tocsin.db`` is relative to the working directory
    and ``sqlite:////var/lib/tocsin/tocsin.db`` is absolute. ``memory:`` keeps
    nothing after the process has ended.

    Raises:
        UnknownName: The URL does not name a store.
    """
    if url == "memory:":
        return MemoryStore(clock)
    return SqliteStore(_path(url), clock)


def open_history(url: str, clock: Clock) -> SqliteHistory:
    """Return read-only access to the store for a URL; a daemon may have the store open.

    Raises:
        UnknownName: The URL does not name a store, or names one that is not on disk.
    """
    if url == "memory:":
        raise UnknownName("memory: has no history; name a database, or a folder of payloads")
    return SqliteHistory(_path(url), clock)


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownName(f"{url!r} is not a store URL; write {_FORMS}") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        raise UnknownName(f"PostgreSQL is not supported by this version; write {_FORMS}")
    if backend != "sqlite" or parsed.host or parsed.query or parsed.database in (None, "", ":memory:"):
        raise UnknownName(f"{parsed.render_as_string(hide_password=True)!r} is not a store URL; write {_FORMS}")
    return Path(str(parsed.database))
