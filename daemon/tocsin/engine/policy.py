"""What the running configuration says, as the engine needs it; a reload replaces it as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tocsin.conf.templates import Template
from tocsin.core.outbox import Job
from tocsin.core.people import Contact, People
from tocsin.core.playbook import HOUR, MINUTE, SECOND, Playbook
from tocsin.core.rules import RuleSet
from tocsin.core.window import Window
from tocsin.engine.former_keys import FormerKeys
from tocsin.ports.channel import Channel
from tocsin.ports.source import Replica
from tocsin.ports.tracker import Tracker


@dataclass(frozen=True)
class Delivery:
    """How the dispatcher behaves. Durations in microseconds."""

    timeout: int = 10 * SECOND
    """The total deadline of one attempt."""
    lease: int = 30 * SECOND
    """How long a claim lasts; longer than any attempt."""
    give_up_after: int = 48 * HOUR
    concurrency: int = 16
    """How many attempts may be on their way through one channel."""
    longest_backoff: int = MINUTE


@dataclass(frozen=True)
class Watched:
    """A source that can be asked what fires."""

    every: int
    """How often it is, in microseconds."""
    replicas: tuple[Replica, ...]


@dataclass(frozen=True)
class Policy:
    """The running configuration."""

    instance: str
    """This tocsin's name, part of every idempotency key."""
    rules: RuleSet
    playbooks: Mapping[str, Playbook]
    self_playbook: Playbook
    """The playbook of tocsin's own incidents."""
    people: People
    channels: Mapping[str, Channel]
    trackers: Mapping[str, Tracker] = field(default_factory=dict, kw_only=True)
    """Where tickets are, by the names under ``trackers:``; none is a channel's."""
    console: Contact
    """Where what has no other way out goes."""
    self_targets: tuple[str, ...]
    """Whom tocsin tells about itself."""
    external_url: str = ""
    windows: tuple[Window, ...] = ()
    """The maintenance windows that are known in advance."""
    templates: Mapping[str, Template] = field(default_factory=dict)
    """What is said, by the names that playbooks use."""
    delivery: Delivery = Delivery()
    sources: Mapping[str, Watched] = field(default_factory=dict)
    """The sources that can be asked what fires."""
    former_keys: FormerKeys = field(default_factory=FormerKeys, compare=False)
    """The incidents that other rules have opened and that still go on."""

    @cached_property
    def channel_names(self) -> frozenset[str]:
        """The channels that contacts may name."""
        return frozenset(self.channels)

    @cached_property
    def _channels_for(self) -> dict[Job, frozenset[str]]:
        return {
            job: frozenset(name for name, channel in self.channels.items() if job in channel.handles) for job in Job
        }

    def channels_for(self, job: Job) -> frozenset[str]:
        """The channels on which a job means something."""
        return self._channels_for[job]

    def instead(self, plan: Playbook) -> tuple[tuple[str, ...], ...]:
        """Return who gets what nobody else can: the playbook's announce targets, or else tocsin's own people."""
        return plan.announce, self.self_targets

    def plan(self, name: str) -> Playbook:
        """The playbook of that name; tocsin's own where there is none (it pages tocsin's people)."""
        return self.playbooks.get(name, self.self_playbook)


class Live:
    """The one place that holds the running policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
