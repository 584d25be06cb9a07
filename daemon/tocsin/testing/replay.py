"""Runs what has happened through the whole engine again, on a virtual clock, and says what other rules change."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from tocsin.conf.bundle import Bundle
from tocsin.core.alert import SELF_SOURCE, Alert, Episode
from tocsin.core.comparison import Difference, differences
from tocsin.core.errors import TocsinError
from tocsin.core.incident import TAKEN, State
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import HOUR
from tocsin.core.verdict import Verdict
from tocsin.ports.store import AlertKey, IncidentFilter, Reader
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recorded import Happening, Recorded

LOOKS_ON_FOR = HOUR
"""How long the replay goes on after the last thing that happened, so that what fired last can climb."""
TOLD = frozenset({Job.PAGE, Job.UPDATE})
"""What is counted; the incidents' own messages are four fifths of all that would be sent."""
ALL = 10_000_000
"""As a limit."""

Group = tuple[str, str]
"""(alertname, service as the first rules have it)"""


@dataclass
class Figures:
    """What became of some alerts."""

    alerts: int = 0
    """Firing spells."""
    incidents: int = 0
    pages: Counter[int] = field(default_factory=Counter)
    """By tier."""
    updates: int = 0
    suppressed: int = 0
    """Firing spells of which nobody was told."""
    held: int = 0
    """Firing spells that automation was given time to heal."""
    unrouted: int = 0

    @property
    def paged(self) -> int:
        """Pages of every tier."""
        return self.pages.total()


@dataclass
class Run:
    """One replay."""

    figures: Figures = field(default_factory=Figures)
    groups: dict[Group, Figures] = field(default_factory=dict)
    verdicts: dict[AlertKey, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """What other rules change about alerts of one name and service."""

    group: Group
    before: Figures
    after: Figures
    differences: tuple[tuple[Difference, int], ...]
    """And how many alerts each concerns, the most frequent first."""

    @property
    def weight(self) -> tuple[int, int, int]:
        """How much it changes: pages first."""
        before, after = self.before, self.after
        return (
            abs(after.paged - before.paged),
            abs(after.incidents - before.incidents) + abs(after.updates - before.updates),
            sum(count for _, count in self.differences),
        )


async def replay(
    recorded: Recorded, bundle: Bundle, groups: Mapping[AlertKey, Group], advance: Callable[[int], None]
) -> Run:
    """Run it once with this configuration.

    Args:
        recorded: What happened.
        bundle: The configuration.
        groups: To which group each alert belongs; empty: by this configuration's rules.
        advance: Told how many happenings more are over.
    """
    run = Run(verdicts={alert.key: bundle.rules.evaluate(alert) for alert in recorded.alerts})
    happenings = recorded.happenings
    if not happenings:
        return run
    start = datetime.fromtimestamp(happenings[0].at / 1_000_000, UTC)
    async with Harness.of(bundle, clock=VirtualClock(start), jobs=TOLD) as tocsin:
        for at, together in groupby(happenings, key=lambda one: one.at):
            await tocsin.advance_to(max(at, tocsin.clock.now()))
            some = list(together)
            alerts = [one.alert for one in some if one.alert is not None]
            if alerts:
                await tocsin.take(*alerts)
            for one in some:
                if one.alert is None:
                    await _answer(tocsin, one)
            advance(len(some))
        await tocsin.advance_to(happenings[-1].at + LOOKS_ON_FOR)
        await _count(tocsin, run, groups or groups_of(run, recorded.alerts))
    return run


def groups_of(run: Run, alerts: list[Alert]) -> dict[AlertKey, Group]:
    """The groups of a run's alerts, by its own rules."""
    return {alert.key: (alert.name, run.verdicts[alert.key].service) for alert in alerts}


async def _answer(tocsin: Harness, happening: Happening) -> None:
    """The person who then had the incident has whatever these alerts have become."""
    keys = list(happening.alerts)

    def find(tx: Reader) -> list[str]:
        episodes = tx.latest_episodes(keys).values()
        ids = {episode.incident_id: None for episode in episodes if episode.incident_id is not None}
        found = (tx.incident(incident_id) for incident_id in ids)
        wanted = (State.TRIGGERED, *TAKEN) if happening.resolves else (State.TRIGGERED,)
        return [incident.id for incident in found if incident is not None and incident.state in wanted]

    answer = tocsin.close if happening.resolves else tocsin.acknowledge
    for incident_id in await tocsin.store.read(find):
        try:
            await answer(happening.person, incident_id)
        except TocsinError:
            continue  # other rules have made something else of it: there is nothing to answer


async def _count(tocsin: Harness, run: Run, groups: Mapping[AlertKey, Group]) -> None:
    own = tocsin.live.policy.self_playbook.name
    episodes, incidents = await tocsin.store.read(
        lambda tx: (
            [one for one in tx.episodes_after(("", "", 0), 0, ALL) if one.source != SELF_SOURCE],
            [one.id for one in tx.incidents(IncidentFilter(limit=ALL)) if one.plan.name != own],
        )
    )
    opened: dict[str, Group] = {}
    for episode in sorted(episodes, key=lambda one: one.first_seen_at):
        group = groups.get(episode.key)
        if group is None:
            continue
        if episode.incident_id is not None:
            opened.setdefault(episode.incident_id, group)
        for figures in _counted(run, group):
            _count_episode(figures, episode, run.verdicts[episode.key])
    for incident_id in incidents:
        for figures in _counted(run, opened.get(incident_id)):
            figures.incidents += 1
    sent = [content for content in tocsin.sent(*TOLD) if content.playbook != own and not content.beside_the_ladder]
    tiers = await tocsin.store.read(lambda tx: [_tier(tx, content) for content in sent])
    for content, tier in zip(sent, tiers, strict=True):
        for figures in _counted(run, opened.get(content.incident_id)):
            if content.job is Job.PAGE:
                figures.pages[tier] += 1
            else:
                figures.updates += 1


def _counted(run: Run, group: Group | None) -> Iterator[Figures]:
    """Where something is counted. What belongs to no alert, and so to no group, is in the total all the same."""
    yield run.figures
    if group is not None:
        yield run.groups.setdefault(group, Figures())


def _count_episode(figures: Figures, episode: Episode, verdict: Verdict) -> None:
    figures.alerts += 1
    figures.suppressed += episode.incident_id is None
    figures.held += verdict.hold > 0
    figures.unrouted += verdict.unrouted


def _tier(tx: Reader, content: Content) -> int:
    row = tx.outbox_row(content.key)
    return row.tier if row is not None else 0


def compare(before: Run, after: Run, groups: Mapping[AlertKey, Group]) -> list[Changed]:
    """What differs between two runs, the most changed group first."""
    counted: dict[Group, Counter[Difference]] = {}
    for key, group in groups.items():
        told = counted.setdefault(group, Counter())
        told.update(differences(before.verdicts[key], after.verdicts[key]))
    changed = [
        Changed(group, was, is_, tuple(told.most_common()))
        for group, told in counted.items()
        if (was := before.groups.get(group, Figures())) != (is_ := after.groups.get(group, Figures())) or told
    ]
    return sorted(changed, key=lambda one: (*(-weight for weight in one.weight), one.group))
