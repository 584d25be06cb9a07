"""What tocsin says about itself: its troubles as alerts, and the verdict that needs no rule."""

from tocsin.core.alert import SELF_SOURCE, Alert, AlertStatus, fingerprint
from tocsin.core.verdict import Verdict
from tocsin.engine.policy import Policy

MINUTE = 60_000_000

SAID_AGAIN_AFTER = 1 * MINUTE
"""The same trouble is written down again no sooner than this."""
KNOWN_TROUBLES = 100
"""Distinct troubles told apart at a time; whoever invents more sources is told of as one."""
QUIET_AFTER = 30 * MINUTE
"""A trouble that was not seen again for this long is over."""

_TITLES = {
    "unauthorized": "requests are refused for a wrong or missing token: alerts or acknowledgments may be lost",
    "forbidden": "requests are refused for a token without the scope: alerts or acknowledgments may be lost",
    "origin": "requests are refused for their Origin header: alerts may be lost",
    "bad_signature": "requests are refused for a wrong signature: acknowledgments may be lost",
    "not_configured": "requests are refused because no secret is configured for them: acknowledgments may be lost",
    "content_encoding": "requests are refused because they are compressed: alerts or acknowledgments may be lost",
    "unmatched": "an acknowledgment could not be matched with an incident: acknowledge the incident in another way",
    "opted_out": "a person has stopped SMS from tocsin: pages by SMS do not reach this person",
    "strangers": "requests without a valid token or signature were refused; all came from unknown senders",
    "misaddressed": "webhooks come to an address that does not exist: their alerts are lost",
    "reserved": "webhooks come to a source name that is tocsin's own: their alerts are lost",
    "malformed": "webhooks are refused because they cannot be read: their alerts are lost",
    "too_large": "webhooks are refused because they are too large: their alerts are lost",
    "quarantined": "alerts could not be placed and are kept in quarantine",
    "truncated": "alerts were left out of webhooks by their sender: nobody is paged for them",
    "calendar": "events of an on-call calendar cannot be read: a shift may be missing",
    "doubted": "alerts ended together without a Watchdog: not believed, their incidents stay open",
    "silent": "the Watchdog has stopped: Prometheus, Alertmanager or the way from there is broken",
    "dead": "a page was refused for good by its channel",
    "late": "a page could not be delivered in time",
    "template": "a message template fails: plain text goes out in its place",
    "failed": "tocsin failed at a piece of its own work",
    "unreadable": "something in the store cannot be read: it is left out, an incident is not escalated",
    "invariant": "an invariant of tocsin's is broken",
}


INFORMS = frozenset({"strangers"})
"""Reasons that inform and page no one: anyone who reaches the daemon can cause them."""


def trouble(reason: str, source: str, detail: str, now: int) -> Alert:
    """A trouble of tocsin's own, as an alert.

    ``source`` is where it shows: a source of webhooks, a channel, a worker.
    """
    labels = {"alertname": "TocsinTrouble", "reason": reason, "source": source}
    return Alert(
        source=SELF_SOURCE,
        fingerprint=fingerprint(labels),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations={"summary": f"{_TITLES.get(reason, reason)} ({source})", "description": detail},
        starts_at=now,
    )


def own_verdict(policy: Policy, alert: Alert) -> Verdict:
    """Its verdict: without the rules, since they may be what is broken."""
    playbook = policy.self_playbook
    informs = alert.labels["reason"] in INFORMS
    return Verdict(
        playbook=playbook.name,
        severity=playbook.levels[-1].name if informs else playbook.unrouted,
        service="tocsin",
        dedup_key=f"{playbook.name}/self/{alert.labels['reason']}/{alert.labels['source']}",
        title=alert.annotations["summary"],
        labels=alert.labels,
        trace=("tocsin's own",),
    )
