"""``tocsin windows``: maintenance windows, made and ended by hand, and what one would hide."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, Refused, connected
from tocsin.cli.output import SECOND, ago, clean, micros, say, say_json, say_rows, state
from tocsin.core.duration import duration
from tocsin.core.moments import exact_moment as moment

API = "/api/v1/windows"
STATES = ("active", "upcoming", "past")
STATE_STYLES = {"active": "bold yellow", "upcoming": "cyan", "past": "dim"}
LABELS_SHOWN = 6


@click.group(epilog=options.example("tocsin windows list --state active"))
def command() -> None:
    """List maintenance windows, make one, end one, and see what one would hide.

    While a window is active, the alerts that it matches are recorded and page
    nobody; what still fires at its end is paged then. Windows that are known
    in advance stand in config/windows.yaml.
    """


@command.command("list", epilog=options.example("tocsin windows list", "tocsin windows list --state active --json"))
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="May be given more than once.")
@options.as_json
@connected
async def list_(daemon: Daemon, /, *, states: tuple[str, ...], as_json: bool) -> None:
    """List maintenance windows: of windows.yaml, and made by hand."""
    found = await daemon.get(API)
    found["windows"] = [window for window in found["windows"] if not states or window["state"] in states]
    if as_json:
        say_json(found)
        return
    if not found["windows"]:
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
            for window in found["windows"]
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
async def add(daemon: Daemon, name: str, match: str, *, when: dict[str, str], as_json: bool) -> None:
    """Make a maintenance window NAME for the alerts that MATCH (Alertmanager's matchers) takes; at most 31 days."""
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
async def end(daemon: Daemon, window: str, *, as_json: bool) -> None:
    """End a window that was made by hand; what still fires is paged from this moment.

    WINDOW is the id that `tocsin windows list` shows. A window of
    windows.yaml is ended by editing the file and reloading.
    """
    if not window or not all(char.isascii() and (char.isalnum() or char == "-") for char in window):
        raise Refused(f"{window!r} is not the id of a window; `tocsin windows list` shows them")
    ended = await daemon.post(f"{API}/{window}/end", {})
    if as_json:
        say_json(ended)
        return
    released = ended["released"]
    say(f"{ended['window']['name']} is over: {_count(released, 'incident')} no longer wait{'s' * (released == 1)}")


@command.command(epilog=options.example("tocsin windows preview 'cluster=\"eu1\"'"))
@click.argument("match")
@options.as_json
@connected
async def preview(daemon: Daemon, match: str, *, as_json: bool) -> None:
    """Say what a window for MATCH would hide: now, and had it been there for the last 7 days."""
    found = await daemon.post(f"{API}/preview", {"match": match})
    if as_json:
        say_json(found)
        return
    say(f"{_count(found['firing'], 'alert')} that fire{'s' * (found['firing'] == 1)} now")
    for one in found["incidents"]:
        incident = one["incident"]
        told = "nobody would be paged" if one["hidden"] else "would be paged all the same"
        say(
            f"  #{incident['number']} {incident['title']}: {incident['severity']}, ",
            state(incident["state"]),
            f", {one['matching']} of {_count(one['firing'], 'firing alert')}: {told}",
        )
    newest = " (the newest)" if found["truncated"] else ""
    say(f"{found['recent']} of {_count(found['recent_of'], 'alert')} of the last 7 days{newest}")
    for alert in found["alerts"]:
        say("  ", state_of(alert["status"]), f" {_labels(alert['labels'])}")
    if found["recent"] > len(found["alerts"]):
        say(f"  and {found['recent'] - len(found['alerts'])} more")


def state_of(status: str) -> Any:
    """An alert's status, in its colour."""
    return clean(f"{status:<10}", "bold red" if status == "firing" else "dim")


def _labels(labels: dict[str, str]) -> str:
    names = sorted(labels, key=lambda name: (name != "alertname", name))
    shown = " ".join(f"{name}={labels[name]}" for name in names[:LABELS_SHOWN])
    return f"{shown} ..." if len(names) > LABELS_SHOWN else shown


def _when(at: str | None, now: datetime) -> str:
    return f"{moment(micros(at))} ({ago(at, now)})" if at is not None else ""


def _span(window: dict[str, Any]) -> str:
    starts, ends = micros(window["starts_at"]), micros(window["ends_at"])
    return f"{moment(starts)} to {moment(ends)} ({duration((ends - starts) // SECOND * SECOND)})"


def _count(number: int, one: str) -> str:
    return f"{number} {one}{'s' * (number != 1)}"
