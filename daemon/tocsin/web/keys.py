"""What the edge is given: one `Edge`, put into the application under `EDGE`.

The Protocols say what the edge needs of the floors below; ``app/build`` hands
over what satisfies them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from aiohttp import web

from tocsin.conf.changes import Change
from tocsin.conf.settings import Settings
from tocsin.core.alert import Alert
from tocsin.core.event import Actor, Event
from tocsin.core.incident import Incident, Wait
from tocsin.core.people import People
from tocsin.core.quarantine import Quarantined
from tocsin.core.rotation import Override
from tocsin.engine.declaring import Declaration
from tocsin.engine.overrides import Standing
from tocsin.engine.overrides import Wish as OverrideWish
from tocsin.engine.policy import Policy
from tocsin.engine.shadow import ShadowReport
from tocsin.engine.treatment import Treatment
from tocsin.engine.windows import Listed, Preview, Wish
from tocsin.ports.observer import Observer
from tocsin.ports.store import Store
from tocsin.web.watch import Watch

Delivery = tuple[str, str]
"""(origin, key) of an inbound delivery, so that its repetition changes nothing."""


class Intake(Protocol):
    """Takes alerts in (``engine/ingest``)."""

    async def take(
        self, alerts: Sequence[Alert], quarantined: Sequence[Quarantined] = (), *, is_part: bool = False
    ) -> None:
        """Return after the durable commit; ``is_part``: of a webhook whose other parts may be taken already.

        Raises:
            StoreUnavailable: It was not committed; the sender may repeat it.
        """
        ...

    def report(self, reason: str, source: str, detail: str) -> None:
        """Tell tocsin's own people, without waiting; throttled within."""
        ...


class Senders(Protocol):
    """Remembers who was let in (``engine/senders``)."""

    def accept(self, place: str, address: str) -> None:
        """Remember a sender, without waiting."""
        ...

    async def is_known(self, place: str, address: str) -> bool:
        """Return whether a sender was accepted lately."""
        ...


class Answer(Protocol):
    """What became of a response."""

    @property
    def incident(self) -> Incident:
        """As it stands now."""
        ...

    @property
    def changed(self) -> bool:
        """Whether this response changed it."""
        ...

    @property
    def note(self) -> str:
        """What the responder should know, "" if nothing."""
        ...


class Respond(Protocol):
    """Carries out what people decide (``engine/respond``). ``ref`` is an incident's id, or its number as text.

    Each of them raises `UnknownName` where there is no such incident,
    `IllegalTransition` where its state does not allow it, and `StoreUnavailable`.
    """

    async def acknowledge(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Take the incident."""
        ...

    async def resolve(
        self, ref: str, by: Actor, *, occurrence: int | None = None, delivery: Delivery | None = None
    ) -> Answer:
        """Close it."""
        ...

    async def snooze(
        self, ref: str, by: Actor, *, until: int | None, length: int | None, delivery: Delivery | None = None
    ) -> Answer:
        """Take it and leave it alone, until a moment or for so many microseconds."""
        ...

    async def unsnooze(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Go on with it before the snooze is over."""
        ...

    async def replan(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Give it the playbook as it is now."""
        ...

    async def escalate(self, ref: str, by: Actor, *, delivery: Delivery | None = None) -> Answer:
        """Notify the next tier now."""
        ...

    async def set_severity(self, ref: str, by: Actor, severity: str | None, reason: str) -> Answer:
        """Pin the severity; None unpins it."""
        ...

    async def set_flags(self, ref: str, by: Actor, add: tuple[str, ...], remove: tuple[str, ...]) -> Answer:
        """Set and clear flags."""
        ...

    async def say(self, ref: str, event: Event, *, delivery: Delivery | None = None) -> Answer:
        """Let happen what a person says or has done."""
        ...

    async def merge(self, ref: str, into: str, by: Actor) -> Answer:
        """Let it go on in another one."""
        ...

    async def split(self, ref: str, by: Actor) -> Answer:
        """Let it go on by itself again."""
        ...

    async def link(self, ref: str, other: str, by: Actor) -> Answer:
        """Say that it has to do with another one."""
        ...

    async def set_facts(self, ref: str, by: Actor, facts: dict[str, str]) -> Answer:
        """Keep what has been found out."""
        ...


class Declarer(Protocol):
    """Incidents that people declare without an alert (``engine/declaring``)."""

    async def declare(self, wish: Declaration, by: Actor, delivery: Delivery | None = None) -> Incident:
        """Open one."""
        ...


class Rotas(Protocol):
    """Who is on call, and overrides and swaps that people make (``engine/overrides``).

    `WindowError` is raised where the time of one cannot be used, `UnknownName` where it names nobody.
    """

    async def standing(self, at: int | None, days: int) -> tuple[int, list[Standing], People]:
        """The moment, every rotation at it, and the people that there are."""
        ...

    async def create(self, wish: OverrideWish, by: Actor) -> Override:
        """Make one."""
        ...

    async def end(self, override_id: str, by: Actor) -> Override:
        """End one now."""
        ...


class Windows(Protocol):
    """Maintenance windows that people make (``engine/windows``).

    `WindowError` is raised where one cannot be used as it is written.
    """

    async def create(self, wish: Wish, by: Actor) -> Listed:
        """Make one."""
        ...

    async def end(self, window_id: str, by: Actor) -> tuple[Listed, int]:
        """End one now; returns how many incidents no longer wait."""
        ...

    async def list(self) -> list[Listed]:
        """All of them, those of windows.yaml too."""
        ...

    async def preview(self, matchers: str) -> Preview:
        """What one would hide."""
        ...

    async def hides(self, source: str, labels: Mapping[str, str]) -> Wait | None:
        """The one that an alert which fires now is in."""
        ...


class Exposition(Protocol):
    """The figures as Prometheus reads them (``telemetry/metrics``)."""

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type, as the ``Accept`` header asks for it."""
        ...


class Health(msgspec.Struct, frozen=True):
    """How the daemon is."""

    healthy: bool
    """It makes progress; False: restart it."""
    ready: bool
    """It can take alerts now."""
    detail: Mapping[str, Any] = {}
    """For people: uptime, heartbeats, what is wrong."""
    why: str = ""
    """What is wrong, in words that anybody may read."""


class ReloadResult(msgspec.Struct, frozen=True):
    """What became of a reload."""

    ok: bool
    errors: tuple[str, ...] = ()
    """``file:line:column: what is wrong``; the old configuration then stays."""
    notes: tuple[str, ...] = ()
    """What the operator should know: incidents whose plan would now differ, settings that need a restart."""
    at: int | None = None
    fingerprint: str = ""
    """Of the configuration that runs from then on."""
    changes: tuple[Change, ...] = ()
    """What differs from the configuration before."""
    treatment: Treatment = Treatment()
    """Open incidents that the new rules would have treated differently; they go on as they are."""


class Reload(Protocol):
    """Takes over a new configuration (``app/reload``)."""

    async def __call__(self, *, force: bool = False) -> ReloadResult:
        """Take it over, or say why not; ``force`` also one that removes every token, channel or contact."""
        ...


@dataclass(frozen=True)
class Deadlines:
    """How long things may take at the edge, in seconds."""

    body: float = 15.0
    """For a whole body to arrive."""
    commit: float = 8.0
    """For a webhook's commit; Alertmanager gives up after ``max(group_interval, 10 s)``."""
    pagerduty: float = 4.0
    """For an event's commit; PagerDuty waits for 5."""
    twilio: float = 8.0
    """For a key pressed, or an SMS; Twilio waits for 15, and somebody listens to the silence."""
    slack: float = 2.5
    """For a click's commit. Slack waits for 3; after that, as after our 503, it shows a warning: no click is lost
    silently."""


@dataclass(frozen=True)
class Edge:
    """Everything that the handlers use."""

    intake: Intake
    senders: Senders
    respond: Respond
    declarer: Declarer
    windows: Windows
    rotas: Rotas
    store: Store
    settings: Callable[[], Settings]
    """The running settings; others after a reload."""
    policy: Callable[[], Policy]
    """The rest of the running configuration: rules, playbooks, people, channels."""
    observer: Observer
    exposition: Exposition
    now: Callable[[], int]
    """The store's clock."""
    reload: Reload
    health: Callable[[], Health]
    operator: str
    """Whom a caller on loopback acts as while no token is configured: ``$USER``."""
    last_reload: Callable[[], ReloadResult | None] = lambda: None
    """What became of the last one, None before the first."""
    shadow: Callable[[], ShadowReport | None] = lambda: None
    """What the shadow rules have seen, None where there are none."""
    deadlines: Deadlines = Deadlines()


EDGE: web.AppKey[Edge] = web.AppKey("edge", Edge)
COMMITS: web.AppKey[Watch] = web.AppKey("commits", Watch)
"""Watches the webhooks that wait for their commit."""
