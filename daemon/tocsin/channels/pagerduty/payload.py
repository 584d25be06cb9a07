"""From a notification to an event of PagerDuty's Events API v2, within that contract's limits.

Limits as published: summary 1,024 characters, dedup_key 255, the whole event
512 KB; ``payload.source`` must not be empty and severities are four.
"""

import json
from collections.abc import Iterator
from typing import Any

from tocsin.channels import wording
from tocsin.channels.alert_groups import grouped
from tocsin.channels.text import is_link, one_line, plain, sentence
from tocsin.core.moments import moment
from tocsin.core.outbox import Job
from tocsin.core.page import AlertLine, Content

SUMMARY_LIMIT = 1024
FIELD_LIMIT = 255
VALUE_LIMIT = 2048
FACTS_LIMIT = 300
TEXT_LIMIT = 1000
SAMPLE = 10
PAIRS = 64
LINKS = 10
EVENT_LIMIT = 512_000 - 1_000
"""Leaves room for the routing key, which the client adds."""

SEVERITIES = ("critical", "error", "warning", "info")

ACTIONS = {Job.PAGE: "trigger", Job.ACKNOWLEDGE: "acknowledge", Job.RESOLVE: "resolve"}

_TOO_LARGE = {"note": "The details were too large for PagerDuty and were left out."}


def severity(rank: int, ranks: int) -> str:
    """PagerDuty's severity for a level: the first four in order, more spread over the four, the highest critical."""
    span = max(ranks - 1, 3)
    return SEVERITIES[-(-(6 * rank - span) // (2 * span))]


def render(content: Content) -> tuple[str, str, dict[str, Any]]:
    """The event's action, its dedup_key, and the properties that go with them."""
    if content.job is Job.PAGE:
        return "trigger", content.key, _fit(_trigger(content))
    return ACTIONS[content.job], content.about, {}


def _trigger(content: Content) -> dict[str, Any]:
    labels = content.alerts[0].labels if content.alerts else {}
    payload = {
        "summary": plain(_summary(content), SUMMARY_LIMIT),
        "source": plain(labels.get("instance") or content.service, FIELD_LIMIT) or "tocsin",
        "severity": severity(content.rank, content.ranks),
        "timestamp": wording.iso(content.opened_at),
        "component": plain(content.service, FIELD_LIMIT),
        "group": plain(labels.get("cluster") or labels.get("namespace") or "", FIELD_LIMIT),
        "class": plain(labels.get("alertname", ""), FIELD_LIMIT),
        "custom_details": _details(content),
    }
    event: dict[str, Any] = {
        "payload": {key: value for key, value in payload.items() if value},
        "client": "tocsin",
        "links": list(_links(content)),
    }
    if is_link(content.url):
        event["client_url"] = content.url
    return event


def _details(content: Content) -> dict[str, Any]:
    details: dict[str, Any] = {
        "because": one_line(f"{wording.reason(content)} {wording.help_wanted(content)}").rstrip(),
        "remarks": [one_line(remark) for remark in wording.remarks(content, seen_once=True)],
        "next": wording.following(content),
        "incidents": wording.storm_list(content),
        "incident": f"#{content.number}",
        "playbook": content.playbook_title or content.playbook,
        "severity": content.severity,
        "summary": plain(content.summary, VALUE_LIMIT),
        "what the alerts say": list(_said(content)),
        "service": one_line(content.service),
        "team": one_line(content.team),
        "automation": one_line(content.automation),
        "state": wording.condition(content),
        "flags": list(content.flags),
        "alerts": wording.alerts(content),
        "opened at": moment(content.opened_at, content.time_zone),
        "sample": [_alert(alert, content.time_zone) for alert in content.alerts[:SAMPLE]],
    }
    return {key: value for key, value in details.items() if value}


def _summary(content: Content) -> str:
    """The line that a telephone shows, and that is read out."""
    groups = grouped(content.alerts)
    facts = groups[0].facts(FACTS_LIMIT, f"{content.title} {content.service} {content.summary}") if groups else ""
    parts = (
        wording.headline(content),
        wording.stranded(content) if content.stranded else "",
        wording.reason(content),
        wording.help_wanted(content),
        wording.alerts(content) if content.members is None else f"Acknowledging this takes all {content.members}",
        content.summary,
        facts,
    )
    return " ".join(sentence(one_line(part)) for part in parts if part)


def _said(content: Content) -> Iterator[str]:
    """Yield what the alerts say, those that say the same once."""
    for group, unseen in wording.Shown.of(content, len(content.alerts)).groups:
        lines = (group.text(TEXT_LIMIT), *group.members_in_words(TEXT_LIMIT, unseen))
        if said := plain(" ".join(map(sentence, filter(None, lines))), VALUE_LIMIT):
            name = plain(group.name, FIELD_LIMIT)
            yield said if said.startswith(name) else f"{name}: {said}"


def _alert(alert: AlertLine, zone: str) -> dict[str, Any]:
    return {
        "status": "firing" if alert.firing else "resolved",
        "since": None if alert.starts_at is None else moment(alert.starts_at, zone),
        "labels": _clean(alert.labels),
        "annotations": _clean(alert.annotations),
    }


def _clean(pairs: dict[str, str]) -> dict[str, str]:
    shown = list(pairs.items())[:PAIRS]
    return {plain(name, FIELD_LIMIT): plain(value, VALUE_LIMIT) for name, value in shown}


def _links(content: Content) -> Iterator[dict[str, str]]:
    """Where to look: tocsin, the runbooks, what fired; each URL once."""
    wanted = [(content.url, "Incident in tocsin"), (content.bridge, "War room"), (content.runbook, "Runbook")]
    for alert in content.alerts:
        name = plain(alert.labels.get("alertname", "alert"), 80)
        wanted += [
            (alert.annotations.get("runbook_url", ""), f"Runbook: {name}"),
            (alert.annotations.get("dashboard_url", ""), f"Dashboard: {name}"),
            (alert.generator_url, f"Alert: {name}"),
        ]
    found = {href: text for href, text in reversed(wanted) if is_link(href)}
    for href, text in list(reversed(found.items()))[:LINKS]:
        yield {"href": href, "text": text}


def _fit(event: dict[str, Any]) -> dict[str, Any]:
    """The event within the size limit: without its details, then without its links."""
    if _size(event) > EVENT_LIMIT:
        event = event | {"payload": event["payload"] | {"custom_details": _TOO_LARGE}}
    if _size(event) > EVENT_LIMIT:
        event = event | {"links": []}
    return event


def _size(event: dict[str, Any]) -> int:
    return len(json.dumps(event, ensure_ascii=False).encode())
