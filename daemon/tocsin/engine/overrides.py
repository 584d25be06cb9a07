"""Overrides and swaps that people make while tocsin runs, and who is on call."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tocsin.core.errors import IllegalTransition, UnknownName, WindowError
from tocsin.core.event import Actor
from tocsin.core.people import People
from tocsin.core.playbook import DAY, MINUTE
from tocsin.core.rotation import Duty, Override, Rotation, Shift
from tocsin.engine.apply import Work
from tocsin.engine.by_hand import ForATime, ended
from tocsin.engine.commit import Committer
from tocsin.engine.oncall import duty_of
from tocsin.ports.store import Reader

MOST = 500
"""How many overrides made by hand may be there that are not over."""
LONGEST = 366 * DAY
SHORTEST = MINUTE


class Wish(ForATime, frozen=True, kw_only=True):
    """What somebody asks for."""

    rotation: str
    person: str
    swaps_with: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A rotation at a moment."""

    rotation: Rotation
    shift: Shift
    """Who is on call, since when and until when; nobody: a gap."""
    following: Shift | None
    """The next shift that has somebody."""
    secondary: tuple[str, ...]
    shifts: tuple[Shift, ...]
    overrides: tuple[Override, ...]
    """Of people.yaml and made by hand, that are not over."""
    remarks: tuple[str, ...]
    """Why nobody is on call, where the rotation knows."""


@dataclass(frozen=True)
class Rotas:
    """Says who is on call; makes and ends overrides and swaps."""

    committer: Committer
    new_id: Callable[[], str]

    async def standing(self, at: int | None, days: int) -> tuple[int, list[Standing], People]:
        """Every rotation at a moment (now, unless given), with its shifts of the days from there on."""
        people = self.committer.live.policy.people

        def read(tx: Reader) -> tuple[int, list[Standing], People]:
            duty = duty_of(tx, people, at)
            found = [_standing(rotation, duty, days) for _, rotation in sorted(people.rotations.items())]
            return duty.now, found, people

        return await self.committer.store.read(read)

    async def create(self, wish: Wish, by: Actor) -> Override:
        """Make an override, or a swap; who is on call changes from its beginning on.

        Raises:
            UnknownName: There is no such rotation or person.
            WindowError: Its time cannot be used.
            IllegalTransition: There are too many already.
            StoreUnavailable: It could not be committed now.
        """

        def work(changes: Work) -> Override:
            made = _made(wish, by, self.new_id(), changes.now, changes.policy.people)
            if len(changes.tx.overrides(changes.now)) >= MOST:
                raise IllegalTransition(f"there are {MOST} overrides that are not over; end one first")
            changes.tx.put_override(made)
            return made

        return await self._commit(work)

    async def end(self, override_id: str, by: Actor) -> Override:
        """End an override or a swap now; one that has not begun never will.

        Raises:
            UnknownName: There is none of that id.
            IllegalTransition: It is over.
            StoreUnavailable: It could not be committed now.
        """

        def work(changes: Work) -> Override:
            made = changes.tx.override(override_id)
            if made is None:
                raise UnknownName(f"there is no override {override_id!r} that was made by hand")
            if made.ends_at <= changes.now or made.ended_at is not None:
                raise IllegalTransition("it is over")
            made = ended(made, changes.now, by)
            changes.tx.put_override(made)
            return made

        return await self._commit(work)

    async def _commit(self, work: Callable[[Work], Override]) -> Override:
        """Commit an override, and have the hand-over that it may bring looked at now."""
        override = await self.committer.commit("respond", work)
        self.committer.wake.everyone()
        return override


def _standing(rotation: Rotation, duty: Duty, days: int) -> Standing:
    shift = rotation.shift_at(duty.now, duty)
    later = rotation.shifts(shift.ends_at, shift.ends_at + 14 * DAY, duty)
    overrides = tuple(
        one
        for one in (*rotation.overrides, *duty.overrides)
        if one.rotation == rotation.name and one.ends_at > max(duty.now, one.starts_at)
    )
    return Standing(
        rotation=rotation,
        shift=shift,
        following=next((one for one in later if one.names), None),
        secondary=rotation.secondary_at(duty.now, duty),
        shifts=tuple(rotation.shifts(duty.now, duty.now + days * DAY, duty)) if days else (),
        overrides=overrides,
        remarks=rotation.remarks_at(duty.now, duty),
    )


def _made(wish: Wish, by: Actor, override_id: str, now: int, people: People) -> Override:
    if wish.rotation not in people.rotations:
        raise UnknownName(f"there is no rotation {wish.rotation!r}")
    for person in (wish.person, *([wish.swaps_with] if wish.swaps_with else [])):
        if person not in people.persons:
            raise UnknownName(f"there is no person {person!r}")
    if wish.person == wish.swaps_with:
        raise WindowError("nobody can change places with themselves", "name two persons")
    starts_at, ends_at = wish.span(now)
    if not SHORTEST <= ends_at - starts_at <= LONGEST:
        raise WindowError("lasts less than a minute, or more than a year", "check its beginning and its end")
    return Override(
        id=override_id,
        rotation=wish.rotation,
        person=wish.person,
        swaps_with=wish.swaps_with,
        starts_at=starts_at,
        ends_at=ends_at,
        planned_ends_at=ends_at,
        comment=wish.comment.strip(),
        author=by.name,
        via=by.via,
        created_at=now,
    )
