"""`tocsin simulate` predicts what the engine does, for any playbook and any events.

The two have in common the core, and who is concerned by a step or a hand-over: the simulation
walks it, the engine runs it through a store, leases, a dispatcher and channels.
"""

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenario.any_playbook import PAGER, PEOPLE, PLACE, PLAYBOOK, SEVERITIES, STORY, WORDS, Happening
from tocsin.conf.templates import MessageTemplate
from tocsin.core.duration import HOUR
from tocsin.core.incident.event import (
    Acknowledge,
    Actor,
    AlertsChanged,
    Declare,
    Escalate,
    Event,
    Opened,
    Resolve,
    SetFlags,
    SetSeverity,
    Snooze,
    UpdatePosted,
)
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.playbook import Kind, Playbook
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel
from tocsin.testing.simulate import Walk, Ways

LOOK = 6 * HOUR
Told = tuple[int, int, str, str, str, str]
"""(after, tier, target, channel, kind, because)"""


def _by(name: str) -> Actor:
    return Actor(name, "api")


ACTS: dict[str, tuple[Callable[[str], Event], Callable[[Harness, str], Awaitable[object]]]] = {
    "acknowledge": (lambda who: Acknowledge(by=_by(who)), lambda tocsin, who: tocsin.acknowledge(who)),
    "declare": (lambda who: Declare(by=_by(who)), lambda tocsin, who: tocsin.say(Declare(by=_by(who)))),
    "update": (
        lambda who: UpdatePosted(by=_by(who), text="so it goes"),
        lambda tocsin, who: tocsin.say(UpdatePosted(by=_by(who), text="so it goes")),
    ),
    "escalate": (lambda who: Escalate(by=_by(who)), lambda tocsin, who: tocsin.escalate(who)),
    "close": (lambda who: Resolve(by=_by(who)), lambda tocsin, who: tocsin.close(who)),
    "pin": (lambda to: SetSeverity(by=_by("ann"), severity=to), lambda tocsin, to: tocsin.set_severity(to, "ann")),
    "unpin": (lambda _: SetSeverity(by=_by("ann"), severity=None), lambda tocsin, _: tocsin.set_severity(None, "ann")),
    "flag": (lambda flag: SetFlags(by=_by("ann"), add=(flag,)), lambda tocsin, flag: tocsin.flag(flag, by="ann")),
    "unflag": (
        lambda flag: SetFlags(by=_by("ann"), remove=(flag,)),
        lambda tocsin, flag: tocsin.flag(remove=(flag,), by="ann"),
    ),
}
"""Responses of people: as the core has them, and as the engine is asked."""


class Alerts:
    """The severities that fire; the last that joined is the first to leave."""

    def __init__(self) -> None:
        self.firing: list[str] = []

    def changes(self, what: str, how: str) -> list[tuple[str, str, str]]:
        """(``fires`` or ``ends``, which, its severity) of each alert that changes."""
        count = len(self.firing)
        if what == "joins":
            self.firing.append(how)
            return [("fires", str(count), how)]
        leaving = {"leaves": min(1, count - 1), "over": count}.get(what, 0)
        return [("ends", str(count - place), self.firing.pop()) for place in range(1, leaving + 1)]


def simulated(playbook: Playbook, people: People, severity: str, story: Sequence[Happening]) -> list[Told]:
    names = frozenset({"console", PAGER, PLACE})
    ways = Ways(people, dict.fromkeys(Kind, names), Contact("console", "console"))
    script: list[tuple[int, Event]] = [(0, Opened(fired=(severity,)))]
    alerts = Alerts()
    alerts.changes("joins", severity)
    after = 0
    for span, what, how in story:
        after += span
        if what == "snooze":
            script.append((after, Snooze(by=_by("ann"), until=VirtualClock().start + after + int(how))))
        elif what in ACTS:
            script.append((after, ACTS[what][0](how)))
        for change, _, of in alerts.changes(what, how):
            script.append((after, AlertsChanged(fired=(of,)) if change == "fires" else AlertsChanged(ended=(of,))))
    steps = Walk(playbook, ways).run(script, start=VirtualClock().start, until=after + LOOK)
    return sorted(
        (step.after, step.tier, target, step.channel, step.kind.replace("reminder", "update"), step.because)
        for step in steps
        for target in step.targets
    )


class Engine:
    """A tocsin that can be killed and started again on its store."""

    def __init__(self, playbook: Playbook, people: People, url: str) -> None:
        self._playbook = playbook
        self._people = people
        self._url = url
        self._clock = VirtualClock()
        self._channels = [RecordingChannel(name) for name in (PAGER, PLACE)]
        self._alerts = Alerts()
        self._told: list[Told] = []
        self.tocsin = self._new()

    def _new(self) -> Harness:
        store = open_store(self._url, self._clock)
        return Harness(
            self._playbook,
            self._people,
            channels=self._channels,
            store=store,
            clock=self._clock,
            templates={WORDS: MessageTemplate(WORDS, "{{ title }}")},
        )

    async def restart(self) -> None:
        """Nothing that only the process knew survives."""
        if self._url == "memory:":
            return
        await self._remember()
        await self.tocsin.__aexit__(None, None, None)
        self.tocsin = self._new()
        await self.tocsin.__aenter__()
        await self.tocsin.settle()

    async def _remember(self) -> None:
        for name, channel in self.tocsin.channels.items():
            for content in channel.sent:
                if content.job not in (Job.PAGE, Job.UPDATE):
                    continue
                row = await self.tocsin.store.read(lambda tx, key=content.key: tx.outbox_row(key))
                assert row is not None
                after = content.now - self._clock.start
                self._told.append((after, row.tier, content.target, name, content.job.value, content.because))
            channel.sent.clear()

    async def told(self) -> list[Told]:
        """Everything that went out."""
        await self._remember()
        return sorted(self._told)

    async def happen(self, what: str, how: str) -> None:
        if what == "restart":
            await self.restart()
        elif what == "snooze":
            await self.tocsin.snooze(minutes=int(how) / 60_000_000, by="ann")
        elif what in ACTS:
            await ACTS[what][1](self.tocsin, how)
        for change, instance, severity in self._alerts.changes(what, how):
            post = self.tocsin.fire if change == "fires" else self.tocsin.resolve
            await post(alertname="Down", service="shop", instance=instance, severity=severity)


async def engine(
    playbook: Playbook, people: People, severity: str, story: Sequence[Happening], url: str = "memory:"
) -> list[Told]:
    engine = Engine(playbook, people, url)
    await engine.tocsin.__aenter__()
    try:
        await engine.happen("joins", severity)
        for span, what, how in story:
            await engine.tocsin.advance(seconds=span / 1_000_000)
            await engine.happen(what, how)
        await engine.tocsin.advance(seconds=LOOK / 1_000_000)
        return await engine.told()
    finally:
        await engine.tocsin.__aexit__(None, None, None)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(playbook=PLAYBOOK, people=PEOPLE, severity=st.sampled_from(SEVERITIES), story=STORY)
async def test_what_is_simulated_is_what_happens(
    playbook: Playbook, people: People, severity: str, story: list[Happening]
) -> None:
    assert await engine(playbook, people, severity, story) == simulated(playbook, people, severity, story)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(playbook=PLAYBOOK, people=PEOPLE, severity=st.sampled_from(SEVERITIES), story=STORY)
async def test_and_so_it_is_when_tocsin_is_killed_and_started_again_on_the_way(
    playbook: Playbook, people: People, severity: str, story: list[Happening]
) -> None:
    """A restart after every single thing that happens, on a file."""
    often = [one for happening in story for one in (happening, (0, "restart", ""))]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'tocsin.db'}"
        found = await engine(playbook, people, severity, [(0, "restart", ""), *often], url)
    assert found == simulated(playbook, people, severity, story)
