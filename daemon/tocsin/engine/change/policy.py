"""The running configuration as the engine uses it; a reload replaces the whole `Policy`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tocsin.conf.settings import DeliverySettings, LimitSettings
from tocsin.conf.templates import MessageTemplate
from tocsin.core.incident.outbox import Job
from tocsin.core.measures.goals import RecoveryObjectives
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.drill import drill_key, plan_of_drill
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.change.former_keys import FormerKeys
from tocsin.ports.channel import Channel
from tocsin.ports.source import Replica
from tocsin.ports.tracker import Tracker


@dataclass(frozen=True)
class Watched:
    """A source whose Alertmanagers can be queried for firing alerts."""

    every: int
    """The interval in microseconds."""
    replicas: tuple[Replica, ...]


@dataclass(frozen=True)
class Policy:
    """The running configuration."""

    instance: str
    """The name of this installation of tocsin, which is part of every idempotency key."""
    rules: RuleSet
    playbooks: Mapping[str, Playbook]
    self_playbook: Playbook
    """The playbook of tocsin's own incidents."""
    people: People
    channels: Mapping[str, Channel]
    trackers: Mapping[str, Tracker] = field(default_factory=dict, kw_only=True)
    """The trackers, by their names under ``trackers:``; no channel has the same name."""
    console: Contact
    """The contact for notifications that no other channel can deliver."""
    self_targets: tuple[str, ...]
    """The targets of messages about tocsin itself."""
    external_url: str = ""
    windows: tuple[Window, ...] = ()
    """The maintenance windows of the configuration."""
    templates: Mapping[str, MessageTemplate] = field(default_factory=dict)
    """The message templates, by the names that playbooks use."""
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    sources: Mapping[str, Watched] = field(default_factory=dict)
    """The sources that are queried for firing alerts."""
    report_zone: str = "UTC"
    """The time zone of reports."""
    objectives: Mapping[str, RecoveryObjectives] = field(default_factory=dict)
    """The recovery objectives of services."""
    former_keys: FormerKeys = field(default_factory=FormerKeys, compare=False)
    """The open incidents that earlier rules opened under another dedup key."""

    @cached_property
    def channel_names(self) -> frozenset[str]:
        """Return the names of the channels that contacts may use."""
        return frozenset(self.channels)

    @cached_property
    def _channels_for(self) -> dict[Job, frozenset[str]]:
        return {
            job: frozenset(name for name, channel in self.channels.items() if job in channel.handles) for job in Job
        }

    @cached_property
    def invitation_channels(self) -> frozenset[str]:
        """Return the channels that can carry an invitation to a calendar: those for e-mail."""
        return frozenset(name for name, channel in self.channels.items() if channel.kind == "email")

    def channels_for(self, job: Job) -> frozenset[str]:
        """Return the names of the channels that handle a job."""
        return self._channels_for[job]

    def instead(self, plan: Playbook) -> tuple[tuple[str, ...], ...]:
        """Return the targets in place of those that cannot be reached: the announce targets, then those of `self:`."""
        return plan.announce, self.self_targets

    @cached_property
    def drill_plans(self) -> dict[str, Playbook]:
        """Return the plans of the scheduled drills, by dedup key."""
        return {
            drill_key(plan.name, drill.name): plan_of_drill(drill, plan)
            for plan in self.playbooks.values()
            for drill in plan.drills
        }

    def plan(self, name: str) -> Playbook:
        """Return the playbook or the drill's plan of that name; if there is none, tocsin's own playbook.

        That one pages the targets of `self:`.
        """
        return self.playbooks.get(name) or self.drill_plans.get(name) or self.self_playbook


class Live:
    """The holder of the running policy, which a reload replaces."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
