"""Replay of recorded history through the whole engine on a virtual clock, to compare rules."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from tocsin.conf.bundle import Bundle
from tocsin.core.alerts.alert import OWN_SOURCES, Alert, Episode
from tocsin.core.content.page import Content
from tocsin.core.duration import HOUR
from tocsin.core.errors import TocsinError
from tocsin.core.incident.incident import TAKEN, State
from tocsin.core.incident.outbox import Job
from tocsin.core.rules.comparison import Difference, differences
from tocsin.core.rules.verdict import Verdict
from tocsin.ports.store import AlertKey, IncidentFilter, Reader
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recorded import Happening, Recorded

FOLLOW_FOR = HOUR
"""Time for which the replay continues after the last event, so that the last alert can escalate."""
COUNTED_JOBS = frozenset({Job.PAGE, Job.UPDATE})
"""The jobs that are counted; the incidents' own messages would be four fifths of all."""
ALL = 10_000_000
"""The limit that stands for no limit."""

Group = tuple[str, str]
"""(alertname, service as the first rules have it)"""


@dataclass
class ReplayCounts:
    """The counts for a group of alerts."""

    alerts: int = 0
    """Firing spells."""
    incidents: int = 0
    pages: Counter[int] = field(default_factory=Counter)
    """By tier."""
    updates: int = 0
    suppressed: int = 0
    """Firing periods without any notification."""
    held: int = 0
    """Firing spells that automation was given time to heal."""
    unrouted: int = 0

    @property
    def paged(self) -> int:
        """Return the pages of all tiers."""
        return self.pages.total()


@dataclass
class Run:
    """One replay."""

    figures: ReplayCounts = field(default_factory=ReplayCounts)
    groups: dict[Group, ReplayCounts] = field(default_factory=dict)
    verdicts: dict[AlertKey, Verdict] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """The effect of other rules on alerts of one name and service."""

    group: Group
    before: ReplayCounts
    after: ReplayCounts
    differences: tuple[tuple[Difference, int], ...]
    """And how many alerts each concerns, the most frequent first."""

    @property
    def weight(self) -> tuple[int, int, int]:
        """Return the size of the change: pages first."""
        before, after = self.before, self.after
        return (
            abs(after.paged - before.paged),
            abs(after.incidents - before.incidents) + abs(after.updates - before.updates),
            sum(count for _, count in self.differences),
        )


async def replay(
    recorded: Recorded, bundle: Bundle, groups: Mapping[AlertKey, Group], advance: Callable[[int], None]
) -> Run:
    """Replay the record once with this configuration.

    Args:
        recorded: The recorded history.
        bundle: The configuration.
        groups: The group of each alert; empty: by this configuration's rules.
        advance: Called with the number of further events completed.
    """
    run = Run(verdicts={alert.key: bundle.rules.evaluate(alert) for alert in recorded.alerts})
    happenings = recorded.happenings
    if not happenings:
        return run
    start = datetime.fromtimestamp(happenings[0].at / 1_000_000, UTC)
    async with Harness.of(bundle, clock=VirtualClock(start), jobs=COUNTED_JOBS) as tocsin:
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
        await tocsin.advance_to(happenings[-1].at + FOLLOW_FOR)
        await _count(tocsin, run, groups or groups_of(run, recorded.alerts))
    return run


def groups_of(run: Run, alerts: list[Alert]) -> dict[AlertKey, Group]:
    """Return the groups of a run's alerts, by its own rules."""
    return {alert.key: (alert.name, run.verdicts[alert.key].service) for alert in alerts}


async def _answer(tocsin: Harness, happening: Happening) -> None:
    """Apply a person's response to the incidents that these alerts have opened in the replay."""
    keys = list(happening.alerts)

    def find(tx: Reader) -> list[str]:
        episodes = tx.latest_episodes(keys).values()
        ids = {episode.incident_id: None for episode in episodes if episode.incident_id is not None}
        result = (tx.incident(incident_id) for incident_id in ids)
        wanted = (State.TRIGGERED, *TAKEN) if happening.resolves else (State.TRIGGERED,)
        return [incident.id for incident in result if incident is not None and incident.state in wanted]

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
            [one for one in tx.episodes_after(("", "", 0), 0, ALL) if one.source not in OWN_SOURCES],
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
    sent = [
        content for content in tocsin.sent(*COUNTED_JOBS) if content.playbook != own and not content.beside_the_ladder
    ]
    tiers = await tocsin.store.read(lambda tx: [_tier(tx, content) for content in sent])
    for content, tier in zip(sent, tiers, strict=True):
        for figures in _counted(run, opened.get(content.incident_id)):
            if content.job is Job.PAGE:
                figures.pages[tier] += 1
            else:
                figures.updates += 1


def _counted(run: Run, group: Group | None) -> Iterator[ReplayCounts]:
    """Return the counters to increase. What belongs to no alert, and so to no group, still counts in the total."""
    yield run.figures
    if group is not None:
        yield run.groups.setdefault(group, ReplayCounts())


def _count_episode(figures: ReplayCounts, episode: Episode, verdict: Verdict) -> None:
    figures.alerts += 1
    figures.suppressed += episode.incident_id is None
    figures.held += verdict.hold > 0
    figures.unrouted += verdict.unrouted


def _tier(tx: Reader, content: Content) -> int:
    row = tx.outbox_row(content.key)
    return row.tier if row is not None else 0


def compare(before: Run, after: Run, groups: Mapping[AlertKey, Group]) -> list[Changed]:
    """Return the differences between two runs, the most changed group first."""
    counted: dict[Group, Counter[Difference]] = {}
    for key, group in groups.items():
        differences_by_field = counted.setdefault(group, Counter())
        differences_by_field.update(differences(before.verdicts[key], after.verdicts[key]))
    changed = [
        Changed(group, was, is_, tuple(differences_by_field.most_common()))
        for group, differences_by_field in counted.items()
        if (was := before.groups.get(group, ReplayCounts())) != (is_ := after.groups.get(group, ReplayCounts()))
        or differences_by_field
    ]
    return sorted(changed, key=lambda one: (*(-weight for weight in one.weight), one.group))
