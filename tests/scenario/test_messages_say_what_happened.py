"""Messages that say what happened to an incident and what is left to do, as people read them."""

import dataclasses

from msgspec import structs

from scenario.emergency import ON_CALL
from tocsin.channels import next_pages, outcomes, wording
from tocsin.core.content.page import Content
from tocsin.core.duration import HOUR
from tocsin.core.incident.event import Actor
from tocsin.core.incident.outbox import Job
from tocsin.testing.content import NOW, content
from tocsin.testing.harness import Harness

ALICE = Actor("alice", "api")
SLOW = {"alertname": "Slow", "severity": "SEV-2", "service": "checkout"}
DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "database"}


def last(tocsin: Harness, job: Job, target: str = "") -> Content:
    return next(message for message in reversed(tocsin.sent(job)) if target in ("", message.target))


async def test_a_merge_names_the_incident_that_goes_on_and_who_has_it(tocsin: Harness) -> None:
    await tocsin.fire(**SLOW)
    await tocsin.fire(**DOWN)
    await tocsin.respond.acknowledge("2", ALICE)
    await tocsin.respond.merge("1", "2", ALICE)
    await tocsin.settle()
    message = last(tocsin, Job.RESOLVE)
    assert wording.kind(message) == "MERGED"
    text = outcomes.ending(message)
    assert text.startswith("Merged by alice into #2 database: Down, which goes on")
    assert "alice has that one" in text
    assert "No action needed" not in text


async def test_a_split_names_the_incident_that_it_was_split_from(tocsin: Harness) -> None:
    await tocsin.fire(**SLOW)
    await tocsin.fire(**DOWN)
    await tocsin.respond.merge("1", "2", ALICE)
    await tocsin.respond.split("1", ALICE)
    await tocsin.settle()
    assert wording.reason(last(tocsin, Job.PAGE)) == "Split from incident #2: its own alerts still fire."


async def test_a_snooze_says_until_when_by_whom_and_what_comes_then(tocsin: Harness) -> None:
    await tocsin.fire(**SLOW)
    await tocsin.respond.snooze("1", ALICE, length=2 * HOUR)
    await tocsin.settle()
    message = last(tocsin, Job.ACKNOWLEDGE, ON_CALL)
    assert wording.kind(message) == "SNOOZED"
    text = outcomes.taken(message)
    assert text.startswith("Snoozed until ")
    assert "by alice" in text
    assert "paged again" in text


async def test_a_resolve_while_alerts_fire_says_when_the_incident_opens_again(tocsin: Harness) -> None:
    await tocsin.fire(**SLOW)
    await tocsin.respond.resolve("1", ALICE)
    await tocsin.settle()
    text = outcomes.ending(last(tocsin, Job.RESOLVE))
    assert "1 alert still fires. If it goes on, the incident opens again at " in text
    assert "No action needed" not in text


async def test_a_raised_severity_names_the_alert_that_raised_it(tocsin: Harness) -> None:
    await tocsin.fire(**SLOW)
    await tocsin.fire(**(SLOW | {"severity": "SEV-1", "instance": "db-1"}))
    reason = wording.reason(last(tocsin, Job.PAGE))
    assert reason == "Raised from SEV-2 to SEV-1: 1 alert fires at SEV-1 (Slow, severity=SEV-1)."


def test_the_person_who_owes_the_postmortem_hears_that_with_the_resolve() -> None:
    owed = ("You are to write the postmortem by 04:00 UTC. Draft: tocsin postmortem 12.",)
    text = outcomes.ending(content(state="resolved", resolved_at=NOW, alerts_firing=0, owed=owed))
    assert owed[0] in text
    assert "No action needed" not in text


async def test_people_are_called_by_their_configured_name(tocsin: Harness) -> None:
    policy = tocsin.live.policy
    persons = dict(policy.people.persons)
    persons[ON_CALL] = structs.replace(persons[ON_CALL], full_name="Alex von Example")
    tocsin.live.policy = dataclasses.replace(policy, people=structs.replace(policy.people, persons=persons))
    await tocsin.fire(**SLOW)
    await tocsin.acknowledge(ON_CALL)
    await tocsin.escalate(ON_CALL)
    reason = wording.reason(last(tocsin, Job.PAGE))
    assert reason.startswith("Alex von Example asks for your help")


def test_a_login_at_the_start_of_a_sentence_keeps_its_spelling() -> None:
    assert wording.reason(content(because="ci-bot has not responded yet")) == "ci-bot has not responded yet."
    assert wording.reason(content(because="nobody has acknowledged it")) == "Nobody has acknowledged it."


def test_a_page_that_comes_next_says_where_no_one_is_on_call() -> None:
    page = next_pages.Upcoming(NOW, "Secondary", vacant=("secondary",), backups=("robin",))
    text = next_pages.following(content(next_pages=(page,)))
    assert "no one is on call for secondary then, so the backup robin" in text
