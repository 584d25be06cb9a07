"""``tocsin incidents``: what is open, and what somebody does about it."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin.channels.wording import told
from tocsin.cli import drafts, options, work
from tocsin.cli.client import Daemon, connected
from tocsin.cli.incident_api import API, incident_path, tell
from tocsin.cli.output import ago, clean, console, micros, say, say_json, state, table
from tocsin.core.event import Entry
from tocsin.core.moments import exact_moment as moment

STATES = ("pending", "triggered", "acknowledged", "snoozed", "resolved")
MEMBERS = 50
"""Members of a storm that are shown with it."""


@click.group(epilog=options.example("tocsin incidents list --state triggered"))
def command() -> None:
    """List incidents, look at one, and respond to it.

    An incident is named by its number or its id.
    """


@command.command(
    "list", epilog=options.example("tocsin incidents list --state triggered --state acknowledged --severity SEV-1")
)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="May be given more than once.")
@click.option("--severity", help="For example SEV-1.")
@click.option("--service")
@click.option("--playbook")
@click.option("--storm", type=click.IntRange(min=1), metavar="NUMBER", help="Only the members of this storm.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--cursor", help="Where the last page said to go on.")
@options.as_json
@connected
async def list_(daemon: Daemon, /, *, as_json: bool, states: tuple[str, ...], **query: Any) -> None:
    """List incidents, the newest first."""
    page = await daemon.get(API, state=states, **query)
    if as_json:
        say_json(page)
        return
    if not page["incidents"]:
        say("no such incident")
        return
    now = datetime.now(UTC)
    rows = table("#", "severity", "state", "service", "title", "firing", "opened", "acknowledged by", "next")
    for incident in page["incidents"]:
        rows.add_row(
            clean(incident["number"], "bold"),
            clean(incident["severity"]),
            state(incident["state"]),
            clean(incident["service"]),
            clean(incident["title"]),
            clean(incident["alerts_firing"]),
            clean(ago(incident["opened_at"], now)),
            clean(incident["acknowledged_by"] or ""),
            clean(_next(incident, now)),
        )
    console().print(rows)
    if page["next"]:
        say(f"more: --cursor {page['next']}", err=True)


@command.command(epilog=options.example("tocsin incidents show 12"))
@click.argument("incident")
@options.as_json
@connected
async def show(daemon: Daemon, incident: str, *, as_json: bool) -> None:
    """Show an incident, its alerts and its timeline."""
    found = await daemon.get(incident_path(incident))
    if as_json:
        say_json(found)
        return
    now = datetime.now(UTC)
    say(clean(f"#{found['number']} {found['title']}", "bold"))
    for name, value in (
        ("state", state(found["state"])),
        ("severity", clean(f"{found['severity']} of {found['playbook']}")),
        ("service", clean(found["service"])),
        ("team", clean(found.get("team", ""))),
        ("summary", clean(found.get("summary", ""))),
        ("runbook", clean(found.get("runbook", ""))),
        ("automation", clean(found.get("automation", ""))),
        ("opened", _when(found["opened_at"], now)),
        ("acknowledged", _when(found["acknowledged_at"], now, found["acknowledged_by"])),
        ("declared", _when(found["declared_at"], now, found["declared_by"])),
        ("status", clean(found["status"])),
        ("roles", clean(", ".join(f"{role} {person}" for role, person in found["roles"].items()))),
        ("resolved", _when(found["resolved_at"], now)),
        ("owed", clean("; ".join(f"{each['target']} {ago(each['due_at'], now)}" for each in found["targets"]))),
        ("update due", _when(found["update_due_at"], now)),
        ("post-mortem", clean(_post_mortem(found["post_mortem"], now))),
        ("tickets", clean(", ".join(_ticket(each) for each in found["tickets"]))),
        ("drafts", clean(_drafts(found))),
        ("next", clean(_next(found, now))),
        ("storm", clean(f"#{found['storm']}" if found["storm"] is not None else "")),
        ("waits for", clean("; ".join(wait["because"] for wait in found["waits"]))),
        ("dedup key", clean(found["dedup_key"])),
        ("id", clean(found["id"])),
    ):
        if value:
            say(clean(f"  {name:<13}"), value)
    if found["members"] is not None:
        await _say_members(daemon, found)
    say(clean("Alerts", "bold"), f" ({found['alerts_firing']} firing)")
    for alert in found["alerts"]:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
        say(f"  {alert['status']:<9} {labels}")
    _say_what_is_left(found, now)
    say(clean("Timeline", "bold"))
    for entry in found["timeline"]:
        say(f"  {told(timeline_entry(found['id'], entry))}")


def _say_what_is_left(found: dict[str, Any], now: datetime) -> None:
    """The checklists and the action items."""
    for checklist in found["checklists"]:
        say(clean(f"Checklist {checklist['name']}", "bold"))
        for number, item in enumerate(checklist["items"], start=1):
            mark = f"[x] {item['text']} ({item['done_by']})" if item["done_at"] else f"[ ] {item['text']}"
            say(f"  {number:>2} {mark}")
    if found["action_items"]:
        say(clean("Action items", "bold"))
    for item in found["action_items"]:
        done = f"done by {item['done_by']}" if item["done_at"] else f"due {ago(item['due_at'], now)}"
        say(f"  {item['number']:>2} {item['text']} ({item['kind']}, {item['owner'] or 'no owner'}, {done})")


async def _say_members(daemon: Daemon, storm: dict[str, Any]) -> None:
    """The newest incidents of a storm, and how to see the others."""
    page = await daemon.get(API, storm=storm["number"], limit=MEMBERS)
    say(clean("Incidents", "bold"), f" ({storm['members']} have joined this storm)")
    for member in page["incidents"]:
        number, severity = f"  #{member['number']:<6}", f"{member['severity']:<8}"
        say(clean(number), clean(severity), state(f"{member['state']:<14}"), clean(member["title"]))
    if page["next"]:
        say(f"  ... and more: tocsin incidents list --storm {storm['number']} --cursor {page['next']}")


def _responses() -> None:
    """The responses that need nothing but the incident."""
    for name, verb, text in (
        ("ack", "acknowledge", "Take an incident: what waited for that stops."),
        ("resolve", "resolve", "Close an incident. If its alerts fire on for long, it comes back to you."),
        ("escalate", "escalate", "Page the next tier now."),
        ("unsnooze", "unsnooze", "Go on with an incident before its snooze is over."),
        (
            "replan",
            "replan",
            "Let an incident go on by its playbook as it is now; it keeps the one it began with otherwise.",
        ),
    ):
        _response(name, verb, text)


def _response(name: str, verb: str, text: str) -> None:
    async def respond(daemon: Daemon, incident: str, *, as_json: bool) -> None:
        tell(await daemon.post(f"{incident_path(incident)}/{verb}", {}), as_json=as_json)

    respond.__doc__ = text
    body = options.as_json(connected(respond))
    epilog = options.example(f"tocsin incidents {name} 12")
    command.command(name, epilog=epilog)(click.argument("incident")(body))


_responses()


@command.command(epilog=options.example("tocsin incidents snooze 12 --for 2h"))
@click.argument("incident")
@click.option("--for", "length", metavar="DURATION", help="How long, such as 2h; at most 31d.")
@click.option("--until", type=options.MOMENT, help="Or until when.")
@options.as_json
@connected
async def snooze(daemon: Daemon, incident: str, *, length: str | None, until: str | None, as_json: bool) -> None:
    """Take an incident and leave it alone for a while; then whoever is on call is paged again. A rise breaks it."""
    if (length is None) == (until is None):
        raise click.UsageError("give --for or --until")
    body = {"for": length} if length is not None else {"until": until}
    tell(await daemon.post(f"{incident_path(incident)}/snooze", body), as_json=as_json)


@command.command(epilog=options.example('tocsin incidents severity 12 SEV-1 --reason "payments are down as well"'))
@click.argument("incident")
@click.argument("level", required=False)
@click.option("--unpin", is_flag=True, help="Let the alerts decide again.")
@click.option("--reason", default="", help="For the timeline.")
@options.as_json
@connected
async def severity(
    daemon: Daemon, incident: str, level: str | None, *, unpin: bool, reason: str, as_json: bool
) -> None:
    """Pin an incident's severity, or unpin it."""
    if (level is None) != unpin:
        raise click.UsageError("give a LEVEL, or --unpin")
    tell(
        await daemon.post(f"{incident_path(incident)}/severity", {"severity": level, "reason": reason}), as_json=as_json
    )


@command.command(epilog=options.example("tocsin incidents flags 12 --add data_breach"))
@click.argument("incident")
@click.option("--add", multiple=True, metavar="FLAG", help="May be given more than once.")
@click.option("--remove", multiple=True, metavar="FLAG", help="May be given more than once.")
@options.as_json
@connected
async def flags(daemon: Daemon, incident: str, *, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool) -> None:
    """Set or clear flags; the playbook says whom they page."""
    if not add and not remove:
        raise click.UsageError("give --add or --remove")
    tell(await daemon.post(f"{incident_path(incident)}/flags", {"add": add, "remove": remove}), as_json=as_json)


@command.command(epilog=options.example('tocsin incidents fact 12 root_cause="a full disk" users_affected=300'))
@click.argument("incident")
@click.argument("facts", nargs=-1, required=True, metavar="NAME=TEXT...")
@options.as_json
@connected
async def fact(daemon: Daemon, incident: str, *, facts: tuple[str, ...], as_json: bool) -> None:
    """Say what has been found out about an incident; NAME= takes it back.

    The playbook's templates say it under that name: root_cause, impact,
    users_affected, resolution, prevention, expected_resolution ...
    """
    found: dict[str, str] = {}
    for each in facts:
        name, equals, text = each.partition("=")
        if not equals:
            raise click.UsageError(f"{each!r} is not NAME=TEXT")
        found[name.strip()] = text
    tell(await daemon.post(f"{incident_path(incident)}/facts", {"facts": found}), as_json=as_json)


def timeline_entry(incident_id: str, entry: dict[str, Any]) -> Entry:
    """The API's entry as the core's, which is told in the same words everywhere."""
    return Entry(**{**entry, "incident_id": incident_id, "at": micros(entry["at"])})


def _when(at: str | None, now: datetime, by: str | None = None) -> Any:
    if at is None:
        return None
    return clean(f"{moment(micros(at))} ({ago(at, now)})" + (f" by {by}" if by else ""))


def _post_mortem(mortem: dict[str, Any] | None, now: datetime) -> str:
    if mortem is None:
        return ""
    if mortem["done_at"] is None:
        return f"due {ago(mortem['due_at'], now)}"
    return f"{'waived' if mortem['waived'] else 'done'} by {mortem['done_by']} {mortem['link']}".strip()


def _ticket(ticket: dict[str, Any]) -> str:
    return " ".join(filter(None, [ticket["name"] or ticket["tracker"], ticket["url"], f"({ticket['state']})"]))


def _drafts(found: dict[str, Any]) -> str:
    count = found["drafts"]
    waits = "waits for a word" if count == 1 else "wait for a word"
    return f"{count} {waits}: tocsin incidents drafts {found['number']}" if count else ""


def _next(incident: dict[str, Any], now: datetime) -> str:
    if incident["due_at"] is None:
        return ""
    tier = f"tier {incident['next_tier']} " if incident["next_tier"] is not None else ""
    return f"{tier}{ago(incident['due_at'], now)}"


for verb in (*work.VERBS, *drafts.VERBS):
    command.add_command(verb)
