"""From the setting to the store."""

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tocsin.core.errors import UnknownName
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store
from tocsin.store.engine import SqliteStore
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
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UnknownName(f"{url!r} names no store; write {_FORMS}") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        raise UnknownName(f"PostgreSQL is not supported by this version; write {_FORMS}")
    if backend != "sqlite" or parsed.host or parsed.query or parsed.database in (None, "", ":memory:"):
        raise UnknownName(f"{parsed.render_as_string(hide_password=True)!r} names no store; write {_FORMS}")
    return SqliteStore(Path(str(parsed.database)), clock)
