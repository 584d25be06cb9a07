"""Explanation of a hypothetical alert."""

from msgspec import Struct

from tocsin.core.alerts.alert import Alert, Episode
from tocsin.core.duration import duration
from tocsin.core.incident.incident import Incident, Wait, WaitReason
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.wording import waits_for
from tocsin.core.oncall.maintenance_window import hidden, is_own
from tocsin.core.oncall.rotation import OnCallInput
from tocsin.core.playbook.playbook import Kind, Playbook
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.change.policy import Policy
from tocsin.engine.change.window_judge import windows_of
from tocsin.engine.explain.chain import Judgment, judgment, suppressed_by
from tocsin.engine.explain.incident import EpisodeTrace, trace
from tocsin.engine.explain.ladder import PlannedStep, StepRecipient, ladder, notified
from tocsin.engine.intake.conditions import ConditionResults, TrueConditions
from tocsin.ports.store import Reader


class ExpectedIncident(Struct, frozen=True, kw_only=True):
    """The incident to which an alert would belong."""

    what: str
    """``opens`` a new one, ``joins`` an open one, or ``reopens`` a resolved one."""
    number: int | None
    """None for a new incident."""
    because: str


class AlertExplanation(Judgment, frozen=True, kw_only=True):
    """The result that an alert would have."""

    outcome: str
    """``pages``, ``joins`` (an open incident, which continues), ``waits`` (in a maintenance window, or while another
    incident is open), ``held``, ``suppressed``, ``heartbeat`` or ``informs`` (its severity pages no one)."""
    because: str
    incident: ExpectedIncident | None
    """None if there would be no incident, or if the store is unavailable."""
    came: EpisodeTrace | None
    """The newest episode of an alert with exactly these labels; None if there is none."""
    ladder: tuple[PlannedStep, ...]
    announces: tuple[StepRecipient, ...]
    """The places of the incident's own message."""


def explain_alert(policy: Policy, alert: Alert, reader: Reader | None, now: int = 0) -> AlertExplanation:
    """Return the running rules' verdict on an alert that fires now, and the people who would be notified.

    ``reader`` evaluates conditions beyond labels, and finds the existing incident; without a reader (the store is
    away) no condition holds, and ``now`` says who is on call.
    """
    last = reader.latest_episodes([alert.key]).get(alert.key) if reader is not None else None
    verdict = policy.rules.explain(alert, _answers(policy, reader, last) if reader is not None else ())
    plan = policy.plan(verdict.playbook)
    level = plan.level(verdict.severity)
    inputs = on_call_input(reader, policy.people) if reader is not None else OnCallInput(now)
    is_silent = verdict.suppress or verdict.heartbeat
    known = _known(policy, verdict.dedup_key, reader) if reader is not None else None
    expected = None if reader is None or is_silent else _expected_incident(known, plan, verdict, reader.now)
    outcome, because = _outcome(alert, verdict, plan, expected)
    window = _window(policy, alert, verdict, reader) if reader is not None and outcome in ("pages", "held") else ""
    if window:
        outcome, because = "waits", f"no one is paged: {window}; then {because}"
    if verdict.unrouted:
        because += f"; no rule could place it ({'; '.join(verdict.errors)})"
    return AlertExplanation(
        **judgment(verdict),
        outcome=outcome,
        because=because,
        incident=expected,
        came=trace(last) if last is not None else None,
        ladder=() if is_silent else tuple(ladder(policy, plan, level, verdict.hold, inputs)),
        announces=() if is_silent else notified(policy, plan, plan.announce, inputs, Job.ANNOUNCE),
    )


def _outcome(  # noqa: PLR0911 - one return for each outcome
    alert: Alert, verdict: Verdict, plan: Playbook, expected: ExpectedIncident | None
) -> tuple[str, str]:
    if verdict.heartbeat:
        return "heartbeat", f"it is recorded as the sign of life of the source {alert.source!r}"
    if verdict.suppress:
        return "suppressed", suppressed_by(verdict)
    if expected is not None and expected.what == "joins":
        return "joins", f"it joins #{expected.number}, which goes its way: {expected.because}"
    if verdict.inhibited_by:
        inhibited = verdict.inhibited_by[0]
        return "waits", f"no one is paged while another is open: rule {inhibited.rule} ({inhibited.when})"
    level, flagged = plan.level(verdict.severity), _paged_by_flags(verdict.flags, plan, verdict.severity)
    if not level.pages and not flagged:
        return "informs", f"{verdict.severity} of {plan.name} pages no one"
    if verdict.hold:
        also = f", and {flagged}" if flagged else ""
        return "held", f"automation has {duration(verdict.hold)} to heal it; then the ladder starts{also}"
    if not level.pages:
        return "pages", f"{verdict.severity} of {plan.name} pages no one by itself, but {flagged}"
    return "pages", "; ".join(filter(None, [f"{verdict.severity} of {plan.name}", flagged]))


def _paged_by_flags(flags: tuple[str, ...], plan: Playbook, severity: str) -> str:
    """Return the flags that page at once at a severity, and whom: ``data_breach pages ceo, legal at once``; or ""."""
    found: dict[str, None] = {}
    targets: dict[str, None] = {}
    for cell in plan.level(severity).cells:
        fired_by = [flag for flag in cell.flags if flag in flags]
        if fired_by and cell.kind is Kind.PAGE:
            found |= dict.fromkeys(fired_by)
            targets |= dict.fromkeys(cell.targets)
    for flag in plan.next_tier_on:
        if flag in flags:
            found[flag] = None
            targets["the next tier"] = None
    if not found:
        return ""
    return f"{' and '.join(found)} {'pages' if len(found) == 1 else 'page'} {', '.join(targets)} at once"


def _window(policy: Policy, alert: Alert, verdict: Verdict, reader: Reader) -> str:
    """Return the wait for the maintenance windows that cover the alert; "" if none does."""
    if is_own(alert.source):
        return ""
    covered = hidden(windows_of(reader, policy, reader.now), [verdict.labels], reader.now)
    if covered is None:
        return ""
    return waits_for(Wait(WaitReason.WINDOW, ", ".join(covered.names), covered.until))


def _answers(policy: Policy, reader: Reader, last: Episode | None) -> TrueConditions:
    policy.former_keys.learn(reader, policy.rules)
    return ConditionResults(reader, policy.former_keys).for_alert(last, ())


def _known(policy: Policy, dedup_key: str, reader: Reader) -> Incident | None:
    """Return the newest incident with this key; if it is over, the incident that was opened under a former key."""
    latest = reader.latest_incidents([dedup_key]).get(dedup_key)
    if latest is not None and latest.goes_on(reader.now):
        return latest
    incident_id = policy.former_keys.incident_of(dedup_key)
    former = reader.incident(incident_id) if incident_id is not None else None
    return former if former is not None and former.goes_on(reader.now) else latest


def _expected_incident(known: Incident | None, plan: Playbook, verdict: Verdict, now: int) -> ExpectedIncident:
    severity = verdict.severity
    if known is None:
        return ExpectedIncident(what="opens", number=None, because="no incident has had this key")
    if known.is_open:
        since = duration(max(0, now - known.opened_at))
        rises = known.plan.has_level(severity) and known.plan.highest([severity, known.severity]) != known.severity
        rise = f"; this one brings it to {severity}, which pages" if rises and known.plan.level(severity).pages else ""
        new_flags = tuple(flag for flag in verdict.flags if flag not in known.flags)
        flagged = _paged_by_flags(new_flags, known.plan, severity if rises else known.severity)
        flagged = f"; {flagged}" if flagged else ""
        because = f"open for {since} at {known.severity}, {known.state.value}{rise}{flagged}"
        return ExpectedIncident(what="joins", number=known.number, because=because)
    passed = max(0, now - (known.resolved_at or 0))
    if known.grace_until is not None or known.believe_at is not None or passed <= known.plan.reopen_within:
        return ExpectedIncident(what="reopens", number=known.number, because=f"resolved {duration(passed)} ago")
    ago = f"resolved {duration(passed)} ago, longer than reopen_within ({duration(plan.reopen_within)})"
    return ExpectedIncident(what="opens", number=None, because=f"the last one, #{known.number}, was {ago}")
