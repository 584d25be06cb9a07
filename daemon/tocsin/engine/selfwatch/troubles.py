"""Faults of tocsin itself as alerts, with a verdict that needs no rules.

A trouble is a reason and a source, and has one incident. A fault is one case of a trouble, and one alert of that
incident.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tocsin.core.alerts.alert import SELF_ALERT, SELF_SOURCE, Alert, AlertStatus, fingerprint
from tocsin.core.duration import MINUTE
from tocsin.core.rules.verdict import Verdict
from tocsin.engine.change.policy import Policy

REPEATED_AFTER = 1 * MINUTE
"""Time after which a fault that is reported again is recorded again."""
_WORD = re.compile(r"[a-z]+[ ,]")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
REMEDY = "remedy"
"""The annotation that says what the reader can do about a fault; its first line needs no command of tocsin."""
KNOWN_TROUBLES = 100
"""Maximum number of troubles at a time; further sources are reported as one (`MANY`)."""
KNOWN_FAULTS = 50
"""Maximum number of faults of one trouble at a time; further faults are reported as one (`MORE`)."""
FAULT_LIMIT = 200
"""Maximum number of characters that identify a fault."""
QUIET_AFTER = 30 * MINUTE
"""Time after which a fault is over if it is not reported again."""

PLACES = {
    "alertmanager": "Alertmanager",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "twilio": "Twilio",
}
"""The sender at each endpoint, as titles name it."""

_ALERTS_REFUSED = "they are refused and no one is paged for them"
_LOST = {
    "pagerduty": "acknowledgments in PagerDuty do not stop tocsin's pages",
    "slack": "responses in Slack do not reach tocsin",
    "twilio": "acknowledgments by phone and SMS do not reach tocsin",
}
"""The consequence of refused requests, by the endpoint that receives responses."""

MANY = "many"
"""The source of troubles beyond `KNOWN_TROUBLES`."""
MORE = "more"
"""The name of the faults beyond `KNOWN_FAULTS`."""

TITLES = {
    "unauthorized": "{source}{at} sends {things} without a valid token, so {lost}",
    "forbidden": "{source}{at} sends {things} with a token that lacks the scope, so {lost}",
    "origin": "{source}{at} sends {things} with the Origin header of another site, so {lost}",
    "bad_signature": "{source}{at} sends {things} with a wrong signature, so {lost}",
    "not_configured": "{source}{at} sends {things}, but tocsin.yaml has no secret to check them, so {lost}",
    "content_encoding": "{source}{at} sends compressed {things}, so {lost}",
    "malformed": "{source}{at} sends {things} that cannot be read, so {lost}",
    "too_large": "{source}{at} sends requests that are too large, so {lost}",
    "misaddressed": "Webhooks come to an address that does not exist{sender}: no one is paged for their alerts",
    "reserved": "Webhooks come with the reserved source name tocsin{sender}: no one is paged for their alerts",
    "unmatched": "An acknowledgment in {source} matches no incident, so it did not stop tocsin's pages",
    "opted_out": "{source} has stopped SMS from tocsin, so pages by SMS do not arrive",
    "strangers": "Tocsin refused requests{sender} that claim to come from {source}, because they have no valid {proof}",
    "quarantined": "Alerts from {source} cannot be processed, so no one is paged for them",
    "truncated": "{source} leaves alerts out of its webhooks, so no one is paged for them",
    "calendar": "The on-call calendar of {source} has events that cannot be read, so a shift may be missing",
    "uncovered": "No one is on call for {source}, and its calendar cannot be read in full",
    "doubted": "Alerts from {source} ended together without a heartbeat, so their incidents stay open",
    "silent": "No heartbeat from {source}",
    "drill": "A scheduled drill of the playbook {source} failed, so a real page might not have been answered either",
    "dead": "A page by {source} was NOT delivered",
    "late": "A page by {source} is not delivered yet",
    "template": "A message template of the playbook {source} fails, so plain text goes out in its place",
    "failed": "A part of tocsin fails ({source}), so pages may be late or missing",
    "unreadable": "A record in tocsin's database cannot be read ({source}), so an incident may page no one",
    "invariant": "Tocsin found a contradiction in an incident ({source}), so its next page may be late or missing",
}
"""Titles, by reason: the event and its consequence. ``{proof}`` is the credential that a stranger lacks."""

_RELOAD = 'then run "tocsin reload".'
_REMEDIES = {
    "unauthorized": (
        "If this address is your Alertmanager's, give Alertmanager the token from tocsin.yaml (tokens:). "
        "If it is not, acknowledge this notice."
    ),
    "forbidden": f"If this sender is yours, add the scope to its token in tocsin.yaml (tokens:), {_RELOAD}",
    "origin": "Remove the Origin header in the sender, or use the host name of that header to reach tocsin.",
    "bad_signature": f"Set the secret in tocsin.yaml (inbound:) to the provider's, {_RELOAD}",
    "not_configured": f"Put the provider's secret in tocsin.yaml (inbound:), {_RELOAD}",
    "content_encoding": "Turn off compression in the sender.",
    "unmatched": "Acknowledge the incident in Slack, by replying to an SMS, or with tocsin incidents ack NUMBER.",
    "opted_out": "Page this person in another way. To get SMS again, the person texts START to tocsin's number.",
    "misaddressed": "Correct the sender's URL: it ends in /webhooks/alertmanager or /webhooks/alertmanager/NAME.",
    "reserved": "Use another source name in the sender's URL.",
    "malformed": "If this sender is yours, let it send Alertmanager webhooks of version 4.",
    "too_large": f"Set max_alerts in the sender's receiver, or raise webhook.max_body in tocsin.yaml, {_RELOAD}",
    "quarantined": "Read the alerts at /api/v1/quarantine. Then correct the alerting rule or the sender.",
    "truncated": "Look for them in Alertmanager. Then raise max_alerts in its receiver (0 is no limit).",
    "calendar": "Check who is on call: tocsin oncall. Then correct the events; tocsin check lists them.",
    "uncovered": "Put a person on call now: tocsin oncall override {source} --person NAME --for 8h",
    "doubted": "Check whether Prometheus runs. Resolve the incidents yourself if they are over.",
    "silent": (
        "You are probably not paged for anything that {source} watches. "
        "Check Prometheus, Alertmanager, and the network between them and tocsin."
    ),
    "drill": "Find out why: tocsin drills, then tocsin explain NUMBER. Rehearse it again: tocsin drill.",
    "dead": f"Make sure that a person has the incident. Then correct the contact or the channel, {_RELOAD}",
    "late": "Call the person, or acknowledge the incident yourself. Then check the channel's provider and the network.",
    "template": "No page is lost. Correct the template: tocsin check shows where it fails.",
    "failed": "Watch Alertmanager yourself meanwhile. Read tocsin's log, restart tocsin, and report the error.",
    "unreadable": "Find it with tocsin incidents list, and take care of it yourself. Then read tocsin's log.",
    "invariant": "Check that a person has the incident. Then report what tocsin's log says.",
}
"""Remedies, by reason."""

_ELSE_NOTHING = "Otherwise there is nothing to do."
_REMEDIES_OF_STRANGERS = {
    "pagerduty": f"If acknowledgments in PagerDuty do not arrive, check the PagerDuty webhook secret. {_ELSE_NOTHING}",
    "slack": f"If responses in Slack do not arrive, check the Slack signing secret. {_ELSE_NOTHING}",
    "twilio": f"If phone or SMS acknowledgments do not arrive, check the Twilio token. {_ELSE_NOTHING}",
}
_REMEDY_OF_STRANGERS = f"If alerts of yours do not arrive, check the token of their sender. {_ELSE_NOTHING}"


INFORMS = frozenset({"strangers", "drill"})
"""Reasons that inform but page no one: anyone who reaches the daemon can cause them, or they can wait until morning."""

STANDING = frozenset({"silent", "calendar", "uncovered"})
"""Reasons that the housekeeper checks in each round: a fault with such a reason ends when its cause is gone."""


class Fault(NamedTuple):
    """The identity of one fault of tocsin itself: one case of a trouble, and one alert of its incident."""

    reason: str
    source: str
    """The affected webhook source, channel, worker ...: with the reason, the trouble, which has one incident."""
    name: str = ""
    """The name of the fault within its trouble; "" if the trouble has only one."""

    @property
    def trouble(self) -> tuple[str, str]:
        """The trouble: its reason and its source."""
        return self.reason, self.source


class Reporter(Protocol):
    """The part of `engine.intake.ingest.Ingest` that opens and resolves incidents about tocsin itself."""

    def report(self, reason: str, source: str, detail: str, fault: str = "", title: str = "", remedy: str = "") -> None:
        """Report a fault to the targets of `self:`, without waiting; see `engine.intake.ingest.Ingest.report`."""
        ...

    async def take_own(self, alerts: Sequence[Alert]) -> None:
        """Take alerts about tocsin itself.

        Raises:
            StoreUnavailable: The alerts were not committed.
        """
        ...


class Reported:
    """Recently reported faults. Bounded, because senders choose the text of some faults."""

    def __init__(self) -> None:
        self._at: dict[Fault, int] = {}

    def __len__(self) -> int:
        """Return the number of faults."""
        return len(self._at)

    def admit(self, fault: Fault, now: int) -> Fault | None:
        """Return the fault to record now; None if it was recorded within the last minute.

        Strangers choose their addresses and the data they send, so all refusals of strangers are one fault.
        """
        if fault.reason in INFORMS:
            fault = fault._replace(name="")
        if self._is_fresh(fault, now):
            return None
        self._at = {known: at for known, at in self._at.items() if now - at < QUIET_AFTER}
        fault = self._limited(fault)
        if self._is_fresh(fault, now):
            return None
        self._at[fault] = now
        return fault

    def _is_fresh(self, fault: Fault, now: int) -> bool:
        at = self._at.get(fault)
        return at is not None and now - at < REPEATED_AFTER

    def _limited(self, fault: Fault) -> Fault:
        if fault in self._at:
            return fault
        troubles = {known.trouble for known in self._at}
        if fault.trouble not in troubles and len(troubles) >= KNOWN_TROUBLES:
            fault = Fault(fault.reason, MANY)
        number = sum(known.trouble == fault.trouble for known in self._at)
        if fault.name and fault.reason not in STANDING and number >= KNOWN_FAULTS:
            fault = fault._replace(name=MORE)
        return fault


def title_of(reason: str, source: str, sender: str = "") -> str:
    """Return a one-line title: the event, the affected source, and the consequence; ``sender`` is an address."""
    words = {
        "source": "several senders" if source == MANY else PLACES.get(source, source),
        "sender": f" from {sender}" if sender else "",
        "at": f" ({sender})" if sender else "",
        "things": "requests" if source in _LOST else "alerts",
        "lost": _LOST.get(source, _ALERTS_REFUSED),
        "proof": "signature" if source in _LOST else "token",
    }
    return _PLACEHOLDER.sub(lambda match: words[match[1]], TITLES.get(reason, f"{reason} ({{source}})"))


def remedy_of(reason: str, source: str) -> str:
    """Return the action for the reader of a trouble; "" if none is known."""
    if reason == "strangers":
        return _REMEDIES_OF_STRANGERS.get(source, _REMEDY_OF_STRANGERS)
    return _REMEDIES.get(reason, "").replace("{source}", "several senders" if source == MANY else source)


def alert_of(fault: Fault, detail: str, now: int, title: str = "", remedy: str = "") -> Alert:
    """Return a fault as an alert; a ``title`` and a ``remedy`` replace the general ones of its reason."""
    labels = {"alertname": SELF_ALERT, "reason": fault.reason, "source": fault.source}
    if fault.name:
        labels["fault"] = fault.name
    annotations = {
        "summary": title or title_of(fault.reason, fault.source),
        "description": _capitalized(detail),
    }
    if remedy:
        annotations[REMEDY] = remedy
    return Alert(
        source=SELF_SOURCE,
        fingerprint=fingerprint(labels),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations=annotations,
        starts_at=now,
    )


def fault_of(labels: Mapping[str, str]) -> Fault:
    """Return the fault that one of tocsin's own alerts is about, from its labels."""
    return Fault(labels.get("reason", ""), labels.get("source", ""), labels.get("fault", ""))


def own_verdict(policy: Policy, alert: Alert) -> Verdict:
    """Return the verdict on one of tocsin's own alerts. No rules are used, because they may be broken."""
    playbook = policy.self_playbook
    reason, source = alert.labels["reason"], alert.labels["source"]
    informs = reason in INFORMS
    remedy = alert.annotations.get(REMEDY) or remedy_of(reason, source)
    return Verdict(
        playbook=playbook.name,
        severity=playbook.levels[-1].name if informs else playbook.unrouted,
        service="tocsin",
        dedup_key=f"{playbook.name}/self/{reason}/{source}",
        title=alert.annotations["summary"],
        summary=_in_one_line(remedy),
        labels=alert.labels,
        trace=("tocsin's own",),
    )


def _in_one_line(remedy: str) -> str:
    """Return the lines of a remedy as sentences; the last one may end in a command, which gets no period."""
    *first, last = remedy.split("\n")
    return " ".join([*(f"{line.rstrip('.')}." for line in first), last])


def _capitalized(text: str) -> str:
    """Capitalize a text, unless it begins with a name, such as a file's: ``desk.ics:20: ...``."""
    return f"{text[0].upper()}{text[1:]}" if _WORD.match(text) else text
