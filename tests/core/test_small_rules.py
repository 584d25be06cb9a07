"""Backoff, keys, people, plans, measures, wording: one rule each."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.test_escalation_table import ALICE, NOW, fresh, playbook
from core.test_invariants_catch import row
from tocsin.core.backoff import LONGEST, delay
from tocsin.core.duration import SECOND
from tocsin.core.errors import UnknownLevel, UnknownName
from tocsin.core.incident.escalation import step
from tocsin.core.incident.event import Acknowledge, Opened, Resolve
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.measure import last_alert_end, time_to_acknowledge, time_to_detect, time_to_resolve
from tocsin.core.incident.outbox import ROOM_JOBS, TICKET_JOBS, Job, idempotency_key, still_wanted
from tocsin.core.oncall.people import Contact, Notified, People, Person
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.actions import TICKET, Acting, Ticket, TicketState
from tocsin.core.playbook.playbook import Playbook, Until

CONSOLE = Contact("console", "console")
PAGER = Contact("pager", "main")


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_grows_to_its_longest_and_jitter_takes_at_most_half(attempt: int, jitter: float) -> None:
    ceiling = min(LONGEST, SECOND * 2 ** min(attempt - 1, 10))
    assert ceiling // 2 <= delay(attempt, jitter) <= ceiling


KEY = ("prod", "id", 1, 1, "1.1", "alice")
KEYS = st.tuples(st.text(), st.text(), st.integers(0, 99), st.integers(0, 99), st.text(), st.text())


@pytest.mark.parametrize("part", range(6))
def test_every_part_of_a_key_makes_it_another(part: int) -> None:
    other = tuple(9 if isinstance(value, int) else value + "x" for value in KEY)
    assert idempotency_key(*KEY) != idempotency_key(*KEY[:part], other[part], *KEY[part + 1 :])  # type: ignore[arg-type]  # a mix of text and numbers
    assert idempotency_key(*KEY) == idempotency_key(*KEY)


def opened() -> Incident:
    return step(fresh(), Opened(fired=("high",)), NOW)[0]


def test_a_page_is_wanted_until_what_it_waits_for_has_happened() -> None:
    triggered = opened()
    acknowledged = step(triggered, Acknowledge(by=ALICE), NOW)[0]
    resolved = step(triggered, Resolve(by=ALICE), NOW)[0]
    waits = {until: row(until=until) for until in Until}
    assert [still_wanted(waits[Until.ACKNOWLEDGED], i) for i in (triggered, acknowledged, resolved)] == [
        True,
        False,
        False,
    ]
    assert [still_wanted(waits[Until.RESOLVED], i) for i in (triggered, acknowledged, resolved)] == [True, True, False]
    assert not still_wanted(row(occurrence=2), triggered)
    has_rules_of_its_own = {Job.PAGE, Job.UPDATE, Job.AUTOMATE, *ROOM_JOBS, *TICKET_JOBS}
    assert all(still_wanted(row(job=job), resolved) for job in Job if job not in has_rules_of_its_own)
    automations = [still_wanted(row(job=Job.AUTOMATE), incident) for incident in (triggered, acknowledged, resolved)]
    assert automations == [True, True, False]


@pytest.mark.parametrize(
    ("ticket", "wanted"),
    [
        (None, set()),
        (Ticket(tracker="chat"), {Job.TICKET_OPEN}),
        (Ticket(tracker="chat", state=TicketState.OPEN, ref="7"), TICKET_JOBS - {Job.TICKET_OPEN}),
        (Ticket(tracker="chat", state=TicketState.CLOSED, ref="7"), TICKET_JOBS - {Job.TICKET_OPEN}),
        (Ticket(tracker="chat", state=TicketState.FAILED), set()),
    ],
)
def test_one_ticket_is_opened_and_nothing_is_said_in_one_that_is_not_there(
    ticket: Ticket | None, wanted: set[Job]
) -> None:
    acting = Acting(tickets=(ticket,)) if ticket is not None else None
    incident = msgspec.structs.replace(opened(), acting=acting)
    channel = ticket.tracker if ticket is not None else "chat"
    assert {
        job for job in TICKET_JOBS if still_wanted(row(job=job, channel=channel, target=TICKET), incident)
    } == wanted


PEOPLE = People(
    persons={
        "alice": Person("alice", contact=PAGER),
        "bob": Person("bob"),
        "eve": Person("eve", contact=Contact("fax", "")),
    },
    groups={"team": ("alice", "bob")},
    places={"room": CONSOLE},
)


def test_groups_are_opened_and_each_person_is_notified_once() -> None:
    found = PEOPLE.resolve(("alice", "team", "room"), frozenset({"pager", "console"}), CONSOLE, OnCallInput(0))
    assert found == (Notified("alice", PAGER), Notified("bob", CONSOLE, stranded=True), Notified("room", CONSOLE))


@pytest.mark.parametrize("target", ["eve", "bob", "nobody"])
def test_whoever_has_no_way_out_is_stranded_at_the_console(target: str) -> None:
    found = PEOPLE.resolve((target,), frozenset({"pager"}), CONSOLE, OnCallInput(0))
    assert found == (Notified(target, CONSOLE, stranded=True),)


def test_people_are_found_by_what_the_providers_call_them() -> None:
    people = People(persons={"a": Person("a", email="A@x.org", slack_user="U1", pagerduty_user="P1"), "b": Person("b")})
    assert [
        p.name for p in (people.by_slack("U1"), people.by_pagerduty("P1", ""), people.by_pagerduty("", "a@X.org")) if p
    ] == ["a"] * 3
    assert [people.by_slack(""), people.by_pagerduty("", ""), people.by_slack("U2")] == [None] * 3


def test_a_plan_comes_back_from_json_as_it_was_under_the_same_name() -> None:
    plan = playbook()
    again = Playbook.from_json(plan.to_json())
    assert (again, again.sha) == (plan, plan.sha)


def test_what_a_plan_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(UnknownLevel, match="no severity 'purple'"):
        playbook().level("purple")
    with pytest.raises(UnknownName, match="no tier 9"):
        playbook().tier(9)
    assert not playbook().has_level("purple")
    assert playbook().highest(["low", "high", "middle"]) == "high"
    assert [level.pages for level in playbook().levels] == [True, True, False]


def test_no_measure_is_negative_and_an_end_lies_within_its_occurrence() -> None:
    incident = step(fresh(), Opened(fired=("high",), first_alert_at=NOW + 5), NOW)[0]
    assert time_to_detect(incident) == 0
    assert time_to_acknowledge(incident, NOW - 1) == time_to_resolve(incident, NOW - 1) == 0
    assert time_to_detect(opened()) is None
    assert last_alert_end(incident, NOW + 9) == NOW + 9
