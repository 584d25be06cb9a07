"""Brings a database to the newest schema, in one transaction."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from tocsin.core.errors import StoreUnavailable

_HERE = Path(__file__).parent


def head() -> str:
    """The newest revision that this tocsin knows."""
    revision = _scripts(Config()).get_current_head()
    if revision is None:
        raise RuntimeError("no revisions are installed")
    return revision


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date within the transaction that ``connection`` is in.

    Raises:
        StoreUnavailable: The schema is one that this tocsin does not know: a newer one has been here.
    """
    config = Config(attributes={"connection": connection})
    scripts = _scripts(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise StoreUnavailable(
            f"the database has schema revision {current}, which this version of tocsin does not know: "
            "a newer version has written it; start that one, or restore the backup from before the upgrade"
        )
    command.upgrade(config, "head")


def _scripts(config: Config) -> ScriptDirectory:
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)
