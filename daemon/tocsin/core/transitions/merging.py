"""Two incidents that are one, and those that only have to do with each other."""

from tocsin.core.event import Linked, MergedInto, MergedWith
from tocsin.core.transitions.change import Change
from tocsin.core.transitions.hearing import heard
from tocsin.core.transitions.opening import close


def merged_into(change: Change, event: MergedInto) -> None:
    """It goes on in the other one: here nothing fires any more, and nobody is paged."""
    change.set(firing={}, merged=event.merged)
    change.record("merged", event.by, into=event.merged.number, alerts=len(event.merged.alerts))
    close(change, "merged", event.by)


def merged_with(change: Change, event: MergedWith) -> None:
    """Another one goes on here, or no longer does; its alerts are told by an event of their own."""
    change.record("merged_with" if event.joins else "split_off", event.by, incident=event.number)
    heard(change)


def linked(change: Change, event: Linked) -> None:
    """Say in its timeline what it has to do with."""
    change.record("linked", event.by, incident=event.number)
