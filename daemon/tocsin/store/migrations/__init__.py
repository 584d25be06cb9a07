"""The upgrade of a database to the newest schema, in one transaction."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tocsin.core.errors import StoreUnavailable

_HERE = Path(__file__).parent


def head() -> str:
    """Return the newest schema revision of this version."""
    revision = _scripts(Config()).get_current_head()
    if revision is None:
        raise RuntimeError("no revisions are installed")
    return revision


def upgrade(connection: sa.Connection) -> str | None:
    """Bring the schema up to date within the transaction that ``connection`` is in.

    Returns the revision that an existing database had before; None where it is new, or up to date already.

    Raises:
        StoreUnavailable: This version does not know the schema, because a newer version has written it.
    """
    config = Config(attributes={"connection": connection})
    scripts = _scripts(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return None
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise StoreUnavailable(
            f"the database has schema revision {current}, which this version of tocsin does not know: "
            "a newer version has upgraded it; start that version, or restore the backup from before the upgrade"
        )
    command.upgrade(config, "head")
    return current


def _scripts(config: Config) -> ScriptDirectory:
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)
