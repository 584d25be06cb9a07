"""A reload reports rotations that have no on-call person now."""

import dataclasses

import pytest
from msgspec import structs

from app.rig import Rig, shipped
from tocsin.app.reload import Reloader
from tocsin.conf.bundle import Bundle
from tocsin.core.duration import HOUR
from tocsin.core.errors import StoreUnavailable
from tocsin.core.oncall.calendar import Calendar
from tocsin.core.oncall.rotation import Override, RosterLayer, Rotation

NO_BACKUP = "it has no backup: pages go to the playbook's announce targets, else to the console"


def bundle(now: int, *, hours: int | None = None, source: str = "", backup: tuple[str, ...] = ()) -> Bundle:
    """Return the shipped bundle with a rotation that gets its next on-call person in so many hours."""
    there = shipped()
    later = (
        () if hours is None else (Override(rotation="desk", person="sam", starts_at=now + hours * HOUR, ends_at=2**60),)
    )
    layers = (RosterLayer(source),) if source else (Calendar(()),)
    desk = Rotation("desk", layers, overrides=later, backup=backup)
    rotations = {**there.people.rotations, "desk": desk}
    return dataclasses.replace(there, people=structs.replace(there.people, rotations=rotations))


async def notes(rig: Rig, new: Bundle) -> list[str]:
    result = await Reloader(rig.daemon, lambda: new, lambda _: None).reload()
    assert result.ok, result.errors
    return [note for note in result.notes if "no one is on call" in note]


async def test_a_reload_says_which_rotation_has_no_one_and_until_when(rig: Rig) -> None:
    assert await notes(rig, bundle(rig.clock.now(), hours=5)) == [
        f"no one is on call for desk until 2026-11-20 17:00 UTC (in 5 h); {NO_BACKUP}"
    ]


async def test_a_reload_names_the_backup_that_is_paged(rig: Rig) -> None:
    assert await notes(rig, bundle(rig.clock.now(), backup=("sam",))) == [
        "no one is on call for desk, and no shift comes; the backup is paged: sam"
    ]


async def test_a_reload_says_nothing_of_a_user_group_that_was_not_asked_yet(rig: Rig) -> None:
    assert await notes(rig, bundle(rig.clock.now(), source="slack S0123ABCD")) == []


@pytest.mark.parametrize("failure", [StoreUnavailable("the disk is full"), ValueError("half a row")])
async def test_a_reload_happens_although_the_store_cannot_say_who_is_on_call(rig: Rig, failure: Exception) -> None:
    rig.store.failure = failure
    assert await notes(rig, bundle(rig.clock.now())) == []
