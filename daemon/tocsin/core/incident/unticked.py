"""The points of an incident's checklists that no one has ticked, counted and in words."""

from collections.abc import Sequence

import msgspec

from tocsin.core.incident.coordination import NOTHING
from tocsin.core.incident.incident import Incident


class Unticked(msgspec.Struct, frozen=True):
    """A checklist with points that no one has ticked."""

    checklist: str
    unticked: int
    """Number of points that are not ticked."""
    points: int
    """Number of all its points."""


def unticked_of(incident: Incident) -> tuple[Unticked, ...]:
    """Return the checklists of the incident's severity with points that no one has ticked."""
    work = incident.work or NOTHING
    ticked = {(tick.checklist, tick.number) for tick in work.ticks}
    counted = (
        Unticked(
            each.key,
            sum((each.key, number) not in ticked for number in range(1, len(each.items) + 1)),
            len(each.items),
        )
        for each in incident.plan.checklists_at(incident.severity)
    )
    return tuple(each for each in counted if each.unticked)


def in_words(lists: Sequence[Unticked], number: int) -> str:
    """Return the counts in a sentence, and the command that prints the points on the next line; "" without any."""
    if not lists:
        return ""
    counts = [f"{each.unticked} of {each.points} points of {each.checklist}" for each in lists]
    joined = f"{', '.join(counts[:-1])} and {counts[-1]}" if len(counts) > 1 else counts[0]
    verb = "is" if len(lists) == 1 and lists[0].unticked == 1 else "are"
    return f"Checklists: {joined} {verb} not ticked.\nTo see them: tocsin incidents show {number}"


__all__ = ["Unticked", "in_words", "unticked_of"]
