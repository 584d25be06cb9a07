"""Any sequence of notifications of one alert, reordered and repeated, against a model with the full history."""

from dataclasses import dataclass, field

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.duration import SECOND
from tocsin.core.rules.dedup import place
from tocsin.core.rules.verdict import Verdict

EPOCH = 1_000_000 * SECOND
LABELS = {"alertname": "Down"}
VERDICT = Verdict(playbook="p", severity="high", service="s", dedup_key="k", title="t", labels=LABELS)


@dataclass(frozen=True)
class Notification:
    """A copy that a sender sends, and its arrival; in seconds."""

    fires: bool
    start: int | None
    end: int | None
    at: int

    @property
    def alert(self) -> Alert:
        status = AlertStatus.FIRING if self.fires else AlertStatus.RESOLVED
        return Alert("default", "f", status, LABELS, starts_at=_moment(self.start), ends_at=_moment(self.end))


def _moment(seconds: int | None) -> int | None:
    return None if seconds is None else EPOCH + seconds * SECOND


def statuses(notifications: list[Notification]) -> list[str]:
    """The status after each notification, by the code under test."""
    last: Episode | None = None
    statuses = []
    for notification in notifications:
        placed = place(notification.alert, VERDICT, last, EPOCH + notification.at * SECOND)
        if placed.episode is not None:
            last = msgspec.structs.replace(placed.episode, incident_id="incident")
        statuses.append("none" if last is None else last.status.value)
    return statuses


@dataclass
class Model:
    """The same, from the notifications of the newest spell, all of which it remembers."""

    status: str = "none"
    starts: list[int] = field(default_factory=list)
    has_first_start: bool = True
    ended_at: int = 0
    closed_at: int = 0
    held_until: int = 0

    def hear(self, heard: Notification) -> str:
        if heard.fires:
            self._hear_firing(heard)
        else:
            self._hear_resolved(heard)
        return self.status

    def _hear_firing(self, heard: Notification) -> None:
        is_copy = heard.start is not None and any(heard.start <= start for start in self.starts)
        if self.status == "firing":
            pass
        elif self.status == "held":
            has_own_start = heard.start is not None and bool(self.starts) and not is_copy
            if has_own_start or heard.at >= self.held_until:
                self.status = "firing"
        else:
            is_held = self.status == "resolved" and is_copy and heard.at - self.closed_at < 90
            self.status, self.held_until, self.starts = ("held" if is_held else "firing"), heard.at + 90, []
        if heard.start is not None:
            self.starts.append(min(heard.start, heard.at))

    def _hear_resolved(self, heard: Notification) -> None:
        if self.status in ("firing", "held"):
            if heard.end is not None and any(start > heard.end for start in self.starts):
                return
            self.status, self.closed_at = "resolved", heard.at
            self.ended_at = heard.at if heard.end is None else heard.end
            return
        is_unseen_spell = (
            heard.start is not None
            and heard.start != heard.end
            and all(heard.start > start for start in self.starts or [self.ended_at])
        )
        if self.status == "none" or is_unseen_spell:
            self.status, self.closed_at = "resolved", heard.at
            self.starts = [] if heard.start is None else [min(heard.start, heard.at)]
            self.ended_at = heard.end if heard.end is not None else -(10**6)


_times = st.integers(1, 400)


@st.composite
def histories(draw: st.DrawFn) -> list[Notification]:
    """Notifications with few different times, so that they meet; none starts later than it arrives."""
    heard = []
    for at in sorted(draw(st.lists(_times, min_size=1, max_size=12))):
        start = draw(st.none() | st.integers(0, at))
        end = draw(st.none() | st.integers(start or 0, at))
        fires = draw(st.booleans())
        heard.append(Notification(fires, start, None if fires else end, at))
    return heard


@given(histories())
def test_every_history_ends_as_a_model_that_remembers_everything_says(history: list[Notification]) -> None:
    model = Model()
    assert statuses(history) == [model.hear(heard) for heard in history]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Notification], int]:
    """Spells that follow each other, the last of which still fires, told of in any order and more than once.

    Alertmanager's and Grafana's resolves are both among them: Grafana writes the end for the start.
    """
    told: list[tuple[bool, int, int | None]] = []
    at = 0
    for _ in range(draw(st.integers(0, 3))):
        start = at + draw(st.integers(1, 100))
        at = start + draw(st.integers(0, 100))
        told += [(True, start, None), (False, draw(st.sampled_from([start, at])), at)]
    last_start = at + draw(st.integers(1, 100))
    told.append((True, last_start, None))
    repeats = draw(st.lists(st.sampled_from(told), max_size=6))
    order = draw(st.permutations([*told, *repeats]))
    moments = sorted(
        draw(st.lists(st.integers(last_start, last_start + 300), min_size=len(order), max_size=len(order)))
    )
    notifications = [Notification(*each, at=moment) for each, moment in zip(order, moments, strict=True)]
    return notifications, last_start


@given(deliveries())
def test_a_firing_alert_is_never_considered_resolved_after_late_copies(
    told: tuple[list[Notification], int],
) -> None:
    notifications, last_start = told
    first = next(i for i, each in enumerate(notifications) if each.fires and each.start == last_start)
    for status in statuses(notifications)[first:]:
        assert status == EpisodeStatus.FIRING


@given(deliveries())
def test_the_resolve_of_the_last_episode_ends_it_after_any_history(told: tuple[list[Notification], int]) -> None:
    notifications, last_start = told
    now = notifications[-1].at
    resolved = Notification(fires=False, start=last_start, end=now, at=now)
    assert statuses([*notifications, resolved])[-1] == EpisodeStatus.RESOLVED
