"""Resolution of targets to people and their contacts."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.oncall.people import Contact, Method, Notified, People, Person, UnusedMethod
from tocsin.core.oncall.rotation import OnCallInput, Override, Rotation, TurnsLayer, first_at

CONSOLE = Contact("console", "console")
PAGER, PHONE, MAIL = Contact("pager", "main"), Contact("phone", "+49"), Contact("mail", "a@x.org")
ALL = frozenset({"pager", "phone", "mail"})
UTC = ZoneInfo("UTC")
BEGIN = datetime.fromisoformat("2026-01-05 09:00")
AT = first_at(BEGIN, UTC)


def reached(name: str, *ways: tuple[Contact, int]) -> Person:
    first, *further = ways
    return Person(name, contact=first[0], further=tuple(Method(*way) for way in further))


def people(*members: str, backup: tuple[str, ...] = ()) -> People:
    turns = TurnsLayer(members, UTC, BEGIN, anchor=BEGIN, period=timedelta(days=7))
    return People(
        persons={
            "ann": reached("ann", (PAGER, 0), (PHONE, 2 * MINUTE), (MAIL, 5 * MINUTE)),
            "ben": reached("ben", (PHONE, 0)),
            "mute": Person("mute"),
        },
        groups={"team": ("on-call", "ben"), "spare": ("ben",)},
        places={"room": Contact("chat", "C1")},
        spares={"room": (Contact("chat", "C2"), MAIL)},
        rotations={"on-call": Rotation("on-call", (turns,), backup=backup)},
    )


def test_a_rotation_means_the_person_on_call_at_that_moment() -> None:
    found = people("ann", "ben")
    assert [found.members("on-call", OnCallInput(at)) for at in (AT - 1, AT, AT + 7 * DAY)] == [(), ("ann",), ("ben",)]
    assert found.members("team", OnCallInput(AT)) == ("ann", "ben")
    assert found.members("team", OnCallInput(AT + 7 * DAY)) == ("ben",)


def test_a_person_is_reached_by_the_first_way_and_the_others_keep_their_time() -> None:
    [ann] = people("ann").resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT))
    assert ann == Notified("ann", PAGER, left=(UnusedMethod(2, 2 * MINUTE), UnusedMethod(3, 5 * MINUTE)))


def test_a_way_whose_channel_is_not_there_is_skipped_and_the_next_one_is_used_at_once() -> None:
    [ann] = people("ann").resolve(("ann",), frozenset({"mail", "phone"}), CONSOLE, OnCallInput(AT))
    assert ann == Notified("ann", PHONE, left=(UnusedMethod(3, 5 * MINUTE),))


@pytest.mark.parametrize("backup", ["ben", "spare"])
def test_the_backup_is_paged_if_the_on_call_person_cannot_be_reached(backup: str) -> None:
    found = people("mute", backup=(backup,)).resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT))
    assert found == (Notified("ben", PHONE, why="mute is on call and has no contact method for this"),)


def test_the_backup_is_paged_where_no_one_is_on_call() -> None:
    found = people("ann", backup=("ben",)).resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT - 1))
    assert found == (Notified("ben", PHONE, why="no one is on call for on-call"),)


def test_without_a_backup_it_goes_to_the_console_marked() -> None:
    assert people("mute").resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT)) == (
        Notified("mute", CONSOLE, stranded=True),
    )
    assert people("ann").resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT - 1)) == (
        Notified("on-call", CONSOLE, stranded=True, why="no one is on call for on-call"),
    )
    assert people("mute", backup=("mute",)).resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT))[0].stranded


def test_a_backup_that_names_its_own_rotation_is_no_endless_search() -> None:
    assert people("mute", backup=("on-call",)).resolve(("on-call",), ALL, CONSOLE, OnCallInput(AT))[0].stranded


def test_an_override_made_manually_changes_whom_the_next_page_reaches() -> None:
    taken = Override(rotation="on-call", person="ben", starts_at=AT, ends_at=AT + DAY)
    assert people("ann").members("on-call", OnCallInput(AT, overrides=(taken,))) == ("ben",)


def test_a_place_has_its_next_channel_for_when_one_fails() -> None:
    found = people("ann")
    room = Contact("chat", "C1")
    assert found.spare("room", room, frozenset({"chat", "mail"})) == Contact("chat", "C2")
    assert found.spare("room", room, frozenset({"mail"})) == MAIL
    assert found.spare("room", MAIL, ALL) is None
    assert found.spare("ann", PAGER, ALL) is None
    assert found.resolve(("room",), frozenset({"mail"}), CONSOLE, OnCallInput(AT)) == (Notified("room", MAIL),)


def test_a_way_is_found_by_its_place_among_the_persons_ways() -> None:
    found = people("ann")
    assert [found.method("ann", nth) for nth in (1, 2, 3, 4, 0)] == [PAGER, PHONE, MAIL, None, None]
    assert found.method("nobody", 1) is None
