"""Runs one test of a file through the real engine, on a virtual clock."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import structlog

from tocsin.conf.bundle import Bundle
from tocsin.conf.source import Mark
from tocsin.core.alerts.alert import Alert, AlertStatus, Episode, fingerprint
from tocsin.core.alerts.subject import subject_fields
from tocsin.core.content.page import Content
from tocsin.core.duration import format_duration
from tocsin.core.errors import TocsinError
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.rules.verdict import Verdict
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.testing.cases import Case, EventSettings, ExpectSettings
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.timeline import Line, SentPage, difference, wanted_of

DEFAULT_ACTOR = "somebody"
"""The person who sets a severity or a flag if the test names none."""


@dataclass(frozen=True)
class Failure:
    """One difference from the expected result."""

    mark: Mark
    what: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class CaseResult:
    """The result of a test."""

    case: Case
    failures: tuple[Failure, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Return whether everything was as expected."""
        return not self.failures


@contextmanager
def quietly() -> Iterator[None]:
    """Suppress the engine's log in the command's output; the result contains what matters."""
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*_: object) -> Any:
    raise structlog.DropEvent


async def run_case(case: Case, bundle: Bundle) -> CaseResult:
    """Run one test; errors caused by the test are part of the result and are not raised."""
    began = time.perf_counter()
    start = datetime.fromtimestamp(case.start / 1_000_000, UTC)
    async with Harness.of(bundle, clock=VirtualClock(start)) as tocsin:
        failures = await _Run(case, bundle, tocsin).run()
    return CaseResult(case, tuple(failures), time.perf_counter() - began)


class _Run:
    def __init__(self, case: Case, bundle: Bundle, tocsin: Harness) -> None:
        self._case = case
        self._bundle = bundle
        self._tocsin = tocsin
        self._named: dict[str, Alert] = {}
        self._last: Alert | None = None
        """The alert that fired last."""
        self._failures: list[Failure] = []

    async def run(self) -> list[Failure]:
        """Run everything in the order of time; at the same moment, events come before expectations."""
        settings = self._case.settings
        moments: list[tuple[int, int, int]] = [
            *((event.at, 0, index) for index, event in enumerate(settings.events)),
            *(
                (one.at if one.at is not None else self._case.end, 1, index)
                for index, one in enumerate(settings.expect)
            ),
        ]
        for at, is_expectation, index in sorted(moments):
            await self._tocsin.advance_to(self._case.start + at)
            if is_expectation:
                await self._expect(settings.expect[index], index)
            else:
                await self._happen(settings.events[index], index)
        await self._tocsin.advance_to(self._case.start + self._case.end)
        if settings.pages is not None:
            await self._compare_pages()
        return self._failures

    def _fail(self, mark: Mark, what: str, *lines: Line) -> None:
        self._failures.append(Failure(mark, what, lines))

    # What happens.

    async def _happen(self, event: EventSettings, index: int) -> None:
        if event.fire is not None:
            await self._fire(event)
        elif event.resolve is not None:
            await self._resolve(event, index)
        else:
            try:
                await self._respond(event)
            except TocsinError as error:
                mark = self._case.node.at("events", index).mark
                self._fail(mark, f"at {format_duration(event.at)}", ("+", str(error)))

    async def _fire(self, event: EventSettings) -> None:
        alert = self._tocsin.alert(
            AlertStatus.FIRING, event.fire or {}, source=event.source, annotations=event.annotations
        )
        if event.alert is not None:
            self._named[event.alert] = alert
        self._last = alert
        await self._tocsin.take(alert)

    async def _resolve(self, event: EventSettings, index: int) -> None:
        if isinstance(event.resolve, str):
            fired = self._named.get(event.resolve)
            if fired is None:
                mark = self._case.node.at("events", index).mark
                self._fail(mark, f"at {format_duration(event.at)}", ("+", f"{event.resolve} has not fired by then"))
                return
            labels, source = fired.labels, fired.source
        else:
            labels, source = event.resolve, event.source
        await self._tocsin.take(self._tocsin.alert(AlertStatus.RESOLVED, labels, source=source))

    async def _respond(self, event: EventSettings) -> None:
        tocsin, ref = self._tocsin, await self._ref(event.incident)
        by = self._person(event.by or DEFAULT_ACTOR)
        if event.acknowledge is not None:
            await tocsin.acknowledge(self._person(event.acknowledge), ref)
        elif event.resolve_incident is not None:
            await tocsin.close(self._person(event.resolve_incident), ref)
        elif event.escalate is not None:
            await tocsin.escalate(self._person(event.escalate), ref)
        elif event.set_severity is not None:
            await tocsin.set_severity(event.set_severity, by, ref)
        elif event.flag is not None:
            await tocsin.flag(event.flag, by=by, incident=ref)

    def _person(self, name: str) -> str:
        """Return a person: the named one, the first of a group, or the one on call."""
        return next(iter(self._bundle.people.members(name, OnCallInput(self._tocsin.clock.now()))), name)

    async def _ref(self, number: int | None) -> str:
        """Return the incident of this number, or else that of the alert that fired last."""
        if number is not None:
            return str(number)
        _, incident = await self._look(self._last)
        if incident is None:
            raise TocsinError("the alert that fired last has no incident")
        return str(incident.number)

    async def _look(self, alert: Alert | None) -> tuple[Episode | None, Incident | None]:
        if alert is None:
            return None, None
        key = alert.key

        def look(tx: Reader) -> tuple[Episode | None, Incident | None]:
            episode = tx.latest_episodes([key]).get(key)
            result = tx.incident(episode.incident_id) if episode is not None and episode.incident_id else None
            return episode, result

        return await self._tocsin.store.read(look)

    # What is expected.

    async def _expect(self, expectation: ExpectSettings, index: int) -> None:
        mark = self._case.node.at("expect", index).mark
        asked = expectation.asked
        try:
            result = await self._facts(expectation)
        except LookupError as error:
            self._fail(mark, self._moment(expectation), ("+", str(error.args[0])))
            return
        lines = [
            line
            for name, wanted in asked.items()
            if (is_ := result.get(name)) != wanted
            for line in (("-", f"{name}: {_shown(wanted)}"), ("+", f"{name}: {_shown(is_)}"))
        ]
        if lines:
            decided = result.get("rules")
            if decided is not None and "rules" not in asked:
                lines.append((" ", f"decided by: {' > '.join(decided) or 'no rule'}"))
            self._fail(mark, self._moment(expectation), *lines)

    def _moment(self, expectation: ExpectSettings) -> str:
        return "expected at the end" if expectation.at is None else f"expected at {format_duration(expectation.at)}"

    async def _facts(self, expectation: ExpectSettings) -> dict[str, Any]:
        """Return the current facts.

        Raises:
            LookupError: There is no such incident or alert.
        """
        incidents = await self._tocsin.store.read(lambda tx: tx.incidents(IncidentFilter(limit=100_000)))
        facts: dict[str, Any] = {"incidents": len(incidents)}
        if expectation.incident is not None:
            chosen = next((one for one in incidents if one.number == expectation.incident), None)
            if chosen is None:
                raise LookupError(f"there is no incident {expectation.incident}; there are {len(incidents)}")
            return facts | _of_incident(chosen)
        alert = self._alert(expectation)
        episode, incident = await self._look(alert)
        verdict = self._bundle.rules.evaluate(alert)
        return facts | _of_alert(episode, incident, verdict)

    def _alert(self, expectation: ExpectSettings) -> Alert:
        if isinstance(expectation.alert, str):
            alert = self._named.get(expectation.alert)
        elif expectation.alert is not None:
            labels = expectation.alert
            alert = Alert(expectation.source, fingerprint(labels), AlertStatus.FIRING, labels)
        else:
            alert = self._last
        if alert is None:
            raise LookupError("that alert has not fired by then")
        return alert

    async def _compare_pages(self) -> None:
        sent = await self._sent_pages()
        wanted = wanted_of(self._case.pages or (), self._bundle.people, self._case.start)
        lines = difference(wanted, sent)
        if not lines:
            return
        last = max((one.at for one in wanted), default=0)
        if self._case.settings.until is None and sent and sent[-1].at > last:
            lines.append((" ", f"`until: {format_duration(last)}` would end this test with the last line of `pages:`"))
        self._fail(self._case.node.at("pages").head, "pages", *lines)

    async def _sent_pages(self) -> list[SentPage]:
        """Return every page and update of the ladder as sent, without reminders of obligations."""
        sent = [
            (content.now, name, content)
            for name, channel in self._tocsin.channels.items()
            for content in channel.sent
            if content.job in (Job.PAGE, Job.UPDATE) and not content.beside_the_ladder
        ]
        sent.sort(key=itemgetter(0))
        tiers = await self._tocsin.store.read(lambda tx: {content.key: _tier(tx, content) for _, _, content in sent})
        return [
            SentPage(
                at=at - self._case.start,
                who=content.target,
                kind=content.job.value,
                tier=tiers[content.key],
                by=name,
                severity=content.severity,
                incident=content.number,
            )
            for at, name, content in sent
        ]


def _tier(tx: Reader, content: Content) -> int:
    row = tx.outbox_row(content.key)
    return row.tier if row is not None else 0


def _of_incident(incident: Incident) -> dict[str, Any]:
    return {
        "playbook": incident.plan.name,
        "severity": incident.severity,
        **subject_fields(incident),
        "dedup_key": incident.dedup_key,
        "state": incident.state.value,
        "acknowledged_by": incident.acknowledged_by,
        "flags": incident.flags,
        "held": incident.state is State.PENDING,
        "waits": tuple(wait.reason.value for wait in incident.waits),
    }


def _of_alert(episode: Episode | None, incident: Incident | None, verdict: Verdict) -> dict[str, Any]:
    """Return the facts of an alert's incident, or else of the rules' verdict, and those of the alert."""
    if incident is not None:
        result = _of_incident(incident)
    else:
        result = {
            "playbook": verdict.playbook,
            "severity": verdict.severity,
            **subject_fields(verdict),
            "dedup_key": verdict.dedup_key,
            "flags": verdict.flags,
            "state": "none",
            "held": False,
            "waits": (),
        }
    return {
        **result,
        "rules": episode.trace if episode is not None else verdict.trace,
        "unrouted": verdict.unrouted,
        "heartbeat": verdict.heartbeat,
        "suppressed": episode is not None and episode.incident_id is None,
    }


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return str(value)
