"""``tocsin incidents ...``: what people make of an incident, and what is left to be done about it."""

from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, connected
from tocsin.cli.incident_api import incident_path, tell


@click.command(epilog=options.example('tocsin incidents declare 12 --reason "customers report it too"'))
@click.argument("incident")
@click.option("--reason", default="", help="Stands in the timeline.")
@options.as_json
@connected
async def declare(daemon: Daemon, incident: str, *, reason: str, as_json: bool) -> None:
    """Say that it is an incident, and no false alarm: steps that wait for that fire, and updates are due."""
    await _post(daemon, incident, "declare", {"reason": reason}, as_json=as_json)


@click.command(epilog=options.example('tocsin incidents note 12 "restarted the second replica"'))
@click.argument("incident")
@click.argument("text")
@options.as_json
@connected
async def note(daemon: Daemon, incident: str, *, text: str, as_json: bool) -> None:
    """Note something in the timeline, for those who work on it."""
    await _post(daemon, incident, "notes", {"text": text}, as_json=as_json)


@click.command(epilog=options.example('tocsin incidents update 12 "half of it works again" --status Monitoring'))
@click.argument("incident")
@click.argument("text")
@click.option("--status", default="", help="One of the playbook's statuses.")
@options.as_json
@connected
async def update(daemon: Daemon, incident: str, *, text: str, status: str, as_json: bool) -> None:
    """Tell those who wait how it goes; the next update is due an interval from now."""
    await _post(daemon, incident, "updates", {"text": text, "status": status}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents status 12 Identified"))
@click.argument("incident")
@click.argument("status")
@options.as_json
@connected
async def status(daemon: Daemon, incident: str, *, status: str, as_json: bool) -> None:
    """Say where it stands, in the playbook's words."""
    await _post(daemon, incident, "status", {"status": status}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents role 12 communication-lead --person robin"))
@click.argument("incident")
@click.argument("role")
@click.option("--person", help="Who has it; you, unless given.")
@click.option("--drop", is_flag=True, help="Nobody has it any more.")
@options.as_json
@connected
async def role(daemon: Daemon, incident: str, *, role: str, person: str | None, drop: bool, as_json: bool) -> None:
    """Take a ROLE of the playbook, give it to somebody, or lay it down."""
    if drop and person is not None:
        raise click.UsageError("give --person or --drop")
    await _post(daemon, incident, "roles", {"role": role, "person": "" if drop else person}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents tick 12 sev-1 3"))
@click.argument("incident")
@click.argument("checklist")
@click.argument("number", type=click.IntRange(1, 1000))
@click.option("--undo", is_flag=True, help="It is not done after all.")
@options.as_json
@connected
async def tick(daemon: Daemon, incident: str, *, checklist: str, number: int, undo: bool, as_json: bool) -> None:
    """Say that item NUMBER of a CHECKLIST is done; `tocsin incidents show` has them."""
    body = {"checklist": checklist, "number": number, "done": not undo}
    await _post(daemon, incident, "ticks", body, as_json=as_json)


@click.command(epilog=options.example('tocsin incidents todo 12 "an alert at 80 % disk" --kind immediate'))
@click.argument("incident")
@click.argument("text")
@click.option("--kind", required=True, help="One of the playbook's action_items; it says how long there is.")
@click.option("--owner", default="", help="Whoever owns the post-mortem, unless given.")
@click.option("--due", type=options.MOMENT, help="As the kind says, unless given.")
@options.as_json
@connected
async def todo(
    daemon: Daemon, incident: str, *, text: str, kind: str, owner: str, due: str | None, as_json: bool
) -> None:
    """Write down an action item: its owner is reminded until it is done."""
    body = {"text": text, "kind": kind, "owner": owner, "due_at": due}
    await _post(daemon, incident, "action-items", body, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents done 12 1"))
@click.argument("incident")
@click.argument("item", type=click.IntRange(1, 999_999_999))
@options.as_json
@connected
async def done(daemon: Daemon, incident: str, *, item: int, as_json: bool) -> None:
    """Say that action ITEM is done; `tocsin incidents show` has their numbers."""
    await _post(daemon, incident, f"action-items/{item}/done", {}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents reviewed 12 --link https://wiki.example.com/post-mortems/12"))
@click.argument("incident")
@click.option("--link", default="", help="Where the post-mortem is to be read.")
@click.option("--waive", metavar="REASON", default="", help="None is needed, and why.")
@options.as_json
@connected
async def reviewed(daemon: Daemon, incident: str, *, link: str, waive: str, as_json: bool) -> None:
    """Say that the post-mortem is done, or that none is needed: nobody is reminded of it any more."""
    body = {"link": link, "waived": bool(waive), "reason": waive}
    await _post(daemon, incident, "postmortem", body, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents merge 13 --into 12"))
@click.argument("incident")
@click.option("--into", required=True, help="The incident in which it goes on.")
@options.as_json
@connected
async def merge(daemon: Daemon, incident: str, *, into: str, as_json: bool) -> None:
    """Let an incident, with its alerts, go on in another one: it is the same. What it had in a tracker stays there."""
    await _post(daemon, incident, "merge", {"into": into}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents split 13"))
@click.argument("incident")
@options.as_json
@connected
async def split(daemon: Daemon, incident: str, *, as_json: bool) -> None:
    """Let a merged incident go on by itself again, with those of its alerts that still fire."""
    await _post(daemon, incident, "split", {}, as_json=as_json)


@click.command(epilog=options.example("tocsin incidents link 13 12"))
@click.argument("incident")
@click.argument("other")
@options.as_json
@connected
async def link(daemon: Daemon, incident: str, other: str, *, as_json: bool) -> None:
    """Say in both timelines that two incidents have to do with each other."""
    await _post(daemon, incident, "link", {"other": other}, as_json=as_json)


async def _post(daemon: Daemon, incident: str, what: str, body: dict[str, Any], *, as_json: bool) -> None:
    tell(await daemon.post(f"{incident_path(incident)}/{what}", body), as_json=as_json)


VERBS = (declare, note, update, status, role, tick, todo, done, reviewed, merge, split, link)
"""Those that `tocsin incidents` has from here."""
