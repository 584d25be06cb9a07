"""What would become of an alert that has not come."""

from msgspec import Struct

from tocsin.core.alert import Alert, Episode
from tocsin.core.duration import duration
from tocsin.core.incident import Incident, Wait, WaitReason
from tocsin.core.outbox import Job
from tocsin.core.playbook import Playbook
from tocsin.core.rotation import Duty
from tocsin.core.verdict import Verdict
from tocsin.core.window import hidden, is_own
from tocsin.core.wording import waits_for
from tocsin.engine.conditions import Answers, Holding
from tocsin.engine.explain.chain import Judgment, judgment, suppressed_by
from tocsin.engine.explain.incident import EpisodeTrace, trace
from tocsin.engine.explain.ladder import PlannedStep, Told, ladder, told
from tocsin.engine.oncall import duty_of
from tocsin.engine.policy import Policy
from tocsin.engine.window_judge import windows_of
from tocsin.ports.store import Reader


class Destined(Struct, frozen=True, kw_only=True):
    """The incident that an alert would belong to."""

    what: str
    """``opens`` a new one, ``joins`` an open one, or ``reopens`` a resolved one."""
    number: int | None
    """None for a new one."""
    because: str


class AlertExplanation(Judgment, frozen=True, kw_only=True):
    """What would become of an alert."""

    outcome: str
    """``pages``, ``joins`` (an open incident, which goes its way), ``waits`` (in a maintenance window, or while another
    incident is open), ``held``, ``suppressed``, ``heartbeat`` or ``informs`` (its severity pages nobody)."""
    because: str
    incident: Destined | None
    """None where there would be none, or where the store does not answer."""
    came: EpisodeTrace | None
    """The newest episode of an alert with exactly these labels, where it has come before."""
    ladder: tuple[PlannedStep, ...]
    announces: tuple[Told, ...]
    """Where the incident's own message would stand."""


def explain_alert(policy: Policy, alert: Alert, reader: Reader | None, now: int = 0) -> AlertExplanation:
    """What the running rules would make of an alert that fires now, and who would be told.

    ``reader`` answers what rules ask besides labels, and which incident is there already; without one (the store is
    away) no condition holds, and ``now`` says who is on call.
    """
    last = reader.latest_episodes([alert.key]).get(alert.key) if reader is not None else None
    verdict = policy.rules.explain(alert, _answers(policy, reader, last) if reader is not None else ())
    plan = policy.plan(verdict.playbook)
    level = plan.level(verdict.severity)
    duty = duty_of(reader, policy.people) if reader is not None else Duty(now)
    is_silent = verdict.suppress or verdict.heartbeat
    known = _known(policy, verdict.dedup_key, reader) if reader is not None else None
    destined = None if reader is None or is_silent else _destined(known, plan, verdict.severity, reader.now)
    outcome, because = _outcome(alert, verdict, plan, destined)
    window = _window(policy, alert, verdict, reader) if reader is not None and outcome in ("pages", "held") else ""
    if window:
        outcome, because = "waits", f"nobody is paged: {window}; then {because}"
    if verdict.unrouted:
        because += f"; no rule could place it ({'; '.join(verdict.errors)})"
    return AlertExplanation(
        **judgment(verdict),
        outcome=outcome,
        because=because,
        incident=destined,
        came=trace(last) if last is not None else None,
        ladder=() if is_silent else tuple(ladder(policy, plan, level, verdict.hold, duty)),
        announces=() if is_silent else told(policy, plan, plan.announce, duty, Job.ANNOUNCE),
    )


def _outcome(  # noqa: PLR0911 - one return for each outcome
    alert: Alert, verdict: Verdict, plan: Playbook, destined: Destined | None
) -> tuple[str, str]:
    if verdict.heartbeat:
        return "heartbeat", f"it is recorded as the sign of life of the source {alert.source!r}"
    if verdict.suppress:
        return "suppressed", suppressed_by(verdict)
    if destined is not None and destined.what == "joins":
        return "joins", f"it joins #{destined.number}, which goes its way: {destined.because}"
    if verdict.inhibited_by:
        inhibited = verdict.inhibited_by[0]
        return "waits", f"nobody is paged while another is open: rule {inhibited.rule} ({inhibited.when})"
    if not plan.level(verdict.severity).pages:
        return "informs", f"{verdict.severity} of {plan.name} pages nobody"
    if verdict.hold:
        return "held", f"automation has {duration(verdict.hold)} to heal it; then the ladder starts"
    return "pages", f"{verdict.severity} of {plan.name}"


def _window(policy: Policy, alert: Alert, verdict: Verdict, reader: Reader) -> str:
    """The maintenance windows that it is in; nothing if it is in none."""
    if is_own(alert.source):
        return ""
    found = hidden(windows_of(reader, policy, reader.now), [verdict.labels], reader.now)
    if found is None:
        return ""
    return waits_for(Wait(WaitReason.WINDOW, ", ".join(found.names), found.until))


def _answers(policy: Policy, reader: Reader, last: Episode | None) -> Holding:
    policy.former_keys.learn(reader, policy.rules)
    return Answers(reader, policy.former_keys).for_alert(last, ())


def _known(policy: Policy, dedup_key: str, reader: Reader) -> Incident | None:
    """Return the newest incident with this key, or if that is over the one that was opened under another key."""
    latest = reader.latest_incidents([dedup_key]).get(dedup_key)
    if latest is not None and latest.goes_on(reader.now):
        return latest
    incident_id = policy.former_keys.incident_of(dedup_key)
    former = reader.incident(incident_id) if incident_id is not None else None
    return former if former is not None and former.goes_on(reader.now) else latest


def _destined(known: Incident | None, plan: Playbook, severity: str, now: int) -> Destined:
    if known is None:
        return Destined(what="opens", number=None, because="no incident has had this key")
    if known.is_open:
        since = duration(max(0, now - known.opened_at))
        rises = known.plan.has_level(severity) and known.plan.highest([severity, known.severity]) != known.severity
        rise = f"; this one brings it to {severity}, which pages" if rises and known.plan.level(severity).pages else ""
        because = f"open for {since} at {known.severity}, {known.state.value}{rise}"
        return Destined(what="joins", number=known.number, because=because)
    passed = max(0, now - (known.resolved_at or 0))
    if known.grace_until is not None or known.believe_at is not None or passed <= known.plan.reopen_within:
        return Destined(what="reopens", number=known.number, because=f"resolved {duration(passed)} ago")
    ago = f"resolved {duration(passed)} ago, longer than reopen_within ({duration(plan.reopen_within)})"
    return Destined(what="opens", number=None, because=f"the last one, #{known.number}, was {ago}")
