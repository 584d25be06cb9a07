"""Explanation of a received alert, evaluated again by exactly the rules that evaluated it then."""

from msgspec import Struct

from tocsin.core.alerts.alert import DRILL_SOURCE, SELF_SOURCE, Alert, AlertStatus, Episode, EpisodeStatus
from tocsin.core.duration import duration
from tocsin.core.incident.incident import Incident
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.policy import Policy
from tocsin.engine.explain.chain import Judgment, judgment, suppressed_by
from tocsin.engine.explain.incident import IncidentExplanation, beginnings, explain_incident
from tocsin.engine.intake.drill_alerts import drill_verdict
from tocsin.engine.selfwatch.troubles import own_verdict
from tocsin.ports.store import WHOLE, Reader, Unreadable

_COMPARED = ("playbook", "severity", "service", "dedup_key", "title", "flags", "suppress", "heartbeat", "hold")


class VerdictDifference(Struct, frozen=True, kw_only=True):
    """A part of the verdict that the running rules would decide differently."""

    what: str
    then: str
    now: str


class StoredExplanation(Judgment, frozen=True, kw_only=True):
    """One episode of an alert: the verdict at that time, and the outcome."""

    source: str
    fingerprint: str
    episode: int
    latest_episode: int
    status: str
    starts_at: int | None
    ends_at: int | None
    first_seen_at: int
    last_seen_at: int
    annotations: dict[str, str]
    generator_url: str
    judged_by: str
    """``stored``: the rules of that time; ``running``: today's, as those of that time are not kept; ``none``: tocsin's
    own alerts, which no rules evaluate."""
    rules_sha: str
    holds: tuple[str, ...]
    """The rules' conditions that held at that time."""
    today: tuple[VerdictDifference, ...]
    """The differences between that verdict and the running rules' verdict."""
    outcome: str
    """``paged``, ``told`` (no page, but a message), ``untold``, ``suppressed`` or ``held``."""
    because: str
    belongs: str
    """The entries that connect it to its incident; empty if it has none."""
    incident: IncidentExplanation | None
    """The explanation of the episode's incident, without the list of alerts."""


def explain_stored(reader: Reader, policy: Policy, episode: Episode) -> StoredExplanation:
    """Return the whole explanation of one episode."""
    alert = Alert(
        source=episode.source,
        fingerprint=episode.fingerprint,
        status=AlertStatus.FIRING,
        labels=episode.as_it_came,
        annotations=episode.annotations,
        starts_at=episode.starts_at,
        ends_at=episode.ends_at,
        generator_url=episode.generator_url,
    )
    judged_by, verdict = _then(reader, policy, episode, alert)
    incident = reader.incident(episode.incident_id) if episode.incident_id is not None else None
    explained = explain_incident(reader, policy, incident, shown=0) if incident is not None else None
    latest = reader.latest_episodes([episode.key])
    outcome, because = _outcome(episode, verdict, explained, reader.now)
    has_rules = judged_by == "stored" and episode.source != DRILL_SOURCE  # no rule places a drill
    return StoredExplanation(
        **judgment(verdict),
        source=episode.source,
        fingerprint=episode.fingerprint,
        episode=episode.episode,
        latest_episode=latest[episode.key].episode if latest else episode.episode,
        status=episode.status.value,
        starts_at=episode.starts_at,
        ends_at=episode.ends_at,
        first_seen_at=episode.first_seen_at,
        last_seen_at=episode.last_seen_at,
        annotations=episode.annotations,
        generator_url=episode.generator_url,
        judged_by=judged_by,
        rules_sha=episode.rules_sha,
        holds=tuple(map(str, episode.holds)),
        today=_today(policy.rules, alert, episode, verdict) if has_rules else (),
        outcome=outcome,
        because=because,
        belongs=_belongs(reader, episode, incident) if incident is not None else "",
        incident=explained,
    )


def _then(reader: Reader, policy: Policy, episode: Episode, alert: Alert) -> tuple[str, Verdict]:
    """Return the rules of that time and their judgment, with the results of conditions from that time."""
    if episode.source == SELF_SOURCE:
        return "none", own_verdict(policy, alert)
    try:
        rules = reader.rules(episode.rules_sha) if episode.rules_sha else None
    except Unreadable:
        rules = None
    judged_by, judge = ("running", policy.rules) if rules is None else ("stored", rules)
    verdict = judge.explain(alert, episode.holds)
    return judged_by, drill_verdict(alert, verdict) if episode.source == DRILL_SOURCE else verdict


def _today(running: RuleSet, alert: Alert, episode: Episode, then: Verdict) -> tuple[VerdictDifference, ...]:
    if running.sha == episode.rules_sha:
        return ()
    now = running.decide(alert, episode.holds)
    return tuple(
        VerdictDifference(what=name, then=_written(name, then), now=_written(name, now))
        for name in _COMPARED
        if getattr(then, name) != getattr(now, name)
    )


def _written(name: str, verdict: Verdict) -> str:
    value = getattr(verdict, name)
    if name == "hold":
        return duration(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _outcome(episode: Episode, verdict: Verdict, incident: IncidentExplanation | None, now: int) -> tuple[str, str]:
    if episode.status is EpisodeStatus.SUPPRESSED:
        return "suppressed", f"no one was notified: {suppressed_by(verdict)}"
    if episode.status is EpisodeStatus.HELD:
        left = duration(max(0, (episode.held_until or now) - now))
        return "held", f"it may be a late copy of the episode before, which has resolved; believed in {left}"
    if incident is None:
        if episode.incident_id is not None:
            return "untold", "its incident is not kept any more"
        if verdict.suppress:
            return "suppressed", f"no one was notified: {suppressed_by(verdict)}"
        return "untold", "no one was notified: it was resolved when it was first heard of"
    sent = {made.job for made in incident.deliveries if made.state == "sent"}
    outcome = "paged" if "page" in sent else "told" if sent else "untold"
    return outcome, incident.because


def _belongs(reader: Reader, episode: Episode, incident: Incident) -> str:
    """Return a sentence: the episode opened its incident, began an occurrence of it, or joined it."""
    began = [
        entry for entry in beginnings(reader.entries(incident.id, limit=WHOLE)) if entry.at <= episode.first_seen_at
    ]
    if not began:
        return f"joined #{incident.number}"
    is_first = began[-1].at == incident.first_opened_at
    if began[-1].at < episode.first_seen_at:
        passed = duration(episode.first_seen_at - began[-1].at)
        return f"joined #{incident.number}, which had been open for {passed}"
    return f"opened #{incident.number}" if is_first else f"reopened #{incident.number}"
