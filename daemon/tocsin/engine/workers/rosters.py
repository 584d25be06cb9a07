"""Rosters: members of Slack user groups that are on call; the last good response is stored."""

from collections.abc import Awaitable, Callable

import structlog

from tocsin.core.duration import MINUTE
from tocsin.core.errors import SourceUnavailable
from tocsin.core.oncall.roster import answered, slack_group
from tocsin.engine.change.commit import Committer
from tocsin.engine.service import Service
from tocsin.ports.clock import Clock

EVERY = 5 * MINUTE
AGAIN_AFTER = MINUTE
"""Interval after a failed request."""

Ask = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""(channel, id of the group) -> the members' ids at the provider; raises `SourceUnavailable`."""

_log = structlog.get_logger("tocsin.engine.workers.rosters")


class Rosters(Service):
    """The worker that refreshes rosters in the background, so that a page never waits for a provider's response."""

    name = "rosters"
    longest_pause = 10.0

    def __init__(self, committer: Committer, clock: Clock, ask: Ask) -> None:
        super().__init__(clock)
        self._committer = committer
        self._ask = ask
        self._due: dict[str, int] = {}
        """The time of the next request to each source."""

    async def run_once(self) -> int | None:
        """Query the sources that are due; return the time of the next query."""
        sources = self._committer.live.policy.people.polled_groups
        self._due = {source: self._due.get(source, 0) for source in sources}
        for source, due_at in sorted(self._due.items()):
            if due_at <= self._clock.now():
                self._due[source] = self._clock.now() + (EVERY if await self._refresh(source) else AGAIN_AFTER)
        return min(self._due.values(), default=None)

    async def _refresh(self, source: str) -> bool:
        group = slack_group(source)
        if group is None:
            return True
        try:
            members = await self._ask(*group)
        except SourceUnavailable as error:
            _log.warning("roster_not_refreshed", source=source, error=str(error))
            self._committer.observer.count("oncall_source_failures_total", source=source)
            return False
        await self._committer.store.write(
            lambda tx: tx.put_roster(answered(tx.rosters().get(source), source, members, tx.now))
        )
        unknown = [user for user in members if self._committer.live.policy.people.by_slack(user) is None]
        if unknown:
            _log.warning("roster_members_not_found", source=source, users=unknown)
        return True
