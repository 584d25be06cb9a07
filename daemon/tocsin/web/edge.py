"""The dependencies of the HTTP handlers: one `Edge`, stored in the application under `EDGE`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from aiohttp import web

from tocsin.conf.changes import ConfigChange
from tocsin.conf.settings import Settings
from tocsin.engine.change.policy import Policy
from tocsin.engine.intake.ingest import Ingest
from tocsin.engine.intake.senders import KnownSenders
from tocsin.engine.intake.shadow import ShadowReport
from tocsin.engine.reload_impact import ReloadImpact
from tocsin.engine.responses.declare import Declarer
from tocsin.engine.responses.overrides import OnCallSchedule
from tocsin.engine.responses.respond import Respond
from tocsin.engine.responses.windows import Windows
from tocsin.ports.observer import Observer
from tocsin.ports.store import Store
from tocsin.telemetry.metrics import Metrics
from tocsin.web.deadline import Deadline


class Health(msgspec.Struct, frozen=True):
    """The state of the daemon."""

    healthy: bool
    """True while the daemon makes progress; if False, restart the daemon."""
    ready: bool
    """True while the daemon accepts alerts."""
    detail: Mapping[str, Any] = {}
    """Details for people with a token: uptime, configuration, store, workers."""
    why: str = ""
    """The problem in a form that may be public, "" if there is none."""


class ReloadResult(msgspec.Struct, frozen=True):
    """The result of a reload."""

    ok: bool
    errors: tuple[str, ...] = ()
    """Errors as ``file:line:column: message``; with errors, the old configuration stays in force."""
    notes: tuple[str, ...] = ()
    """Notes for the operator: incidents whose playbook has changed, settings that need a restart."""
    at: int | None = None
    fingerprint: str = ""
    """Fingerprint of the configuration in force after the reload."""
    changes: tuple[ConfigChange, ...] = ()
    """Differences from the previous configuration."""
    treatment: ReloadImpact = ReloadImpact()
    """Open incidents that the new rules would have treated differently; these incidents stay unchanged."""


class Reload(Protocol):
    """The reload of the configuration, which the floor above carries out (``app/reload``)."""

    async def __call__(self, *, force: bool = False) -> ReloadResult:
        """Reload the configuration; ``force`` accepts a configuration that removes all tokens, channels or contacts."""
        ...


@dataclass(frozen=True)
class Deadlines:
    """Deadlines of the HTTP handlers, in seconds."""

    body: float = 15.0
    """Deadline for the arrival of a whole body."""
    commit: float = 8.0
    """Deadline for a webhook's commit. Alertmanager's timeout is ``max(group_interval, 10 s)``."""
    pagerduty: float = 4.0
    """Deadline for an event's commit. PagerDuty's timeout is 5 s."""
    twilio: float = 8.0
    """Deadline for a pressed key or an SMS. Twilio's timeout is 15 s, but the caller hears silence meanwhile."""
    slack: float = 2.5
    """Deadline for a click's commit. Slack's timeout is 3 s. After a timeout or a 503, Slack shows a warning, so that
    no click is lost silently."""


@dataclass(frozen=True)
class Edge:
    """The dependencies of the HTTP handlers: parts of the engine, the configuration and the store."""

    intake: Ingest
    senders: KnownSenders
    respond: Respond
    declarer: Declarer
    windows: Windows
    oncall_schedule: OnCallSchedule
    store: Store
    settings: Callable[[], Settings]
    """Returns the current settings, which a reload may replace."""
    policy: Callable[[], Policy]
    """Returns the rest of the current configuration: rules, playbooks, people, channels."""
    observer: Observer
    exposition: Metrics
    now: Callable[[], int]
    """Returns the time of the store's clock."""
    reload: Reload
    health: Callable[[], Health]
    operator: str
    """Name of callers on loopback while no token is configured: ``$USER``."""
    last_reload: Callable[[], ReloadResult | None] = lambda: None
    """Returns the result of the last reload, None before the first one."""
    shadow: Callable[[], ShadowReport | None] = lambda: None
    """Returns the results of the shadow rules, None without shadow rules."""
    own_token: str = ""
    """Token with which tocsin sends itself the webhooks of scheduled drills; "" if there are no drills."""
    deadlines: Deadlines = Deadlines()


EDGE: web.AppKey[Edge] = web.AppKey("edge", Edge)
COMMITS: web.AppKey[Deadline] = web.AppKey("commits", Deadline)
"""The deadline of webhooks that wait for their commit."""
