"""people.yaml: people, and their contacts."""

from datetime import UTC, datetime

import pytest

from conf.workbench import Workbench
from tocsin.core.duration import DAY, SECOND
from tocsin.core.oncall.people import Contact
from tocsin.core.oncall.rotation import OnCallInput

WITH_CHAT = {
    "TOCSIN_CHANNELS": "{chat: {kind: radio, frequency: '1', stations: {north: {key_env: K}}}}",
    "K": "k",
}


def test_the_shipped_people_are_all_reached_through_the_console(bench: Workbench) -> None:
    loaded = bench.load()
    console = Contact("console", "console")
    assert {person.contact for person in loaded.people.persons.values()} == {console}
    assert set(loaded.people.places.values()) == {console}
    rooms = {"incidents", "incident-response", "service-status", "customers", "drills", "console"}
    automations = {f"erlmcp_{name}_manager" for name in ("failover", "backup", "consistency")}
    assert rooms | automations | {"erlmcp_recovery_orchestrator"} == set(loaded.people.places)
    roles = {"engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security", "everyone", "executives"}
    assert roles <= set(loaded.people.groups)
    on_call = {"on-call-engineer", "sre-on-call", "engineering-manager-on-call", "vp-engineering-on-call"}
    assert set(loaded.people.rotations) == {*on_call, "devops-on-call", "devops-secondary"}


CONTACTS = {
    "On-call rotation: primary, secondary, backup": ("devops-on-call", "devops-secondary", "on-call-engineer-backup"),
    "On-Call Engineer and its backup": ("on-call-engineer", "on-call-engineer-backup"),
    "Team Lead and its backup": ("team-lead", "team-lead-backup"),
    "Security Team and its backup": ("security", "security-backup"),
    "Infrastructure and its backup": ("infrastructure", "infrastructure-backup"),
    "Emergency contacts": ("ceo", "cto", "vp-engineering", "customer-support"),
    "Escalation contacts": ("engineering-manager", "vp-engineering", "ceo", "legal"),
    "Additional responders": ("service-owner", "sre-on-call", "senior-engineering-lead", "product"),
}


@pytest.mark.parametrize("names", CONTACTS.values(), ids=CONTACTS)
def test_the_contacts_of_the_texts_stand_in_the_example(bench: Workbench, names: tuple[str, ...]) -> None:
    people = bench.load().people
    reached = [people.everybody(name) for name in names]
    assert all(reached)
    if names[0] != "devops-on-call" and names[-1].endswith("-backup"):
        assert set(reached[0]) != set(reached[1])


def test_the_secondary_of_the_example_is_another_person_than_the_primary_in_every_week(bench: Workbench) -> None:
    people = bench.load().people
    primary, secondary = people.rotations["devops-on-call"], people.rotations["devops-secondary"]
    week = 7 * DAY
    begins = round(datetime(2026, 1, 5, 9, tzinfo=UTC).timestamp()) * SECOND
    for number in range(8):
        inputs = OnCallInput(begins + number * week)
        assert set(primary.on_at(inputs.now, inputs)).isdisjoint(secondary.on_at(inputs.now, inputs))


def test_a_person_has_what_the_file_says(bench: Workbench) -> None:
    old = "    contact: {channel: console}\n    # slack_user"
    bench.edit(
        "people.yaml", old, "    contact: {channel: chat, station: north}\n    slack_user: U0123ABCD\n    # slack_user"
    )
    alex = bench.load(WITH_CHAT).people.persons["alex"]
    assert (alex.name, alex.full_name, alex.email, alex.slack_user) == (
        "alex",
        "Alex Example",
        "alex@example.com",
        "U0123ABCD",
    )
    assert alex.contact == Contact("chat", "north")


def test_a_contact_on_a_channel_that_is_not_configured_is_a_warning(bench: Workbench) -> None:
    line, column = bench.edit(
        "people.yaml", "incidents: {channel: console}", "incidents: {channel: consol, any: thing}"
    )
    told = "no channel 'consol' is configured: what goes here goes to the playbook's announce targets"
    told += ", else to the console; did you mean console?"
    assert bench.warnings() == [f"people.yaml:{line}:{column + 21}: {told}"]
    assert bench.load().people.places["incidents"].channel == "consol"


@pytest.mark.parametrize(
    ("old", "new", "offset", "told"),
    [
        ("incidents: {channel: console}", "incidents: {channel: console, user: x}", 30, "unknown key 'user'"),
        ("incidents: {channel: console}", "incidents: {channel: chat}", 0, "'station' is missing"),
        ("incidents: {channel: console}", "incidents: {station: north}", 0,
         "'channel' is missing; write `channel:` and the name of a channel, such as {channel: console}"),
        ("incidents: {channel: console}", "incidents: {channel: chat, station: nord}", 36,
         "the channel chat has no 'nord'; known: north"),
        ("incidents: {channel: console}", "alex: {channel: console}", 0,
         "'alex' is already the name of one of people:; choose another"),
        ("incidents: {channel: console}", "console: {channel: console}", 0,
         "'console' is already the name of the built-in target; choose another"),
        ("legal: [jordan]", "legal: [jordon]", 8, ("'jordon' is neither a person nor a target; did you mean jordan? "
            "If not, add jordon under `people:`")),
        ("legal: [jordan]", "legal: []", 7, "must not be empty"),
        ("legal: [jordan]", "legal: jordan", 7,
         "a list is expected here; write [a, b], or one line each that begins with -"),
        ("email: sam@example.com", "email: ALEX@example.com", 7,
         "alex has the same email: an acknowledgment could be either's; give each their own"),
        ("email: sam@example.com", "mail: sam@example.com", 0, "unknown key 'mail'; did you mean email?"),
        ("full_name: Sam Example", "full_name: 7", 11, "text is expected here; put it in quotes"),
        ("  sam:\n", "  s am:\n", 2,
         "'s am' is not a name here; write letters, digits, - _ and . only, a letter or digit first"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_at_its_position(bench: Workbench, old: str, new: str, offset: int, told: str) -> None:
    line, column = bench.edit("people.yaml", old, new)
    problems = bench.problems(WITH_CHAT)
    assert f"people.yaml:{line}:{column + offset}: {told}" in problems


def test_a_paged_person_without_a_contact_is_a_warning(bench: Workbench) -> None:
    bench.edit("people.yaml", "    email: sam@example.com\n    contact: {channel: console}\n", "")
    line = bench.text("people.yaml").partition("  sam:")[0].count("\n") + 1
    told = "sam may be paged and has no contact: that page goes to the playbook's announce targets"
    told += ", else to the console; write contact:"
    assert bench.warnings() == [f"people.yaml:{line}:3: {told}"]


def test_a_person_without_a_contact_who_is_never_paged_is_fine(bench: Workbench) -> None:
    bench.edit("people.yaml", "  sam:\n", "  pat: {slack_user: U0999ABCD}\n  sam:\n")
    assert bench.warnings() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    contact: {channel: console}\n    # slack_user",
            "    contact: {channel: console, after: 10m}\n    # slack_user",
        ),
        ("incidents: {channel: console}", "incidents: {channel: console, after: 10m}"),
    ],
)
def test_a_key_that_a_contact_does_not_listen_to_is_refused(bench: Workbench, old: str, new: str) -> None:
    bench.edit("people.yaml", old, new)
    [told] = bench.problems()
    assert "'after'" in told
