"""Recipients who were told of the beginning are told of the end, in every shipped playbook."""

from functools import cache
from itertools import product
from pathlib import Path

import pytest
from msgspec import structs

from scenario import emergency, maintenance
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.core.incident.event import Actor, Confirmed, Declare, Discarded, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction, TicketState, Verb
from tocsin.testing.harness import Harness

ROOT = Path(__file__).resolve().parents[2]
ALEX = Actor("alex", "api")
TEXT = "Read and confirmed."


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


def tocsin() -> Harness:
    return Harness.of(shipped())


async def confirm_all(harness: Harness, incident: str = "1") -> None:
    acting = (await harness.incident(incident)).acting
    for draft in acting.drafts if acting is not None else ():
        await harness.say(Confirmed(by=ALEX, draft=draft.number, text=TEXT), incident)


async def groups_told(harness: Harness, incident: str = "1") -> tuple[set[str], set[str]]:
    """The recipients of the playbook's messages before the incident was resolved, and afterwards."""
    entries = await harness.timeline(incident)
    resolved = max(entry.seq for entry in entries if entry.kind == "resolved")
    told = [(entry.seq, set(entry.data["targets"])) for entry in entries if entry.kind == "told"]
    before = set().union(*(targets for seq, targets in told if seq < resolved))
    return before, set().union(*(targets for seq, targets in told if seq > resolved))


CASES = [
    (name, level.name, change)
    for name, plan in sorted(shipped().playbooks.items())
    for level, change in product(plan.levels, ("stays", "falls", "rises", "unflagged"))
]


@pytest.mark.parametrize(("playbook", "severity", "change"), CASES)
async def test_each_group_that_was_told_of_the_beginning_is_told_of_the_end(
    playbook: str, severity: str, change: str
) -> None:
    plan = shipped().playbooks[playbook]
    labels = {"alertname": "Down", "service": "shop", "playbook": playbook, "severity": severity}
    async with tocsin() as harness:
        await harness.fire(automated_recovery="no", **labels)
        await harness.acknowledge("alex")
        await harness.say(Declare(by=ALEX))
        await harness.flag(*plan.flags)
        await confirm_all(harness)
        await harness.say(UpdatePosted(by=ALEX, text="We know what it is."))
        await confirm_all(harness)
        if change == "unflagged":
            await harness.flag(remove=plan.flags)
        elif change != "stays":
            await harness.set_severity(plan.levels[-1 if change == "falls" else 0].name)
            await confirm_all(harness)
        await harness.close("alex")
        await confirm_all(harness)
        before, after = await groups_told(harness)
        incident = await harness.incident()
        assert before
        assert before <= after
        assert incident.acting is None or {each.state for each in incident.acting.tickets} <= {TicketState.CLOSED}
        informed = {content.target for content in harness.sent(Job.PAGE)}
        informed |= {who for _, who in harness.pages(Job.UPDATE)} - set(plan.announce)
        assert informed == {content.target for content in harness.sent(Job.RESOLVE)}


async def test_no_recipient_gets_two_messages_of_the_end() -> None:
    for name, plan in shipped().playbooks.items():
        async with tocsin() as harness:
            severity = plan.levels[0].name
            await harness.fire(alertname="Down", automated_recovery="no", playbook=name, severity=severity, service="a")
            await harness.say(Declare(by=ALEX))
            await confirm_all(harness)
            await harness.close("alex")
            await confirm_all(harness)
            entries = await harness.timeline()
            resolved = max(entry.seq for entry in entries if entry.kind == "resolved")
            told = [
                (entry.data["template"], target)
                for entry in entries
                if entry.kind == "told" and entry.seq > resolved
                for target in entry.data["targets"]
            ]
            assert len(told) == len(set(told)), name
            ends = [target for template, target in told if not template.endswith("-review")]
            assert len(ends) == len(set(ends)), name


def message(at: str, what: str, to: str, **more: object) -> PlaybookAction:
    return PlaybookAction(at=(at,), verb=Verb.MESSAGE, what=what, to=(to,), **more)  # type: ignore[arg-type]


def with_actions(*actions: PlaybookAction) -> Harness:
    return emergency.tocsin(playbook=structs.replace(emergency.shipped(), actions=actions))


BEGINNING = message("declared", "beginning", "customers", confirm=True)
END = message("resolved", "end", "customers", only_if_told=True)


async def test_customers_whose_first_message_was_discarded_hear_nothing_of_the_end() -> None:
    async with with_actions(BEGINNING, END) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALEX))
        await harness.say(Discarded(by=ALEX, draft=1, reason="no customer has noticed"))
        await harness.close("alex")
        assert await groups_told(harness) == (set(), set())


async def test_a_first_message_that_is_confirmed_after_the_end_brings_the_end_with_it() -> None:
    async with with_actions(BEGINNING, END) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALEX))
        await harness.close("alex")
        assert await groups_told(harness) == (set(), set())
        await confirm_all(harness)
        told = [entry.data["template"] for entry in await harness.timeline() if entry.kind == "told"]
        assert told == ["beginning", "end"]


async def test_the_next_occurrence_tells_only_those_who_have_heard_of_it() -> None:
    async with with_actions(BEGINNING, END) as harness:
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.say(Declare(by=ALEX))
        await confirm_all(harness)
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        await harness.fire(alertname="Down", severity="SEV-1")
        await harness.resolve(alertname="Down", severity="SEV-1")
        await harness.advance(minutes=5)
        told = [entry.data["template"] for entry in await harness.timeline() if entry.kind == "told"]
        assert told == ["beginning", "end"]


async def test_a_merged_incident_leaves_its_recipients_to_the_other_one() -> None:
    async with with_actions(BEGINNING, END) as harness:
        await harness.fire(alertname="Down", severity="SEV-1", service="a")
        await harness.fire(alertname="Slow", severity="SEV-1", service="b")
        await harness.say(Declare(by=ALEX))
        await confirm_all(harness)
        await harness.respond.merge("1", "2", ALEX)
        await harness.close("alex", "2")
        assert await groups_told(harness, "2") == (set(), {"customers"})


async def test_a_rise_tells_those_whom_only_the_higher_severity_tells_once() -> None:
    high = message("opened", "high", "stakeholders", severities=("SEV-1", "SEV-2"))
    low = message("opened", "low", "incidents", severities=("SEV-3", "SEV-4"))
    both = message("opened", "both", "incidents")
    async with with_actions(high, low, both) as harness:
        await harness.fire(alertname="Down", severity="SEV-3")
        for severity in ("SEV-2", "SEV-1", "SEV-4", "SEV-1"):
            await harness.set_severity(severity)
        told = [entry.data["template"] for entry in await harness.timeline() if entry.kind == "told"]
        assert told == ["low", "both", "high"]


async def test_a_rise_in_a_maintenance_window_tells_them_once_it_is_over() -> None:
    high = message("opened", "high", "stakeholders", severities=("SEV-1",))
    async with with_actions(high) as harness:
        await harness.fire(alertname="Down", severity="SEV-2", service="shop")
        window = await maintenance.make(harness, 60)
        await harness.fire(alertname="Down", severity="SEV-1", service="shop")
        assert harness.messages() == []
        await harness.advance(minutes=10)
        await maintenance.end(harness, window)
        told = [entry.data["template"] for entry in await harness.timeline() if entry.kind == "told"]
        assert told == ["high"]
