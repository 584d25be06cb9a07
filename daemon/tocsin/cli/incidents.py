"""``tocsin incidents``: list incidents, show one, and respond to it."""

from datetime import UTC, datetime
from typing import Any

import click

from tocsin.channels.timeline import Titles, describe
from tocsin.cli import drafts, options, work
from tocsin.cli.alert_texts import texts_of
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.incident_api import API, expect_known, incident_path, print_result, respond_to_each
from tocsin.cli.output import clean, micros, relative_time, say, say_json, say_rows, state
from tocsin.core.incident.event import Entry
from tocsin.core.incident.unticked import Unticked, in_words
from tocsin.core.schedule.moments import exact_moment as moment

OPEN_STATES = ("pending", "triggered", "acknowledged", "snoozed")
STATES = (*OPEN_STATES, "resolved")
_LIST_POSITION = frozenset({"limit", "cursor"})
"""Options that select a page of the list; all others filter the incidents."""
MEMBERS = 50
"""Number of members that are shown with a storm."""


@click.group(epilog=options.example("tocsin incidents list --state triggered"))
def command() -> None:
    """List incidents, show one, and respond to it.

    INCIDENT is the number or the id of an incident.
    """


@command.command(
    "list", epilog=options.example("tocsin incidents list --state triggered --state acknowledged --severity SEV-1")
)
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these states. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Include resolved incidents.")
@click.option("--severity", help="Only this severity, for example SEV-1.")
@click.option("--service", help="Only this service.")
@click.option("--playbook", help="Only this playbook.")
@click.option("--storm", type=click.IntRange(min=1), metavar="NUMBER", help="Only the members of this storm.")
@click.option("--open-duties", is_flag=True, help="Only with duties neither done nor waived, resolved ones as well.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Maximum number to list.")
@click.option("--cursor", help="Continue the list at this value of the previous command.")
@options.as_json
@connected
async def list_(
    daemon: DaemonClient,
    /,
    *,
    as_json: bool,
    states: tuple[str, ...],
    everything: bool,
    open_duties: bool,
    **query: Any,
) -> None:
    """List incidents, the newest first.

    Only open incidents are listed, unless --all or --state is given. On a
    terminal, long texts are cut and columns that do not fit are left out; a
    pipe gets everything. Incidents of several playbooks have a column for it.
    --json prints the API's answer, which includes resolved incidents.
    """
    if everything and states:
        raise click.UsageError("give --all or --state, not both: --all includes every state")
    wanted = states or (() if everything or as_json or open_duties else OPEN_STATES)
    query["duties"] = "open" if open_duties else None
    page = await daemon.get(API, state=wanted, **query)
    if not page["incidents"]:
        await expect_known(daemon, query["severity"], query["playbook"])
    if as_json:
        say_json(page)
        return
    if not page["incidents"]:
        say(_none(states, query, everything=everything or open_duties))
        return
    now = datetime.now(UTC)
    duties = ("duties",) if open_duties else ()
    playbooks = ("playbook",) if len({incident["playbook"] for incident in page["incidents"]}) > 1 else ()
    say_rows(
        (
            "#",
            *playbooks,
            "severity",
            "state",
            "service",
            "title",
            "firing",
            "opened",
            "acknowledged by",
            *duties,
            "next",
        ),
        [
            (
                clean(incident["number"], "bold"),
                *(clean(incident["playbook"]) for _ in playbooks),
                clean(incident["severity"]),
                state(incident["state"]),
                clean(incident["service"]),
                clean(incident["title"]),
                clean(incident["alerts_firing"]),
                clean(relative_time(incident["opened_at"], now)),
                clean(incident["acknowledged_by"] or ""),
                *(clean(incident.get("open_duties", "")) for _ in duties),
                clean(_next(incident, now)),
            )
            for incident in page["incidents"]
        ],
        cut=("title", "service", "acknowledged by", *playbooks),
        optional=("firing", "opened", "service", "acknowledged by", *playbooks),
    )
    if page["next"]:
        say(f"more: --cursor {page['next']}", err=True)


@command.command(epilog=options.example("tocsin incidents show 12"))
@click.argument("incident")
@options.as_json
@connected
async def show(daemon: DaemonClient, incident: str, *, as_json: bool) -> None:
    """Show an incident with its alerts and its timeline."""
    detail = await daemon.get(incident_path(incident))
    if as_json:
        say_json(detail)
        return
    now = datetime.now(UTC)
    say(clean(f"#{detail['number']} {detail['title']}", "bold"))
    for name, value in (
        ("state", state(detail["state"])),
        ("severity", clean(f"{detail['severity']} of {detail['playbook']}")),
        ("service", clean(detail["service"])),
        ("team", clean(detail.get("team", ""))),
        ("summary", clean(detail.get("summary", ""))),
        ("runbook", clean(detail.get("runbook", ""))),
        ("automation", clean(detail.get("automation", ""))),
        ("opened", _when(detail["opened_at"], now)),
        ("acknowledged", _when(detail["acknowledged_at"], now, detail["acknowledged_by"])),
        ("flags", clean(", ".join(detail.get("flags", ())))),
        ("declared", _when(detail["declared_at"], now, detail["declared_by"])),
        ("status", clean(detail["status"])),
        ("roles", clean(", ".join(f"{role} {person}" for role, person in detail["roles"].items()))),
        ("resolved", _when(detail["resolved_at"], now)),
        (
            "due",
            clean("; ".join(f"{each['target']} {relative_time(each['due_at'], now)}" for each in detail["targets"])),
        ),
        ("update due", _when(detail["update_due_at"], now)),
        ("postmortem", clean(_post_mortem(detail["post_mortem"], now))),
        ("record", clean(_record(detail, now))),
        ("tickets", clean(", ".join(_ticket(each) for each in detail["tickets"]))),
        ("drafts", clean(_drafts(detail))),
        ("next", clean(_next_unless(detail, now))),
        ("storm", clean(f"#{detail['storm']}" if detail["storm"] is not None else "")),
        ("waits for", clean("; ".join(wait["because"] for wait in detail["waits"]))),
        ("dedup key", clean(detail["dedup_key"])),
        ("id", clean(detail["id"])),
    ):
        if value:
            say(clean(f"  {name:<13}"), value)
    if detail["members"] is not None:
        await _print_members(daemon, detail)
    say(clean("Alerts", "bold"), f" ({detail['alerts_firing']} firing)")
    for line in texts_of(detail["alerts"]):
        say(line)
    for alert in detail["alerts"]:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
        say(f"  {alert['status']:<9} {labels}")
    if detail.get("cut"):
        say(clean("  The list is cut: some alerts or the oldest timeline entries are not shown."))
    _print_open_items(detail, now)
    say(clean("Timeline", "bold"))
    entries = [timeline_entry(detail["id"], entry) for entry in detail["timeline"]]
    titles = Titles(
        names=detail.get("names", {}),
        tiers=detail.get("tiers", {}),
        tasks={duty["name"]: duty["text"] for duty in detail.get("duties", ())},
        opened_at=entries[0].at if entries else None,
    )
    for entry in entries:
        say(f"  {describe(entry, titles=titles)}")


def _print_open_items(detail: dict[str, Any], now: datetime) -> None:
    """Print the checklists, the duties and the action items."""
    for checklist in detail["checklists"]:
        say(clean(f"Checklist {checklist['name']}", "bold"))
        for number, item in enumerate(checklist["items"], start=1):
            mark = f"[x] {item['text']} ({item['done_by']})" if item["done_at"] else f"[ ] {item['text']}"
            say(f"  {number:>2} {mark}")
    if duties := detail.get("duties"):  # a daemon before this version has none
        say(clean("Duties", "bold"))
        for duty in duties:
            say(f"  {_duty(duty, now)}")
    if detail["action_items"]:
        say(clean("Action items", "bold"))
    for item in detail["action_items"]:
        done = f"done by {item['done_by']}" if item["done_at"] else f"due {relative_time(item['due_at'], now)}"
        say(f"  {item['number']:>2} {item['text']} ({item['kind']}, {item['owner'] or 'no owner'}, {done})")


async def _print_members(daemon: DaemonClient, storm: dict[str, Any]) -> None:
    """Print the newest members of a storm, and the command that lists the others."""
    page = await daemon.get(API, storm=storm["number"], limit=MEMBERS)
    say(clean("Incidents", "bold"), f" ({storm['members']} have joined this storm)")
    for member in page["incidents"]:
        number, severity = f"  #{member['number']:<6}", f"{member['severity']:<8}"
        say(clean(number), clean(severity), state(f"{member['state']:<14}"), clean(member["title"]))
    if page["next"]:
        say(f"  ... and more: tocsin incidents list --storm {storm['number']} --cursor {page['next']}")


def _none(states: tuple[str, ...], query: dict[str, Any], *, everything: bool) -> str:
    kind = "" if everything else f"{' or '.join(states) or 'open'} "
    filters = [f"--{name} {value}" for name, value in query.items() if value is not None and name not in _LIST_POSITION]
    return f"No {kind}incidents{f' match {chr(32).join(filters)}' if filters else ''}."


def _responses() -> None:
    """Add the commands whose only argument is the incident."""
    for name, verb, text in (
        ("ack", "acknowledge", "Acknowledge an incident, which stops the steps that wait for an acknowledgment."),
        ("take", "take-over", "Take over an incident that another person has acknowledged; that person is notified."),
        ("resolve", "resolve", "Resolve an incident. If its alerts keep firing, it is reopened and pages you."),
        ("escalate", "escalate", "Page the next tier of an incident now."),
        ("unsnooze", "unsnooze", "End the snooze of an incident early."),
        (
            "replan",
            "replan",
            "Apply the current version of the playbook to an incident that was opened with an older one.",
        ),
    ):
        _response(name, verb, text)


_DONE = {
    "acknowledge": "",
    "take-over": "you have it now; the person who had it is notified",
    "resolve": "",
    "escalate": "the next tier is paged now",
    "unsnooze": "the snooze has ended",
    "replan": "the current version of the playbook applies",
}
"""The change that each response makes, where the state does not show it."""


def _response(name: str, verb: str, text: str) -> None:
    async def respond(daemon: DaemonClient, incidents: tuple[str, ...], *, as_json: bool) -> None:
        await respond_to_each(
            incidents,
            lambda path: daemon.post(f"{path}/{verb}", {}),
            as_json=as_json,
            done=_DONE[verb],
            left=_unticked if verb == "resolve" else None,
        )

    respond.__doc__ = text
    body = options.as_json(connected(respond))
    epilog = options.example(f"tocsin incidents {name} 12", f"tocsin incidents {name} 12 13")
    argument = click.argument("incidents", nargs=-1, required=True, metavar="INCIDENT...")
    command.command(name, epilog=epilog)(argument(body))


_responses()


def _unticked(incident: dict[str, Any]) -> str:
    """Return how many points of the checklists are not ticked; a daemon before this version does not say."""
    lists = [Unticked(**each) for each in incident.get("unticked", ())]
    return in_words(lists, incident["number"])


@command.command(
    epilog=options.example("tocsin incidents snooze 12 --for 2h", "tocsin incidents snooze 12 13 --for 2h")
)
@click.argument("incidents", nargs=-1, required=True, metavar="INCIDENT...")
@click.option("--for", "length", metavar="DURATION", help="Length, for example 2h; at most 31d.")
@click.option("--until", type=options.MOMENT, help="End, instead of --for.")
@options.as_json
@connected
async def snooze(
    daemon: DaemonClient, incidents: tuple[str, ...], *, length: str | None, until: str | None, as_json: bool
) -> None:
    """Acknowledge an incident and postpone its pages.

    When the snooze ends, tocsin again pages the tier that was paged last, and
    the escalation continues. A rise of the severity ends the snooze early.
    """
    if (length is None) == (until is None):
        raise click.UsageError("give --for or --until, for example --for 30m")
    body = {"for": length} if length is not None else {"until": until}
    done = f"snoozed for {length}" if length is not None else f"snoozed until {until}"
    await respond_to_each(incidents, lambda path: daemon.post(f"{path}/snooze", body), as_json=as_json, done=done)


@command.command(epilog=options.example('tocsin incidents severity 12 SEV-1 --reason "payments are down as well"'))
@click.argument("incident")
@click.argument("level", required=False)
@click.option("--unpin", is_flag=True, help="Let the alerts determine the severity again.")
@click.option("--reason", default="", help="Recorded in the timeline.")
@options.as_json
@connected
async def severity(
    daemon: DaemonClient, incident: str, level: str | None, *, unpin: bool, reason: str, as_json: bool
) -> None:
    """Pin the severity of an incident to LEVEL, or unpin it.

    A pinned severity does not change with the alerts.
    """
    if (level is None) != unpin:
        raise click.UsageError("give a LEVEL, or --unpin")
    print_result(
        await daemon.post(f"{incident_path(incident)}/severity", {"severity": level, "reason": reason}),
        as_json=as_json,
        done=f"severity pinned to {level}" if level is not None else "severity unpinned",
    )


@command.command(epilog=options.example("tocsin incidents flags 12 --add data_breach"))
@click.argument("incident")
@click.option("--add", multiple=True, metavar="FLAG", help="Set this flag. Repeatable.")
@click.option("--remove", multiple=True, metavar="FLAG", help="Clear this flag. Repeatable.")
@options.as_json
@connected
async def flags(
    daemon: DaemonClient, incident: str, *, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool
) -> None:
    """Set or clear flags of an incident.

    The playbook defines who is paged when a flag is set.
    """
    if not add and not remove:
        raise click.UsageError("give --add or --remove")
    done = ", ".join((*(f"{flag} set" for flag in add), *(f"{flag} cleared" for flag in remove)))
    print_result(
        await daemon.post(f"{incident_path(incident)}/flags", {"add": add, "remove": remove}),
        as_json=as_json,
        done=done,
    )


@command.command(epilog=options.example('tocsin incidents fact 12 root_cause="a full disk" users_affected=300'))
@click.argument("incident")
@click.argument("facts", nargs=-1, required=True, metavar="NAME=TEXT...")
@options.as_json
@connected
async def fact(daemon: DaemonClient, incident: str, *, facts: tuple[str, ...], as_json: bool) -> None:
    """Record facts about an incident; NAME= removes one.

    The playbook's templates use facts by their names: root_cause, impact,
    users_affected, resolution, prevention, expected_resolution and others.
    """
    texts: dict[str, str] = {}
    for each in facts:
        name, equals, text = each.partition("=")
        if not equals:
            raise click.UsageError(f'{each!r} is not of the form NAME=TEXT, for example root_cause="a full disk"')
        texts[name.strip()] = text
    done = ", ".join(f"{name} {'recorded' if text else 'removed'}" for name, text in texts.items())
    print_result(await daemon.post(f"{incident_path(incident)}/facts", {"facts": texts}), as_json=as_json, done=done)


def timeline_entry(incident_id: str, entry: dict[str, Any]) -> Entry:
    """Convert a timeline entry of the API to one of the core, which has one wording for all outputs."""
    return Entry(**{**entry, "incident_id": incident_id, "at": micros(entry["at"])})


def _when(at: str | None, now: datetime, by: str | None = None) -> Any:
    if at is None:
        return None
    return clean(f"{moment(micros(at))} ({relative_time(at, now)})" + (f" by {by}" if by else ""))


def _post_mortem(mortem: dict[str, Any] | None, now: datetime) -> str:
    if mortem is None:
        return ""
    if mortem["done_at"] is None:
        return f"due {relative_time(mortem['due_at'], now)}"
    return f"{'waived' if mortem['waived'] else 'done'} by {mortem['done_by']} {mortem['link']}".strip()


def _record(detail: dict[str, Any], now: datetime) -> str:
    """Return a text about the record of a resolved incident: closed or not; "" if it is open or has no duties."""
    if detail["state"] != "resolved" or not detail.get("duties"):
        return ""
    if detail["closed_at"] is not None:
        return f"closed {relative_time(detail['closed_at'], now)}"
    count = detail["open_duties"]
    return f"open: {count} {'duty is' if count == 1 else 'duties are'} neither done nor waived"


def _duty(duty: dict[str, Any], now: datetime) -> str:
    """Return a duty in one line: its mark, its name, its text and its state."""
    if duty["outcome"] == "waived":
        how = f"waived by {duty['done_by']}: {duty['reason']}"
    elif duty["done_at"] is not None:
        how = f"done by {duty['done_by']}{', late' if duty['outcome'] == 'late' else ''}"
    else:
        overdue = "overdue, " if duty["breached_at"] is not None else ""
        how = f"{', '.join(duty['owner']) or 'no owner'}, {overdue}due {relative_time(duty['due_at'], now)}"
    meets = f", meeting {moment(micros(duty['meets_at']))}" if duty["meets_at"] and not duty["done_at"] else ""
    return f"[{' ' if duty['done_at'] is None else 'x'}] {duty['name']}: {duty['text']} ({how}{meets})"


def _ticket(ticket: dict[str, Any]) -> str:
    return " ".join(filter(None, [ticket["name"] or ticket["tracker"], ticket["url"], f"({ticket['state']})"]))


def _drafts(incident: dict[str, Any]) -> str:
    count = incident["drafts"]
    waits = "waits for confirmation" if count == 1 else "wait for confirmation"
    return f"{count} {waits}: tocsin incidents drafts {incident['number']}" if count else ""


def _next(incident: dict[str, Any], now: datetime) -> str:
    """Return the tier and the time of the ladder's next step: ``tier 2 in 29 min``; "" if no step is planned."""
    step = incident.get("next_step")  # an older daemon does not send it
    if step is None:
        return ""
    kind = "" if step["kind"] == "page" else f" ({step['kind']})"
    return f"tier {step['tier']} {relative_time(step['at'], now)}{kind}"


def _next_unless(incident: dict[str, Any], now: datetime) -> str:
    """Return a text about the ladder's next step and the event that would prevent the step."""
    next_step, step = _next(incident, now), incident.get("next_step") or {}
    if not next_step or "until" not in step:  # an older daemon does not say what would prevent the step
        return next_step
    is_silent = step["until"] == "acknowledged" and incident["state"] == "acknowledged"
    return f"{next_step}, {'if there is no activity until then' if is_silent else 'unless it is ' + step['until']}"


for verb in (*work.VERBS, *drafts.VERBS):
    command.add_command(verb)
