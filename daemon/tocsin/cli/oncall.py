"""``tocsin oncall``: who is on call, overrides and swaps."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, connected
from tocsin.cli.output import ago, clean, micros, say, say_json, say_rows
from tocsin.core.duration import duration
from tocsin.core.moments import exact_moment as moment

API = "/api/v1/oncall"
FAULTS_SHOWN = 3


class _ShowUnlessAsked(click.Group):
    """Without a verb, `show` is meant, with its options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb in where there is none."""
        is_option = bool(args) and args[0].startswith("-") and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["show", *args] if not args or is_option else args)


@click.group(
    cls=_ShowUnlessAsked,
    epilog=options.example(
        "tocsin oncall",
        "tocsin oncall --at 2026-12-24T18:00 --days 7",
        "tocsin oncall override on-call-engineer --person robin --for 8h",
    ),
)
def command() -> None:
    """Show who is on call for each rotation, until when, and who is next.

    Without a command it is `show`, with the options of that. An override gives
    a rotation to somebody for a time; in a swap two people change places. Both
    can also stand in config/people.yaml.
    """


@command.command(epilog=options.example("tocsin oncall show --at 2026-12-24T18:00", "tocsin oncall show --json"))
@click.option("--at", type=options.MOMENT, help="At this time; now unless given.")
@click.option("--days", type=click.IntRange(0, 92), default=0, help="List the shifts of so many days as well.")
@options.as_json
@connected
async def show(daemon: Daemon, /, *, at: str | None, days: int, as_json: bool) -> None:
    """Show who is on call, as `tocsin oncall` alone does."""
    found = await daemon.get(API, at=at, days=days or None)
    if as_json:
        say_json(found)
        return
    if not found["rotations"]:
        say("No rotations. Write them under rotations: in config/people.yaml.")
        return
    then = datetime.fromtimestamp(micros(found["at"]) / 1_000_000, UTC)
    say_rows(
        ("rotation", "on call", "until", "next", "secondary"),
        [
            (
                clean(rotation["name"]),
                clean(_names(rotation["shift"]), "" if rotation["on_call"] else "bold red"),
                clean(f"{moment(micros(rotation['shift']['ends_at']))} ({ago(rotation['shift']['ends_at'], then)})"),
                clean(_names(rotation["next"]) if rotation["next"] else ""),
                clean(", ".join(rotation["secondary"])),
            )
            for rotation in found["rotations"]
        ],
        cut=("on call", "next", "secondary"),
        optional=("secondary", "next"),
    )
    for rotation in found["rotations"]:
        for line in _remarks(rotation):
            say(clean(f"{rotation['name']}: {line}"))
        for one in rotation["overrides"]:
            say(f"{rotation['name']}: {_told(one)}")
    if days:
        _say_shifts(found["rotations"])


def _remarks(rotation: dict[str, Any]) -> list[str]:
    """Return why there is no on-call person, who is paged then, and what cannot be read of the calendar."""
    faults = rotation.get("faults", [])
    lines = [f"a shift may be missing: {fault}" for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        lines.append(f"and {len(faults) - FAULTS_SHOWN} more faults of its calendar: run tocsin check")
    if rotation["on_call"]:
        return lines
    backup = ", ".join(rotation["backup"])
    paged = f"the backup is paged: {backup}" if backup else "it has no backup: what is paged goes to the console"
    why = "".join(f" ({remark})" for remark in rotation.get("remarks", []))
    return [f"nobody is on call{why}; {paged}", *lines]


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
@click.option("--person", required=True, help="Who takes it over.")
@options.for_a_time
@options.as_json
@connected
async def override(daemon: Daemon, rotation: str, *, person: str, when: dict[str, str], as_json: bool) -> None:
    """Give a ROTATION to somebody for a time."""
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
async def swap(daemon: Daemon, rotation: str, person: str, other: str, *, when: dict[str, str], as_json: bool) -> None:
    """Let two people of a ROTATION change places: in that time each has the shifts of the other."""
    await _make(daemon, {"rotation": rotation, "person": person, "swap_with": other} | when, as_json=as_json)


@command.command(epilog=options.example("tocsin oncall end 019ab0c4f1e27d3c8a55e0b1c2d3e4f5"))
@click.argument("override")
@options.as_json
@connected
async def end(daemon: Daemon, override: str, *, as_json: bool) -> None:
    """End an override or a swap that was made by hand; `tocsin oncall` shows their ids."""
    ended = await daemon.post(f"{API}/overrides/{quote(override, safe='')}/end", {})
    if as_json:
        say_json(ended)
        return
    say(f"{ended['rotation']}: it is over, {_told(ended)}")


async def _make(daemon: Daemon, asked: dict[str, str], *, as_json: bool) -> None:
    made = await daemon.post(f"{API}/overrides", asked)
    if as_json:
        say_json(made)
        return
    say(f"{made['rotation']}: {_told(made)}")
    say(f"  to end it: tocsin oncall end {made['id']}")


def _told(one: dict[str, Any]) -> str:
    who = f"{one['person']} and {one['swap_with']} change places" if one["swap_with"] else f"{one['person']} has it"
    named = f", id {one['id']}" if one["id"] else ", of people.yaml"
    by = f", by {one['author']}" if one["author"] else ""
    return f"{who} from {moment(micros(one['starts_at']))} until {moment(micros(one['ends_at']))}{by}{named}"


def _names(shift: dict[str, Any]) -> str:
    return ", ".join(shift["names"]) or "nobody"
