"""``tocsin windows``: list, add, end and preview maintenance windows."""

import re
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, Refused, connected
from tocsin.cli.output import clean, micros, relative_time, say, say_json, say_rows, state
from tocsin.core.duration import SECOND, duration
from tocsin.core.schedule.moments import exact_moment as moment

API = "/api/v1/windows"
_ID = re.compile("[0-9a-f]{32}")
STATES = ("active", "upcoming", "past")
STATE_STYLES = {"active": "bold yellow", "upcoming": "cyan", "past": "dim"}
LABELS_SHOWN = 6
"""Maximum number of labels of an alert that are printed."""


@click.group(epilog=options.example("tocsin windows list --state active"))
def command() -> None:
    """List, add, end and preview maintenance windows.

    While a window is active, matching alerts are recorded but page no one.
    Alerts that still fire when it ends are paged then. Planned windows can be
    written in config/windows.yaml.
    """


@command.command("list", epilog=options.example("tocsin windows list", "tocsin windows list --state active --json"))
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these states. Repeatable.")
@options.as_json
@connected
async def list_(daemon: DaemonClient, /, *, states: tuple[str, ...], as_json: bool) -> None:
    """List the maintenance windows of windows.yaml and those added with a command."""
    answer = await daemon.get(API)
    answer["windows"] = [window for window in answer["windows"] if not states or window["state"] in states]
    if as_json:
        say_json(answer)
        return
    if not answer["windows"]:
        say(f"No {' or '.join(states)}{' ' if states else ''}maintenance windows.")
        return
    now = datetime.now(UTC)
    say_rows(
        ("state", "name", "match", "from", "until", "by", "id"),
        [
            (
                clean(window["state"], STATE_STYLES[window["state"]]),
                clean(window["name"]),
                clean(window["match"]),
                clean(_when(window["starts_at"], now)),
                clean(_when(window["ends_at"], now)),
                clean(window["author"]),
                clean(window["id"] or "windows.yaml"),
            )
            for window in answer["windows"]
        ],
        cut=("name", "match", "by"),
        optional=("by", "from", "match"),
    )


@command.command(
    epilog=options.example(
        'tocsin windows add "Database upgrade" \'cluster="eu1",service="postgres"\' --for 2h',
        "tocsin windows add Move 'datacenter=\"fra2\"' --from 2026-12-05T20:00 --until 2026-12-06T06:00",
    )
)
@click.argument("name")
@click.argument("match")
@options.for_a_time
@options.as_json
@connected
async def add(daemon: DaemonClient, name: str, match: str, *, when: dict[str, str], as_json: bool) -> None:
    """Add a maintenance window NAME for alerts that MATCH.

    MATCH uses the syntax of Alertmanager's matchers. A window lasts at most 31 days.
    """
    made = await daemon.post(API, {"name": name, "match": match} | when)
    if as_json:
        say_json(made)
        return
    say(f"{made['name']}: ", clean(made["state"], STATE_STYLES[made["state"]]), f", {_span(made)}")
    say(f"  to end it: tocsin windows end {made['id']}")


@command.command(epilog=options.example("tocsin windows end 019ab0c4f1e27d3c8a55e0b1c2d3e4f5"))
@click.argument("window")
@options.as_json
@connected
async def end(daemon: DaemonClient, window: str, *, as_json: bool) -> None:
    """End a maintenance window; alerts that still fire are paged now.

    WINDOW is the id or the name that `tocsin windows list` shows. To end a window of
    windows.yaml, edit the file and run `tocsin reload`.
    """
    ended = await daemon.post(f"{API}/{await _id_of(daemon, window)}/end", {})
    if as_json:
        say_json(ended)
        return
    released = ended["released"]
    verb = "waits" if released == 1 else "wait"
    say(f"{ended['window']['name']} has ended: {_count(released, 'incident')} no longer {verb} for it.")


@command.command(epilog=options.example("tocsin windows preview 'cluster=\"eu1\"'"))
@click.argument("match")
@options.as_json
@connected
async def preview(daemon: DaemonClient, match: str, *, as_json: bool) -> None:
    """Show what a window for MATCH would hide now and would have hidden in the last 7 days."""
    answer = await daemon.post(f"{API}/preview", {"match": match})
    if as_json:
        say_json(answer)
        return
    say(f"{_count(answer['firing'], 'alert')} that fire{'s' * (answer['firing'] == 1)} now")
    for affected in answer["incidents"]:
        incident = affected["incident"]
        effect = "no one would be paged" if affected["hidden"] else "would still be paged"
        say(
            f"  #{incident['number']} {incident['title']}: {incident['severity']}, ",
            state(incident["state"]),
            f", {affected['matching']} of {_count(affected['firing'], 'firing alert')}: {effect}",
        )
    newest = " (the newest)" if answer["truncated"] else ""
    say(f"{answer['recent']} of {_count(answer['recent_of'], 'alert')} of the last 7 days{newest}")
    for alert in answer["alerts"]:
        say("  ", state_of(alert["status"]), f" {_labels(alert['labels'])}")
    if answer["recent"] > len(answer["alerts"]):
        say(f"  and {answer['recent'] - len(answer['alerts'])} more")


def state_of(status: str) -> Any:
    """Return the status of an alert in its color."""
    return clean(f"{status:<10}", "bold red" if status == "firing" else "dim")


async def _id_of(daemon: DaemonClient, window: str) -> str:
    """Return the id of the window with this name or id.

    Raises:
        Refused: There is no such window that can be ended, or several have the name.
    """
    if _ID.fullmatch(window):
        return window
    named = [entry for entry in (await daemon.get(API))["windows"] if entry["name"] == window]
    ids = [entry["id"] for entry in named if entry["id"] and entry["state"] != "past"]
    if len(ids) == 1:
        return str(ids[0])
    if ids:
        raise Refused(f"several windows are named {window!r}; give the id of one: {', '.join(ids)}")
    if any(not entry["id"] for entry in named):
        raise Refused(f"the window {window!r} is in windows.yaml: edit the file and run `tocsin reload`")
    raise Refused(f"there is no window {window!r} to end; `tocsin windows list` shows the windows")


def _labels(labels: dict[str, str]) -> str:
    names = sorted(labels, key=lambda name: (name != "alertname", name))
    shown = " ".join(f"{name}={labels[name]}" for name in names[:LABELS_SHOWN])
    return f"{shown} ..." if len(names) > LABELS_SHOWN else shown


def _when(at: str | None, now: datetime) -> str:
    return f"{moment(micros(at))} ({relative_time(at, now)})" if at is not None else ""


def _span(window: dict[str, Any]) -> str:
    starts, ends = micros(window["starts_at"]), micros(window["ends_at"])
    return f"{moment(starts)} to {moment(ends)} ({duration((ends - starts) // SECOND * SECOND)})"


def _count(number: int, singular: str) -> str:
    return f"{number} {singular}{'s' * (number != 1)}"
