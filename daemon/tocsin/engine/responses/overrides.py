"""Overrides and swaps that people create while tocsin runs, and the people on call."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.errors import IllegalTransition, LimitReached, UnknownChoice, UnknownName, WindowError
from tocsin.core.incident.event import Actor
from tocsin.core.oncall.people import People
from tocsin.core.oncall.rotation import OnCallInput, Override, Rotation, Shift
from tocsin.core.suggestions import known_names
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.unit_of_work import UnitOfWork
from tocsin.engine.responses.manual import TimedRequest, ended
from tocsin.ports.store import Reader

LONGEST = 366 * DAY
"""Maximum length of an override."""
SHORTEST = MINUTE
"""Minimum length of an override."""


class OverrideRequest(TimedRequest, frozen=True, kw_only=True):
    """A request for an override, or with ``swaps_with`` for a swap."""

    rotation: str
    person: str
    swaps_with: str = ""


class RotationState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a rotation at a given time."""

    rotation: Rotation
    shift: Shift
    """The current shift; a shift without names is a gap."""
    following: Shift | None
    """The next shift with a person; None if no such shift is known."""
    secondary: tuple[str, ...]
    shifts: tuple[Shift, ...]
    overrides: tuple[Override, ...]
    """Current and future overrides, from people.yaml and created by people."""
    remarks: tuple[str, ...]
    """Reasons for a gap, as far as the rotation knows them."""


@dataclass(frozen=True)
class OnCallSchedule:
    """The people on call by shifts, overrides and swaps; and the creation and the end of overrides and swaps."""

    committer: Committer
    new_id: Callable[[], str]

    async def states(self, at: int | None, days: int) -> tuple[int, list[RotationState], People]:
        """Return the time, the state of each rotation with its shifts of the next days, and the people.

        ``at`` None stands for now.
        """
        people = self.committer.live.policy.people

        def read(tx: Reader) -> tuple[int, list[RotationState], People]:
            inputs = on_call_input(tx, people, at)
            found = [_state(rotation, inputs, days) for _, rotation in sorted(people.rotations.items())]
            return inputs.now, found, people

        return await self.committer.store.read(read)

    async def create(self, request: OverrideRequest, by: Actor) -> Override:
        """Create an override or a swap, which changes the people on call from its start.

        Raises:
            UnknownChoice: There is no such rotation or person.
            WindowError: The times cannot be used.
            LimitReached: There are too many overrides already.
            StoreUnavailable: The store cannot commit now.
        """

        def do(uow: UnitOfWork) -> Override:
            made = _made(request, by, self.new_id(), uow.now, uow.policy.people)
            limit = uow.policy.limits.overrides
            if len(uow.tx.overrides(uow.now)) >= limit:
                raise LimitReached(f"there are {limit} overrides that are not over (limits.overrides); end one first")
            uow.tx.put_override(made)
            return made

        return await self._commit(do)

    async def end(self, override_id: str, by: Actor) -> Override:
        """End an override or a swap now; a future one is canceled.

        Raises:
            UnknownName: There is no such override.
            IllegalTransition: The override is over.
            StoreUnavailable: The store cannot commit now.
        """

        def do(uow: UnitOfWork) -> Override:
            made = uow.tx.override(override_id)
            if made is None:
                raise UnknownName(
                    f"there is no override with the id {override_id!r}; only those made by a command can be ended"
                )
            if made.ends_at <= uow.now or made.ended_at is not None:
                raise IllegalTransition("the override is over")
            made = ended(made, uow.now, by)
            uow.tx.put_override(made)
            return made

        return await self._commit(do)

    async def _commit(self, do: Callable[[UnitOfWork], Override]) -> Override:
        """Commit an override, and wake the worker that notifies people of a hand-off."""
        override = await self.committer.commit("respond", do)
        self.committer.wake.everyone()
        return override


def _state(rotation: Rotation, inputs: OnCallInput, days: int) -> RotationState:
    shift = rotation.shift_at(inputs.now, inputs)
    later = rotation.shifts(shift.ends_at, shift.ends_at + 14 * DAY, inputs)
    overrides = tuple(
        one
        for one in (*rotation.overrides, *inputs.overrides)
        if one.rotation == rotation.name and one.ends_at > max(inputs.now, one.starts_at)
    )
    return RotationState(
        rotation=rotation,
        shift=shift,
        following=next((one for one in later if one.names), None),
        secondary=rotation.secondary_at(inputs.now, inputs),
        shifts=tuple(rotation.shifts(inputs.now, inputs.now + days * DAY, inputs)) if days else (),
        overrides=overrides,
        remarks=rotation.remarks_at(inputs.now, inputs),
    )


def _made(request: OverrideRequest, by: Actor, override_id: str, now: int, people: People) -> Override:
    if request.rotation not in people.rotations:
        raise UnknownChoice(
            f"there is no rotation {request.rotation!r}; {known_names(request.rotation, people.rotations)}"
        )
    for person in (request.person, *([request.swaps_with] if request.swaps_with else [])):
        if person not in people.persons:
            raise UnknownChoice(f"there is no person {person!r}; {known_names(person, people.persons)}")
    if request.person == request.swaps_with:
        raise WindowError("a person cannot swap with themselves", "name two persons")
    starts_at, ends_at = request.span(now)
    if not SHORTEST <= ends_at - starts_at <= LONGEST:
        raise WindowError("the override is shorter than a minute, or longer than a year", "check its start and end")
    return Override(
        id=override_id,
        rotation=request.rotation,
        person=request.person,
        swaps_with=request.swaps_with,
        starts_at=starts_at,
        ends_at=ends_at,
        planned_ends_at=ends_at,
        comment=request.comment.strip(),
        author=by.name,
        via=by.via,
        created_at=now,
    )
