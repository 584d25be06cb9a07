"""``tocsin oncall``: people on call, overrides and swaps."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.output import clean, micros, relative_time, say, say_json, say_rows
from tocsin.core.duration import duration
from tocsin.core.oncall.gap import paged_instead
from tocsin.core.schedule.moments import exact_moment as moment

API = "/api/v1/oncall"
FAULTS_SHOWN = 3
"""Maximum number of unreadable parts of a calendar that are printed."""


class _ShowByDefault(click.Group):
    """A group that runs `show` if no command is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `show` if no command is given."""
        is_option = bool(args) and args[0].startswith("-") and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["show", *args] if not args or is_option else args)


@click.group(
    cls=_ShowByDefault,
    epilog=options.example(
        "tocsin oncall",
        "tocsin oncall --at 2026-12-24T18:00 --days 7",
        "tocsin oncall override on-call-engineer --person robin --for 8h",
    ),
)
def command() -> None:
    """Show who is on call for each rotation, until when, and who is next.

    Without a command this is `tocsin oncall show`, with its options. An
    override puts another person on call for a time; a swap exchanges the shifts
    of two people. Both can also be written in config/people.yaml.
    """


@command.command(epilog=options.example("tocsin oncall show --at 2026-12-24T18:00", "tocsin oncall show --json"))
@click.option("--at", type=options.MOMENT, help="Show the people on call at this time. Default: now.")
@click.option("--days", type=click.IntRange(0, 92), default=0, help="Also list the shifts of the next N days.")
@options.as_json
@connected
async def show(daemon: DaemonClient, /, *, at: str | None, days: int, as_json: bool) -> None:
    """Show who is on call for each rotation."""
    answer = await daemon.get(API, at=at, days=days or None)
    if as_json:
        say_json(answer)
        return
    if not answer["rotations"]:
        say("There are no rotations. Write them under `rotations:` in config/people.yaml.")
        return
    then = datetime.fromtimestamp(micros(answer["at"]) / 1_000_000, UTC)
    say_rows(
        ("rotation", "on call", "until", "next", "secondary"),
        [
            (
                clean(rotation["name"]),
                clean(_names(rotation["shift"]), "" if rotation["on_call"] else "bold red"),
                clean(_end(rotation["shift"], then)),
                clean(_names(rotation["next"]) if rotation["next"] else ""),
                clean(", ".join(rotation["secondary"])),
            )
            for rotation in answer["rotations"]
        ],
        cut=("on call", "next", "secondary"),
        optional=("secondary", "next"),
    )
    for rotation in answer["rotations"]:
        for line in _remarks(rotation):
            say(clean(f"{rotation['name']}: {line}"))
        for override in rotation["overrides"]:
            say(f"{rotation['name']}: {_override_text(override)}")
    if days:
        _say_shifts(answer["rotations"])


def _remarks(rotation: dict[str, Any]) -> list[str]:
    """Return lines about a gap (its reasons, the people paged instead) and about unreadable parts of the calendar."""
    faults = rotation.get("faults", [])
    lines = [f"a shift may be missing: {fault}" for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        lines.append(f"{len(faults) - FAULTS_SHOWN} more problems of its calendar; run `tocsin check`")
    if rotation["on_call"]:
        return lines
    why = "".join(f" ({remark})" for remark in rotation.get("remarks", []))
    return [f"no one is on call{why}; {paged_instead(rotation['backup'])}", *lines]


def _say_shifts(rotations: list[dict[str, Any]]) -> None:
    rows = []
    for rotation in rotations:
        for shift in rotation["shifts"]:
            starts, ends = micros(shift["starts_at"]), micros(shift["ends_at"])
            who = clean(_names(shift), "" if shift["names"] else "bold red")
            length = clean(duration(ends - starts))
            rows.append((clean(rotation["name"]), clean(moment(starts)), clean(moment(ends)), length, who))
    say_rows(("rotation", "from", "until", "for", "on call"), rows, cut=("on call",), optional=("for",))


@command.command(
    epilog=options.example(
        "tocsin oncall override on-call-engineer --person robin --for 8h",
        "tocsin oncall override on-call-engineer --person robin --from 2026-12-24T09:00 --until 2026-12-27T09:00",
    )
)
@click.argument("rotation")
@click.option("--person", required=True, help="The person who takes over.")
@options.for_a_time
@options.as_json
@connected
async def override(daemon: DaemonClient, rotation: str, *, person: str, when: dict[str, str], as_json: bool) -> None:
    """Put another person on call for a ROTATION for a time."""
    await _make(daemon, {"rotation": rotation, "person": person} | when, as_json=as_json)


@command.command(
    epilog=options.example(
        "tocsin oncall swap on-call-engineer alex robin --from 2026-12-21T09:00 --until 2027-01-04T09:00"
    )
)
@click.argument("rotation")
@click.argument("person")
@click.argument("other")
@options.for_a_time
@options.as_json
@connected
async def swap(
    daemon: DaemonClient, rotation: str, person: str, other: str, *, when: dict[str, str], as_json: bool
) -> None:
    """Swap the shifts of two people of a ROTATION for a time."""
    await _make(daemon, {"rotation": rotation, "person": person, "swap_with": other} | when, as_json=as_json)


@command.command(epilog=options.example("tocsin oncall end 019ab0c4f1e27d3c8a55e0b1c2d3e4f5"))
@click.argument("override")
@options.as_json
@connected
async def end(daemon: DaemonClient, override: str, *, as_json: bool) -> None:
    """End an override or a swap that was made with a command.

    `tocsin oncall` shows the ids. Entries of people.yaml are ended by editing the file.
    """
    ended = await daemon.post(f"{API}/overrides/{quote(override, safe='')}/end", {})
    if as_json:
        say_json(ended)
        return
    say(f"{ended['rotation']}: ended, {_override_text(ended)}")


async def _make(daemon: DaemonClient, asked: dict[str, str], *, as_json: bool) -> None:
    made = await daemon.post(f"{API}/overrides", asked)
    if as_json:
        say_json(made)
        return
    say(f"{made['rotation']}: {_override_text(made)}")
    say(f"  to end it: tocsin oncall end {made['id']}")


def _override_text(override: dict[str, Any]) -> str:
    who = (
        f"{override['person']} and {override['swap_with']} swap shifts"
        if override["swap_with"]
        else f"{override['person']} is on call"
    )
    named = f", id {override['id']}" if override["id"] else ", from people.yaml"
    by = f", by {override['author']}" if override["author"] else ""
    return f"{who} from {moment(micros(override['starts_at']))} until {moment(micros(override['ends_at']))}{by}{named}"


def _end(shift: dict[str, Any], now: datetime) -> str:
    """Return the end of a shift, and its distance from now."""
    return f"{moment(micros(shift['ends_at']))} ({relative_time(shift['ends_at'], now)})"


def _names(shift: dict[str, Any]) -> str:
    return ", ".join(shift["names"]) or "no one"
