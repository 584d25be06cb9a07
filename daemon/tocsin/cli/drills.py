"""``tocsin drills``: the scheduled drills, and the people and channels without a recent drill."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.output import clean, micros, relative_time, say, say_json, say_rows
from tocsin.core.duration import SECOND, duration
from tocsin.core.schedule.moments import exact_moment as moment

API = "/api/v1/drills"


@click.command(epilog=options.example("tocsin drills", "tocsin drills --json"))
@options.as_json
@connected
async def command(daemon: DaemonClient, *, as_json: bool) -> None:
    """Show the scheduled drills of the playbooks and how they were answered.

    Also lists the people whom a playbook may page, and the channels of their
    contact methods, that have delivered no drill in the last 91 days. Drills are
    scheduled under `drills:` in a playbook; `tocsin drill` holds one now.
    """
    answer = await daemon.get(API)
    if as_json:
        say_json(answer)
        return
    if answer["drills"]:
        say_rows(
            ("drill", "playbook", "pages", "next", "last", "answer"),
            [_row(drill) for drill in answer["drills"]],
            cut=("drill", "pages"),
            optional=("playbook", "pages"),
        )
    else:
        say("No playbook has drills. Schedule them under `drills:` in config/playbooks/NAME.yaml.")
    for kind, plural in (("person", "People"), ("channel", "Channels")):
        overdue = [_named(each) for each in answer["drilled"] if each["kind"] == kind and each["overdue"]]
        if overdue:
            say(clean(f"{plural} without a drill in 91 days: {', '.join(overdue)}", "yellow"))
    if any(each["overdue"] for each in answer["drilled"]):
        say("Drill the person on call now: tocsin drill")


def _row(drill: dict[str, Any]) -> tuple[Any, ...]:
    last = drill["last"]
    return (
        clean(drill["name"]),
        clean(drill["playbook"]),
        clean(", ".join(drill["to"])),
        clean(moment(micros(drill["next_at"])) if drill["next_at"] else "not within 400 days"),
        clean(f"#{last['number']}, {relative_time(last['opened_at'], datetime.now(UTC))}" if last else "never"),
        _answer(last) if last else clean(""),
    )


def _answer(last: dict[str, Any]) -> Any:
    if last["seconds_to_acknowledge"] is None:
        return clean("not acknowledged", "bold red")
    took = duration(round(last["seconds_to_acknowledge"]) * SECOND)
    return clean(f"{last['acknowledged_by']} after {took}", "green")


def _named(each: dict[str, Any]) -> str:
    return each["name"] if each["drilled_at"] is None else f"{each['name']} ({moment(micros(each['drilled_at']))})"
