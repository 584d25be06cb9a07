"""``tocsin incidents``: what is open, and what somebody does about it."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin.channels.timeline import told
from tocsin.cli import drafts, options, work
from tocsin.cli.alert_texts import texts_of
from tocsin.cli.client import Daemon, connected
from tocsin.cli.incident_api import API, expect_known, incident_path, respond_to_each, tell
from tocsin.cli.output import ago, clean, micros, say, say_json, say_rows, state
from tocsin.core.event import Entry
from tocsin.core.moments import exact_moment as moment

OPEN_STATES = ("pending", "triggered", "acknowledged", "snoozed")
STATES = (*OPEN_STATES, "resolved")
_PAGING = frozenset({"limit", "cursor"})
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
@click.option("--all", "everything", is_flag=True, help="Resolved ones as well.")
@click.option("--severity", help="For example SEV-1.")
@click.option("--service")
@click.option("--playbook")
@click.option("--storm", type=click.IntRange(min=1), metavar="NUMBER", help="Only the members of this storm.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--cursor", help="Where the last page said to go on.")
@options.as_json
@connected
async def list_(daemon: Daemon, /, *, as_json: bool, states: tuple[str, ...], everything: bool, **query: Any) -> None:
    """List incidents, the newest first: open ones, unless --all or --state says otherwise.

    On a terminal long texts are cut to its width, and columns that do not fit
    are left out; in a pipe everything is printed. --json prints the API's
    answer, which has resolved incidents as well.
    """
    if everything and states:
        raise click.UsageError("give --all or --state")
    wanted = states or (() if everything or as_json else OPEN_STATES)
    page = await daemon.get(API, state=wanted, **query)
    if not page["incidents"]:
        await expect_known(daemon, query["severity"], query["playbook"])
    if as_json:
        say_json(page)
        return
    if not page["incidents"]:
        say(_none(states, query, everything=everything))
        return
    now = datetime.now(UTC)
    say_rows(
        ("#", "severity", "state", "service", "title", "firing", "opened", "acknowledged by", "next"),
        [
            (
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
            for incident in page["incidents"]
        ],
        cut=("title", "service", "acknowledged by"),
        optional=("firing", "opened", "service", "acknowledged by"),
    )
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
    for line in texts_of(found["alerts"]):
        say(line)
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


def _none(states: tuple[str, ...], query: dict[str, Any], *, everything: bool) -> str:
    kind = "" if everything else f"{' or '.join(states) or 'open'} "
    filters = [f"--{name} {value}" for name, value in query.items() if value is not None and name not in _PAGING]
    return f"No {kind}incidents{f' match {chr(32).join(filters)}' if filters else ''}."


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
    async def respond(daemon: Daemon, incidents: tuple[str, ...], *, as_json: bool) -> None:
        await respond_to_each(incidents, lambda path: daemon.post(f"{path}/{verb}", {}), as_json=as_json)

    respond.__doc__ = text
    body = options.as_json(connected(respond))
    epilog = options.example(f"tocsin incidents {name} 12", f"tocsin incidents {name} 12 13")
    argument = click.argument("incidents", nargs=-1, required=True, metavar="INCIDENT...")
    command.command(name, epilog=epilog)(argument(body))


_responses()


@command.command(
    epilog=options.example("tocsin incidents snooze 12 --for 2h", "tocsin incidents snooze 12 13 --for 2h")
)
@click.argument("incidents", nargs=-1, required=True, metavar="INCIDENT...")
@click.option("--for", "length", metavar="DURATION", help="How long, such as 2h; at most 31d.")
@click.option("--until", type=options.MOMENT, help="Or until when.")
@options.as_json
@connected
async def snooze(
    daemon: Daemon, incidents: tuple[str, ...], *, length: str | None, until: str | None, as_json: bool
) -> None:
    """Take an incident and leave it alone for a while; then whoever is on call is paged again. A rise breaks it."""
    if (length is None) == (until is None):
        raise click.UsageError("give --for or --until")
    body = {"for": length} if length is not None else {"until": until}
    await respond_to_each(incidents, lambda path: daemon.post(f"{path}/snooze", body), as_json=as_json)


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
    waits = "waits for confirmation" if count == 1 else "wait for confirmation"
    return f"{count} {waits}: tocsin incidents drafts {found['number']}" if count else ""


def _next(incident: dict[str, Any], now: datetime) -> str:
    """Return the recipients of the ladder's next step, and when; "" where no step comes by itself."""
    step = incident.get("next_step")  # a daemon before this version has none
    if step is None:
        return ""
    kind = "" if step["kind"] == "page" else f" ({step['kind']})"
    return f"tier {step['tier']} {ago(step['at'], now)}{kind}"


for verb in (*work.VERBS, *drafts.VERBS):
    command.add_command(verb)
