"""``tocsin simulate``: print who would be paged when, and through which channel."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.loading import loaded
from tocsin.cli.output import clean, micros, say, say_json, say_rows
from tocsin.core.duration import SECOND, duration
from tocsin.core.errors import TocsinError
from tocsin.core.incident.event import Acknowledge, Actor, AlertsChanged, Event, Opened
from tocsin.core.playbook.playbook import Playbook

if TYPE_CHECKING:
    from tocsin.testing.simulate import SimulatedStep

KIND_STYLES = {"page": "bold red", "update": "cyan", "reminder": "yellow"}
LEAST_REASON = 30
"""Width down to which the reason is cut on a terminal before other columns are left out."""
RESPONDER = Actor("responder", "cli")
"""The person who acknowledges in a simulation."""


@click.command(
    epilog=options.example(
        "tocsin simulate --playbook erlmcp --severity P0",
        "tocsin simulate --playbook emergency-response --severity SEV-1 --ack-after 20m --resolve-after 2h",
        "tocsin simulate --playbook mgmt-vibe --severity SEV-3 --start 2026-11-27T23:00+01:00 --json",
    )
)
@options.configuration
@click.option(
    "--playbook", "playbook_name", metavar="NAME", help="Default: the playbook of alerts that no rule routes."
)
@click.option("--severity", required=True, metavar="NAME", help="A severity of the playbook.")
@click.option("--service", default="example", metavar="NAME", show_default=True, help="The affected service.")
@click.option("--start", type=options.MOMENT, help="When the incident opens. Default: now.")
@click.option("--flag", "flags", multiple=True, metavar="NAME", help="A flag that is set from the start. Repeatable.")
@click.option(
    "--ack-after", callback=options.duration, metavar="DURATION", help="When a responder acknowledges, for example 20m."
)
@click.option(
    "--resolve-after", callback=options.duration, metavar="DURATION", help="When the alerts resolve, for example 2h."
)
@click.option("--for", "length", callback=options.duration, metavar="DURATION", help="Length of the simulation.")
@options.as_json
def command(  # noqa: PLR0913 - one argument per option
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
    """Print who would be paged when, and through which channel.

    Simulates one incident of the playbook at the severity, with the people who
    are on call at each time. Rules, maintenance windows and storms are not
    taken into account; use `tocsin test` or `tocsin explain` for these. Without
    --for, the simulation ends after the last step that is not repeated.

    On a terminal, columns that do not fit are left out; a pipe gets everything.
    """
    from tocsin.testing.simulate import Walk, ways_of

    bundle = loaded(config_dir, rules_dir)
    playbook = bundle.playbooks.get(playbook_name or bundle.settings.playbook)
    if playbook is None:
        raise click.UsageError(_unknown("playbook", str(playbook_name), bundle.playbooks))
    _check(playbook, severity, flags)
    script: list[tuple[int, Event]] = [(0, Opened(fired=(severity,), flags=flags))]
    if ack_after is not None:
        script.append((ack_after, Acknowledge(by=RESPONDER)))
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
        _print(steps, playbook, severity)


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
    hint = did_you_mean(name, names) or "it has none"
    return f"there is no {what} {name!r}; {hint}"


def _as_json(step: SimulatedStep) -> dict[str, Any]:
    whole, rest = divmod(step.after, SECOND)
    return {
        "after_seconds": step.after / SECOND if rest else whole,
        "at": _moment(step.at, UTC).isoformat().replace("+00:00", "Z"),
        "tier": max(step.tier, 1),  # 0: the recipient belongs to no tier
        "targets": list(step.targets),
        "channel": step.channel,
        "kind": step.kind,
        "because": step.because,
    }


def _moment(at: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(at / SECOND, zone)


def _print(steps: Sequence[SimulatedStep], playbook: Playbook, severity: str) -> None:
    rows = [
        (
            clean(duration(step.after)),
            clean(f"{_moment(step.at, UTC):%a %Y-%m-%d %H:%M:%S}", "dim"),
            clean(step.tier),
            clean(step.kind, KIND_STYLES.get(step.kind, "")),
            clean(", ".join(step.targets), "bold"),
            clean(step.channel),
            clean(step.because),
        )
        for step in steps
    ]
    if not rows:
        say(f"No one is notified about {severity} of {playbook.title}.")
        return
    columns = ("after", "at", "tier", "kind", "who", "through", "because")
    say_rows(columns, rows, cut=("who", "because"), optional=("through", "at"), least=LEAST_REASON)
    stranded = dict.fromkeys(name for step in steps for name in step.stranded)
    if stranded:
        names = ", ".join(stranded)
        say(
            clean("note: ", "yellow"),
            f"no contact of {names} is on a channel that is configured for this, so the console stands in; "
            "configure the channel in tocsin.yaml, or change the contact in people.yaml",
            err=True,
        )
