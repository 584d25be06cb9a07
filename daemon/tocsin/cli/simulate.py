"""``tocsin simulate``: who would be paged when, and through what."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.loading import loaded
from tocsin.cli.output import clean, console, micros, say, say_json, table
from tocsin.core.duration import duration
from tocsin.core.errors import TocsinError
from tocsin.core.event import Acknowledge, Actor, AlertsChanged, Event, Opened
from tocsin.core.playbook import SECOND, Playbook

if TYPE_CHECKING:
    from tocsin.testing.simulate import Step

KIND_STYLES = {"page": "bold red", "update": "cyan", "reminder": "yellow"}
SOMEBODY = Actor("somebody", "cli")
"""Who acknowledges, where nobody in particular does."""


@click.command(
    epilog=options.example(
        "tocsin simulate --playbook erlmcp --severity P0",
        "tocsin simulate --playbook emergency-response --severity SEV-1 --ack-after 20m --resolve-after 2h",
        "tocsin simulate --playbook mgmt-vibe --severity SEV-3 --start 2026-11-27T23:00+01:00 --json",
    )
)
@options.configuration
@click.option(
    "--playbook", "playbook_name", metavar="NAME", help="Unless given: the one of alerts that no rule places."
)
@click.option("--severity", required=True, metavar="NAME", help="One of the playbook's.")
@click.option("--service", default="example", metavar="NAME", show_default=True, help="What is in trouble.")
@click.option("--start", type=options.MOMENT, help="When it opens; now unless given.")
@click.option("--flag", "flags", multiple=True, metavar="NAME", help="Set from the start. May be given more than once.")
@click.option(
    "--ack-after", callback=options.duration, metavar="DURATION", help="Somebody acknowledges, for example 20m."
)
@click.option(
    "--resolve-after", callback=options.duration, metavar="DURATION", help="Its alerts resolve, for example 2h."
)
@click.option("--for", "length", callback=options.duration, metavar="DURATION", help="How long to look.")
@options.as_json
def command(  # noqa: PLR0913 - an option each
    config_dir: Path,
    rules_dir: Path,
    *,
    playbook_name: str | None,
    severity: str,
    service: str,
    start: str | None,
    flags: tuple[str, ...],
    ack_after: int | None,
    resolve_after: int | None,
    length: int | None,
    as_json: bool,
) -> None:
    """Print who would be paged when, and through what.

    One incident of the playbook, at the severity, from its opening on, with
    the people on call at each moment. What a rule, a maintenance window or a
    storm would do about it is left out: `tocsin test` and `tocsin explain`
    have that. Without --for it ends when all that comes once has come.
    """
    from tocsin.testing.simulate import Walk, ways_of

    bundle = loaded(config_dir, rules_dir)
    playbook = bundle.playbooks.get(playbook_name or bundle.settings.playbook)
    if playbook is None:
        raise click.UsageError(_unknown("playbook", str(playbook_name), bundle.playbooks))
    _check(playbook, severity, flags)
    script: list[tuple[int, Event]] = [(0, Opened(fired=(severity,), flags=flags))]
    if ack_after is not None:
        script.append((ack_after, Acknowledge(by=SOMEBODY)))
    if resolve_after is not None:
        script.append((resolve_after, AlertsChanged(ended=(severity,))))
    script.sort(key=lambda happening: happening[0])
    opened_at = micros(start) if start is not None else time.time_ns() // 1_000_000_000 * SECOND
    try:
        steps = Walk(playbook, ways_of(bundle), service=service).run(script, start=opened_at, until=length)
    except TocsinError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        say_json({"steps": [_as_json(step) for step in steps]})
    else:
        _tell(steps, playbook, severity)


def _check(playbook: Playbook, severity: str, flags: Iterable[str]) -> None:
    levels = [level.name for level in playbook.levels]
    if severity not in levels:
        raise click.UsageError(_unknown("severity", severity, levels))
    for flag in flags:
        if flag not in playbook.flags:
            raise click.UsageError(_unknown("flag", flag, playbook.flags))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:

    from tocsin.core.suggestions import did_you_mean

    names = list(known)
    hint = did_you_mean(name, names) or f"there are {', '.join(names) or 'none'}"
    return f"there is no {what} {name!r}; {hint}"


def _as_json(step: Step) -> dict[str, Any]:
    whole, rest = divmod(step.after, SECOND)
    return {
        "after_seconds": step.after / SECOND if rest else whole,
        "at": _moment(step.at, UTC).isoformat().replace("+00:00", "Z"),
        "tier": max(step.tier, 1),  # 0: somebody is told who belongs to no tier
        "targets": list(step.targets),
        "channel": step.channel,
        "kind": step.kind,
        "because": step.because,
    }


def _moment(at: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at / SECOND, zone)


def _tell(steps: Iterable[Step], playbook: Playbook, severity: str) -> None:
    rows = table("after", "at", "tier", "kind", "who", "through", "because")
    rows.columns[0].justify = rows.columns[2].justify = "right"
    for step in steps:
        rows.add_row(
            clean(duration(step.after)),
            clean(f"{_moment(step.at, UTC):%a %Y-%m-%d %H:%M:%S}", "dim"),
            clean(step.tier),
            clean(step.kind, KIND_STYLES.get(step.kind, "")),
            clean(", ".join(step.targets), "bold"),
            clean(step.channel),
            clean(step.because),
        )
    if rows.row_count:
        console().print(rows)
    else:
        say(f"nobody is told of {severity} of {playbook.title}")
