"""``tocsin incidents ...``: commands that coordinate the work on an incident and its follow-ups."""

import re
import sys
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.completion import open_duties
from tocsin.cli.incident_api import incident_path, print_result
from tocsin.cli.questions import ask, choose

_DUTY_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_ITEM_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


@click.command(
    epilog=options.example(
        'tocsin incidents declare 12 --reason "customers report it too"', "tocsin incidents declare 12 --ask"
    )
)
@click.argument("incident")
@click.option("--reason", default="", help="Recorded in the timeline.")
@click.option("--ask/--no-ask", "asks", default=None, help="Ask the questions of the playbook. Default: on a terminal.")
@options.as_json
@connected
async def declare(daemon: DaemonClient, incident: str, *, reason: str, asks: bool | None, as_json: bool) -> None:
    """Declare that an incident is real and not a false alarm.

    Steps of the playbook that wait for this are carried out, and status updates are due. If the playbook has
    questions for a declaration, they are asked on a terminal; the answers become facts and flags of the incident,
    and may change its severity.
    """
    if asks or (asks is None and sys.stdin.isatty()):
        await _ask(daemon, incident)
    await _post(daemon, incident, "declare", {"reason": reason}, as_json=as_json, done="declared")


async def _ask(daemon: DaemonClient, incident: str) -> None:
    """Ask the questions of the incident's playbook, and keep the answers before the declaration."""
    path = incident_path(incident)
    shown = await daemon.get(path)
    plans = (await daemon.get("/api/v1/playbooks"))["playbooks"]
    plan = next((plan for plan in plans if plan["name"] == shown["playbook"]), None)
    if plan is None or not plan["questions"] or shown["declared_at"] is not None:
        return
    try:
        answers = ask(plan)
        severity = choose(plan, answers.severities, shown["severity"])
    except EOFError:
        raise click.UsageError("the questions need a terminal; without one, use --no-ask") from None
    if answers.facts:
        await daemon.post(f"{path}/facts", {"facts": answers.facts})
    if answers.flags:
        await daemon.post(f"{path}/flags", {"add": answers.flags})
    if severity != shown["severity"]:
        await daemon.post(f"{path}/severity", {"severity": severity, "reason": "answers before the declaration"})


@click.command(epilog=options.example('tocsin incidents note 12 "restarted the second replica"'))
@click.argument("incident")
@click.argument("text")
@options.as_json
@connected
async def note(daemon: DaemonClient, incident: str, *, text: str, as_json: bool) -> None:
    """Add a note to the timeline, for the responders."""
    await _post(daemon, incident, "notes", {"text": text}, as_json=as_json, done="note added to the timeline")


@click.command(epilog=options.example('tocsin incidents update 12 "half of it works again" --status Monitoring'))
@click.argument("incident")
@click.argument("text")
@click.option("--status", default="", help="Also set this status of the playbook.")
@options.as_json
@connected
async def update(daemon: DaemonClient, incident: str, *, text: str, status: str, as_json: bool) -> None:
    """Publish a status update.

    Sends TEXT to the playbook's announce targets. The next update is due one update interval from now.
    """
    await _post(
        daemon, incident, "updates", {"text": text, "status": status}, as_json=as_json, done="status update published"
    )


@click.command(epilog=options.example("tocsin incidents status 12 Identified"))
@click.argument("incident")
@click.argument("status")
@options.as_json
@connected
async def status(daemon: DaemonClient, incident: str, *, status: str, as_json: bool) -> None:
    """Set the status of an incident to one of the playbook's statuses."""
    await _post(daemon, incident, "status", {"status": status}, as_json=as_json, done=f"status set to {status}")


@click.command(epilog=options.example("tocsin incidents role 12 communication-lead --person robin"))
@click.argument("incident")
@click.argument("role")
@click.option("--person", help="The person who gets the role, and is told. Default: you.")
@click.option("--drop", is_flag=True, help="Unassign the role.")
@options.as_json
@connected
async def role(
    daemon: DaemonClient, incident: str, *, role: str, person: str | None, drop: bool, as_json: bool
) -> None:
    """Assign a ROLE of the playbook, or unassign it."""
    if drop and person is not None:
        raise click.UsageError("give --person or --drop")
    done = f"{role} unassigned" if drop else f"{role} assigned to {person or 'you'}"
    await _post(daemon, incident, "roles", {"role": role, "person": "" if drop else person}, as_json=as_json, done=done)


@click.command(epilog=options.example("tocsin incidents tick 12 sev-1 3"))
@click.argument("incident")
@click.argument("checklist")
@click.argument("number", type=click.IntRange(1, 1000))
@click.option("--undo", is_flag=True, help="Mark the item as not done.")
@options.as_json
@connected
async def tick(daemon: DaemonClient, incident: str, *, checklist: str, number: int, undo: bool, as_json: bool) -> None:
    """Mark item NUMBER of a CHECKLIST as done.

    `tocsin incidents show` lists checklists and items.
    """
    body = {"checklist": checklist, "number": number, "done": not undo}
    await _post(
        daemon, incident, "ticks", body, as_json=as_json, done=f"item {number} of {checklist} {'not ' * undo}done"
    )


@click.command(epilog=options.example('tocsin incidents todo 12 "an alert at 80 % disk" --kind immediate'))
@click.argument("incident")
@click.argument("text")
@click.option("--kind", required=True, help="A kind of the playbook's action_items, which sets the due date.")
@click.option("--owner", default="", help="The person responsible. Default: the owner of the postmortem.")
@click.option("--due", type=options.MOMENT, help="Due date. Default: set by --kind.")
@options.as_json
@connected
async def todo(
    daemon: DaemonClient, incident: str, *, text: str, kind: str, owner: str, due: str | None, as_json: bool
) -> None:
    """Add an action item, whose owner is reminded until it is done."""
    body = {"text": text, "kind": kind, "owner": owner, "due_at": due}
    await _post(daemon, incident, "action-items", body, as_json=as_json, done="action item added")


@click.command(epilog=options.example("tocsin incidents done 12 1", "tocsin incidents done 12 status-page"))
@click.argument("incident")
@click.argument("item", metavar="ITEM|DUTY", shell_complete=open_duties)
@click.option("--link", default="", help="Address of the result of a duty.")
@click.option("--note", "text", default="", help="A remark about a duty, recorded in the timeline.")
@options.as_json
@connected
async def done(daemon: DaemonClient, incident: str, *, item: str, link: str, text: str, as_json: bool) -> None:
    """Mark an action item, by its number, or a duty of the playbook, by its name, as done.

    `tocsin incidents show` lists both.
    """
    if not _ITEM_NUMBER.fullmatch(item):
        body = {"link": link, "reason": text}
        await _post(
            daemon, incident, f"duties/{_duty_name(item)}/done", body, as_json=as_json, done=f"duty {item} done"
        )
        return
    if link or text:
        raise click.UsageError("--link and --note are for a duty, not for an action item")
    await _post(daemon, incident, f"action-items/{item}/done", {}, as_json=as_json, done=f"action item {item} done")


@click.command(epilog=options.example('tocsin incidents waive 12 status-page --reason "customers did not see it"'))
@click.argument("incident")
@click.argument("duty", shell_complete=open_duties)
@click.option("--reason", required=True, help="Why it need not be done. Recorded in the timeline.")
@options.as_json
@connected
async def waive(daemon: DaemonClient, incident: str, *, duty: str, reason: str, as_json: bool) -> None:
    """Record that a DUTY of the playbook need not be done, and why.

    `tocsin incidents show` lists the duties.
    """
    path = f"duties/{_duty_name(duty)}/waive"
    await _post(daemon, incident, path, {"reason": reason}, as_json=as_json, done=f"duty {duty} waived")


@click.command(epilog=options.example("tocsin incidents meeting 12 review-meeting --at 2026-12-03T14:00Z"))
@click.argument("incident")
@click.argument("duty", shell_complete=open_duties)
@click.option("--at", type=options.MOMENT, required=True, help="The new start.")
@options.as_json
@connected
async def meeting(daemon: DaemonClient, incident: str, *, duty: str, at: str, as_json: bool) -> None:
    """Move the meeting of a DUTY. Everyone invited gets the new time."""
    path = f"duties/{_duty_name(duty)}/meeting"
    await _post(daemon, incident, path, {"at": at}, as_json=as_json, done=f"{duty} moved; invitations are sent")


@click.command(epilog=options.example("tocsin incidents reviewed 12 --link https://wiki.example.com/postmortems/12"))
@click.argument("incident")
@click.option("--link", default="", help="Address of the postmortem.")
@click.option("--waive", metavar="REASON", default="", help="No postmortem is needed, for this reason.")
@options.as_json
@connected
async def reviewed(daemon: DaemonClient, incident: str, *, link: str, waive: str, as_json: bool) -> None:
    """Record that the postmortem is done or not needed, which ends its reminders."""
    body = {"link": link, "waived": bool(waive), "reason": waive}
    await _post(
        daemon, incident, "postmortem", body, as_json=as_json, done=f"postmortem {'waived' if waive else 'done'}"
    )


@click.command(epilog=options.example("tocsin incidents merge 13 --into 12"))
@click.argument("incident")
@click.option("--into", required=True, help="The incident that takes over the alerts.")
@options.as_json
@connected
async def merge(daemon: DaemonClient, incident: str, *, into: str, as_json: bool) -> None:
    """Merge an incident into another one, which takes over its alerts.

    Tickets of the merged incident stay in their tracker.
    """
    await _post(daemon, incident, "merge", {"into": into}, as_json=as_json, done=f"merged into {into}")


@click.command(epilog=options.example("tocsin incidents split 13"))
@click.argument("incident")
@options.as_json
@connected
async def split(daemon: DaemonClient, incident: str, *, as_json: bool) -> None:
    """Unmerge an incident, which gets back its alerts that still fire."""
    await _post(daemon, incident, "split", {}, as_json=as_json, done="unmerged")


@click.command(epilog=options.example("tocsin incidents link 13 12"))
@click.argument("incident")
@click.argument("other")
@options.as_json
@connected
async def link(daemon: DaemonClient, incident: str, other: str, *, as_json: bool) -> None:
    """Link two related incidents in both timelines."""
    await _post(daemon, incident, "link", {"other": other}, as_json=as_json, done=f"linked to {other}")


def _duty_name(text: str) -> str:
    """Return the name of a duty, for a path.

    Raises:
        UsageError: No duty can have this name.
    """
    if not _DUTY_NAME.fullmatch(text):
        raise click.UsageError(f"{text!r} is no name of a duty; `tocsin incidents show` lists the duties")
    return text


async def _post(
    daemon: DaemonClient, incident: str, what: str, body: dict[str, Any], *, as_json: bool, done: str
) -> None:
    print_result(await daemon.post(f"{incident_path(incident)}/{what}", body), as_json=as_json, done=done)


VERBS = (declare, note, update, status, role, tick, todo, done, waive, meeting, reviewed, merge, split, link)
"""The commands of `tocsin incidents` in this module."""
