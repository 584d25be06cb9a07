"""``tocsin playbooks``: what playbooks a configuration has, and how one is removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.cli import options
from tocsin.cli.output import clean, say, say_json, say_rows

if TYPE_CHECKING:
    from tocsin.conf.removal import Changes


@click.group(epilog=options.example("tocsin playbooks list", "tocsin playbooks remove erlmcp --dry-run"))
def command() -> None:
    """List the playbooks of a configuration, and remove one.

    Works on the files; a daemon is not asked. `tocsin reload` takes over what has changed.
    """


@command.command("list", epilog=options.example("tocsin playbooks list"))
@options.configuration
@options.as_json
def list_(config_dir: Path, rules_dir: Path, *, as_json: bool) -> None:
    """List the playbooks, with their severities."""
    from tocsin.cli.loading import loaded

    bundle = loaded(config_dir, rules_dir)
    default = bundle.settings.playbook
    found = [
        {
            "name": name,
            "title": playbook.title,
            "severities": [level.name for level in playbook.levels],
            "default": name == default,
        }
        for name, playbook in sorted(bundle.playbooks.items())
    ]
    if as_json:
        say_json({"playbooks": found})
        return
    say_rows(
        ("name", "title", "severities", ""),
        [
            (
                clean(playbook["name"], "bold"),
                clean(playbook["title"]),
                clean(", ".join(map(str, playbook["severities"]))),  # type: ignore[call-overload]
                clean("default" if playbook["default"] else ""),
            )
            for playbook in found
        ],
        cut=("title", "severities"),
    )


@command.command(epilog=options.example("tocsin playbooks remove erlmcp --dry-run", "tocsin playbooks remove erlmcp"))
@click.argument("name")
@options.configuration
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def remove(name: str, config_dir: Path, rules_dir: Path, *, dry_run: bool) -> None:
    """Remove the playbook NAME, with the rules, templates and tests that are there for it alone.

    Nothing is changed where the configuration could not be used afterwards.
    The default playbook stays: it has the alerts that no rule gives another.
    """
    from tocsin.cli.loading import loaded
    from tocsin.conf.removal import apply, removal
    from tocsin.core.suggestions import did_you_mean

    bundle = loaded(config_dir, rules_dir)
    if name not in bundle.playbooks:
        raise click.UsageError(f"there is no playbook {name!r}; {did_you_mean(name, bundle.playbooks)}")
    if name == bundle.settings.playbook:
        raise click.UsageError(
            f"{name} is the default playbook (playbook: in tocsin.yaml), which alerts without another one follow; "
            "to begin with a playbook of your own, run `tocsin init --minimal DIR`"
        )
    changes = removal(name, config_dir, rules_dir)
    _rehearse(changes, config_dir, rules_dir)
    if not dry_run:
        apply(changes)
    for path, text in changes.items():
        what = ("deleted", "changed") if not dry_run else ("would be deleted", "would be changed")
        say(f"{path} {what[text is not None]}")
    if not dry_run:
        say("Next: tocsin check && tocsin test, and `tocsin reload` where a daemon runs.")


def _rehearse(changes: Changes, config_dir: Path, rules_dir: Path) -> None:
    """Make the changes on a copy and load that: a configuration that could not be used ends the program with 1."""
    from tocsin.app.kinds import KINDS
    from tocsin.cli.loading import refuse
    from tocsin.conf.bundle import load
    from tocsin.conf.removal import apply
    from tocsin.conf.source import ConfigError

    with tempfile.TemporaryDirectory() as scratch:
        config, rules = Path(scratch, "config"), Path(scratch, "rules")
        shutil.copytree(config_dir, config)
        shutil.copytree(rules_dir, rules)

        def there(path: Path) -> Path:
            under_rules = path.is_relative_to(rules_dir)
            return (rules if under_rules else config) / path.relative_to(rules_dir if under_rules else config_dir)

        apply({there(path): text for path, text in changes.items()})
        try:
            load(config, rules, KINDS, os.environ)
        except ConfigError as error:
            say("Nothing was changed: the configuration could not be used without this playbook.", err=True)
            refuse(error.problems)
