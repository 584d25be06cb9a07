"""``tocsin playbooks``: list the playbooks of a configuration, and remove one."""

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
    from tocsin.conf.bundle import Bundle
    from tocsin.conf.removal import Changes
    from tocsin.core.rules.rules import Rule


@click.group(epilog=options.example("tocsin playbooks list", "tocsin playbooks remove erlmcp --dry-run"))
def command() -> None:
    """List the playbooks of a configuration, and remove one.

    Works on the files without a daemon. `tocsin reload` makes a running daemon use the changes.
    """


@command.command("list", epilog=options.example("tocsin playbooks list"))
@options.configuration
@options.as_json
def list_(config_dir: Path, rules_dir: Path, *, as_json: bool) -> None:
    """List the playbooks with their severities."""
    from tocsin.cli.loading import loaded

    bundle = loaded(config_dir, rules_dir)
    default = bundle.settings.playbook
    listed = [
        {
            "name": name,
            "title": playbook.title,
            "severities": [level.name for level in playbook.levels],
            "default": name == default,
        }
        for name, playbook in sorted(bundle.playbooks.items())
    ]
    if as_json:
        say_json({"playbooks": listed})
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
            for playbook in listed
        ],
        cut=("title", "severities"),
    )


@command.command(epilog=options.example("tocsin playbooks remove erlmcp --dry-run", "tocsin playbooks remove erlmcp"))
@click.argument("name")
@options.configuration
@click.option("--default", metavar="OTHER", default="", help="The new default, if the default playbook is removed.")
@click.option("--dry-run", is_flag=True, help="Print the changes without making them.")
def remove(name: str, config_dir: Path, rules_dir: Path, *, default: str, dry_run: bool) -> None:
    """Remove the playbook NAME with the rules, templates and tests that only it uses.

    Nothing is changed if the configuration would be invalid afterwards. To
    remove the default playbook, which applies to alerts without another one,
    name a new default with --default; it must have the severities that your
    rules set.
    """
    from tocsin.cli.loading import loaded
    from tocsin.conf.removal import apply, removal
    from tocsin.core.suggestions import did_you_mean

    bundle = loaded(config_dir, rules_dir)
    if name not in bundle.playbooks:
        raise click.UsageError(f"there is no playbook {name!r}; {did_you_mean(name, bundle.playbooks)}")
    is_default = name == bundle.settings.playbook
    if is_default:
        _expect_successor(bundle, name, default)
    changes = removal(name, config_dir, rules_dir, default if is_default else "")
    _try_on_a_copy(changes, config_dir, rules_dir)
    if not dry_run:
        apply(changes)
    for path, text in changes.items():
        what = ("deleted", "changed") if not dry_run else ("would be deleted", "would be changed")
        say(f"{path} {what[text is not None]}")
    if not dry_run:
        say("Next: tocsin check && tocsin test, then `tocsin reload` if a daemon is running.")


def _expect_successor(bundle: Bundle, name: str, default: str) -> None:
    """Check that another playbook can replace the default one.

    Raises:
        UsageError: There is no such playbook, or it does not have the severities of the rules.
    """
    from tocsin.core.suggestions import known_names

    others = [other for other in bundle.playbooks if other != name]
    if not default:
        raise click.UsageError(
            f"{name} is the default playbook (playbook: in tocsin.yaml), which applies to alerts without another one; "
            f"name a new default: --default {' or '.join(others) or 'OTHER'}; to begin with a playbook of your "
            "own, run `tocsin init --minimal DIR`"
        )
    if default not in others:
        raise click.UsageError(f"--default: there is no other playbook {default!r}; {known_names(default, others)}")
    plan = bundle.playbooks[default]
    missing = [
        f"{severity} ({rule.path}:{rule.line})"
        for rule in bundle.rules.rules
        if (severity := _severity_for(rule, name)) and not plan.has_level(severity)
    ]
    if missing:
        levels = ", ".join(level.name for level in plan.levels)
        raise click.UsageError(
            f"{default} does not have the severities that rules give: {', '.join(missing)}; "
            f"change these rules to one of {levels} first, or choose another --default"
        )


def _severity_for(rule: Rule, name: str) -> str:
    """Return the severity that a rule sets for alerts of the default playbook ``name``; "" if it sets none."""
    from tocsin.core.matching.placeholders import Template

    chosen, severity = rule.actions.get("playbook"), rule.actions.get("severity")
    is_for_it = not isinstance(chosen, Template) or (chosen.constant == name and rule.matches_everything)
    is_about_another = any(matcher.name == "playbook" and matcher.op == "=" for matcher in rule.matchers)
    is_constant = isinstance(severity, Template) and is_for_it and not is_about_another
    return (severity.constant or "") if is_constant and isinstance(severity, Template) else ""


def _try_on_a_copy(changes: Changes, config_dir: Path, rules_dir: Path) -> None:
    """Apply the changes to a copy and load it; exit with 1 if the configuration would be invalid."""
    from tocsin.app.kinds import KINDS
    from tocsin.cli.loading import refuse
    from tocsin.conf.bundle import load
    from tocsin.conf.removal import apply
    from tocsin.conf.source import ConfigError

    with tempfile.TemporaryDirectory() as scratch:
        config, rules = Path(scratch, "config"), Path(scratch, "rules")
        shutil.copytree(config_dir, config)
        shutil.copytree(rules_dir, rules)

        def copied(path: Path) -> Path:
            under_rules = path.is_relative_to(rules_dir)
            return (rules if under_rules else config) / path.relative_to(rules_dir if under_rules else config_dir)

        apply({copied(path): text for path, text in changes.items()})
        try:
            load(config, rules, KINDS, os.environ)
        except ConfigError as error:
            say("Nothing was changed, because the configuration would be invalid without this playbook:", err=True)
            refuse(error.problems)
