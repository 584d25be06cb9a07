"""people.yaml: who there is, and how each is reached."""

import pytest

from conf.workbench import Workbench
from tocsin.core.people import Contact

WITH_CHAT = {
    "TOCSIN_CHANNELS": "{chat: {kind: radio, frequency: '1', stations: {north: {key_env: K}}}}",
    "K": "k",
}


def test_the_shipped_people_are_all_reached_through_the_console(bench: Workbench) -> None:
    loaded = bench.load()
    console = Contact("console", "console")
    assert {person.contact for person in loaded.people.persons.values()} == {console}
    assert set(loaded.people.places.values()) == {console}
    rooms = {"incidents", "incident-response", "service-status", "customers", "console"}
    automations = {f"erlmcp_{name}_manager" for name in ("failover", "backup", "consistency")}
    assert rooms | automations | {"erlmcp_recovery_orchestrator"} == set(loaded.people.places)
    roles = {"engineering-manager", "vp-engineering", "cto", "ceo", "legal", "security", "everyone", "executives"}
    assert roles <= set(loaded.people.groups)
    on_call = {"on-call-engineer", "sre-on-call", "engineering-manager-on-call", "vp-engineering-on-call"}
    assert set(loaded.people.rotations) == on_call


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
    told += "; did you mean console?"
    assert bench.warnings() == [f"people.yaml:{line}:{column + 21}: {told}"]
    assert bench.load().people.places["incidents"].channel == "consol"


@pytest.mark.parametrize(
    ("old", "new", "offset", "told"),
    [
        ("incidents: {channel: console}", "incidents: {channel: console, user: x}", 30, "unknown key 'user'"),
        ("incidents: {channel: console}", "incidents: {channel: chat}", 0, "'station' is missing"),
        ("incidents: {channel: console}", "incidents: {station: north}", 0, "'channel' is missing"),
        ("incidents: {channel: console}", "incidents: {channel: chat, station: nord}", 36,
         "the channel chat has no 'nord'; known: north"),
        ("incidents: {channel: console}", "alex: {channel: console}", 0,
         "'alex' is already the name of one of people:; choose another"),
        ("incidents: {channel: console}", "console: {channel: console}", 0,
         "'console' is already the name of the built-in target; choose another"),
        ("legal: [jordan]", "legal: [jordon]", 8, "'jordon' is neither a person nor a target; did you mean jordan?"),
        ("legal: [jordan]", "legal: []", 7, "must not be empty"),
        ("legal: [jordan]", "legal: jordan", 7,
         "a list is wanted here; write [a, b], or one line each that begins with -"),
        ("email: sam@example.com", "email: ALEX@example.com", 7,
         "alex has the same email: an acknowledgment could be either's; give each their own"),
        ("email: sam@example.com", "mail: sam@example.com", 0, "unknown key 'mail'; did you mean email?"),
        ("full_name: Sam Example", "full_name: 7", 11, "text is wanted here; put it in quotes"),
        ("  sam:\n", "  s am:\n", 2,
         "'s am' is no name here; write letters, digits, - _ and . only, a letter or digit first"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(bench: Workbench, old: str, new: str, offset: int, told: str) -> None:
    line, column = bench.edit("people.yaml", old, new)
    problems = bench.problems(WITH_CHAT)
    assert f"people.yaml:{line}:{column + offset}: {told}" in problems


def test_a_person_without_a_contact_whom_a_playbook_pages_is_a_warning(bench: Workbench) -> None:
    bench.edit("people.yaml", "    email: sam@example.com\n    contact: {channel: console}\n", "")
    line = bench.text("people.yaml").partition("  sam:")[0].count("\n") + 1
    told = "sam may be paged and has no contact: that page goes to the playbook's announce targets; write contact:"
    assert bench.warnings() == [f"people.yaml:{line}:3: {told}"]


def test_a_person_without_a_contact_whom_nobody_pages_is_fine(bench: Workbench) -> None:
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
