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
"""Interval of the requests about each group."""
AGAIN_AFTER = MINUTE
"""Time from a failed request to the next one."""

GetMembers = Callable[[str, str], Awaitable[tuple[str, ...]]]
"""(channel, id of the group) -> the members' ids at the provider; raises `SourceUnavailable`."""

_log = structlog.get_logger("tocsin.engine.workers.rosters")


class Rosters(Service):
    """The worker that refreshes rosters in the background, so that a page never waits for a provider's response."""

    name = "rosters"
    longest_pause = 10.0

    def __init__(self, committer: Committer, clock: Clock, get_members: GetMembers) -> None:
        super().__init__(clock)
        self._committer = committer
        self._get_members = get_members
        self._due: dict[str, int] = {}
        """The time of the next request about each group, by its key."""

    async def run_once(self) -> int | None:
        """Request the members of the groups that are due; return the time of the next request."""
        groups = self._committer.live.policy.people.polled_groups
        self._due = {key: self._due.get(key, 0) for key in groups}
        for key, due_at in sorted(self._due.items()):
            if due_at <= self._clock.now():
                self._due[key] = self._clock.now() + (EVERY if await self._refresh(key) else AGAIN_AFTER)
        return min(self._due.values(), default=None)

    async def _refresh(self, key: str) -> bool:
        group = slack_group(key)
        if group is None:
            return True
        try:
            members = await self._get_members(*group)
        except SourceUnavailable as error:
            _log.warning("roster_not_refreshed", source=key, error=str(error))
            self._committer.observer.count("oncall_source_failures_total", source=key)
            return False
        await self._committer.store.write(
            lambda tx: tx.put_roster(answered(tx.rosters().get(key), key, members, tx.now))
        )
        unknown = [user for user in members if self._committer.live.policy.people.by_slack(user) is None]
        if unknown:
            _log.warning("roster_members_not_found", source=key, users=unknown)
        return True
