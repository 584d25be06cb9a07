"""Maintenance windows as the scenarios use them."""

import dataclasses

from tocsin.core.duration import MINUTE
from tocsin.core.incident.event import Actor
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.schedule.recurrence import Span
from tocsin.engine.responses.windows import WindowRequest
from tocsin.testing.harness import Harness

DOWN = {"alertname": "Down", "severity": "SEV-1", "service": "shop"}
ALICE = Actor("alice", "cli")


def use(tocsin: Harness, *windows: Window) -> None:
    """The configuration has these windows from now on, as after a reload."""
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, windows=windows)


def window(tocsin: Harness, begins: float, ends: float, match: str = 'service="shop"', name: str = "upgrade") -> Window:
    """From and until minutes after the start."""
    start = tocsin.clock.start
    return Window(name, parse_matchers(match), Span(start + round(begins * MINUTE), start + round(ends * MINUTE)))


async def make(tocsin: Harness, minutes: int, match: str = 'service="shop"', name: str = "ad hoc") -> str:
    made = await tocsin.windows.create(WindowRequest(name=name, matchers=match, duration=minutes * MINUTE), ALICE)
    assert made.made is not None
    return made.made.id


async def end(tocsin: Harness, window_id: str) -> int:
    _, released = await tocsin.windows.end(window_id, Actor("bob", "api"))
    await tocsin.settle()
    return released
