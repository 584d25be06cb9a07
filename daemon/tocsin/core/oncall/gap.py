"""Texts about a rotation without an on-call person."""

from collections.abc import Mapping, Sequence

from tocsin.core.duration import duration
from tocsin.core.oncall.rotation import OnCallInput, Rotation
from tocsin.core.schedule.moments import moment


def no_one_on_call(rotation: str, until: int | None, now: int, backup: Sequence[str], zone: str = "UTC") -> str:
    """Return a text about a gap: its end, and the people who are paged meanwhile.

    ``until``: the start of the next shift; None if no further shift is known.
    """
    ends = f" until {moment(until, zone)} (in {duration(until - now)})" if until is not None else ", and no shift comes"
    return f"no one is on call for {rotation}{ends}; {paged_instead(backup)}"


def uncovered(rotations: Mapping[str, Rotation], inputs: OnCallInput) -> dict[str, str]:
    """Return the rotations that have no on-call person now, each with a text about the gap.

    Rotations whose roster is not known yet are left out, because the roster may name persons.
    """
    now = inputs.now
    return {
        name: no_one_on_call(name, rotation.gap_ends_at(now, inputs), now, rotation.backup, rotation.time_zone)
        for name, rotation in rotations.items()
        if rotation.is_roster_known(inputs) and not rotation.on_at(now, inputs)
    }


def paged_instead(backup: Sequence[str]) -> str:
    """Return a text about the people who are paged while a rotation has no on-call person."""
    if backup:
        return f"the backup is paged: {', '.join(backup)}"
    return "it has no backup: pages go to the playbook's announce targets, else to the console"
