"""The event of PagerDuty's Events API v2 about a notification, within the limits of the API.

Published limits: summary 1,024 characters, dedup_key 255, the whole event 512 KB; ``payload.source`` must not be empty
and there are four severities.
"""

import json
from collections.abc import Iterator
from typing import Any

from tocsin.channels import counts, next_pages, next_steps, wording
from tocsin.channels.alert_groups import grouped
from tocsin.channels.text import cut_list, is_link, one_line, plain, sentence
from tocsin.core.content.page import AlertLine, Content
from tocsin.core.incident.outbox import Job
from tocsin.core.schedule.moments import moment

SUMMARY_LIMIT = 1024
"""Maximum length of an event's summary in PagerDuty's API, in characters."""
FIELD_LIMIT = 255
"""Maximum length of the other fields of an event and of a label's name, in characters."""
VALUE_LIMIT = 2048
"""Maximum length of a detail, in characters."""
FACTS_LIMIT = 300
"""Maximum length of the facts about a group of alerts in the summary, in characters."""
TEXT_LIMIT = 1000
"""Maximum length of the text of a group of alerts, in characters."""
SAMPLE = 10
"""Maximum number of alerts with their labels."""
PAIRS = 64
"""Maximum number of labels or annotations of an alert."""
LINKS = 10
"""Maximum number of links."""
EVENT_LIMIT = 512_000 - 1_000
"""Maximum number of bytes of an event, less room for the routing key, which the client adds."""

SEVERITIES = ("critical", "error", "warning", "info")

ACTIONS = {Job.PAGE: "trigger", Job.ACKNOWLEDGE: "acknowledge", Job.RESOLVE: "resolve"}

_TOO_LARGE = {"note": "The details were too large for PagerDuty and were left out."}


def severity(rank: int, ranks: int) -> str:
    """Return PagerDuty's severity for a level: up to four levels in order, more are spread evenly; highest critical."""
    span = max(ranks - 1, 3)
    return SEVERITIES[-(-(6 * rank - span) // (2 * span))]


def render(content: Content) -> tuple[str, str, dict[str, Any]]:
    """Return the event's action, its dedup_key, and their properties."""
    if content.job is Job.PAGE:
        return "trigger", content.key, _fit(_trigger(content))
    return ACTIONS[content.job], content.about, {}


def _trigger(content: Content) -> dict[str, Any]:
    labels = content.alerts[0].labels if content.alerts else {}
    payload = {
        "summary": plain(_summary(content), SUMMARY_LIMIT),
        "source": plain(labels.get("instance") or _services(content), FIELD_LIMIT) or "tocsin",
        "severity": severity(content.rank, content.ranks),
        "timestamp": wording.iso(content.opened_at),
        "component": plain(_services(content), FIELD_LIMIT),
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


def _services(content: Content) -> str:
    """Return the service; of a storm, the services of its incidents."""
    if content.members is None:
        return content.service
    names = dict.fromkeys(alert.labels.get("service", "") for alert in reversed(content.alerts))
    return cut_list(list(filter(None, names)), VALUE_LIMIT, counts.unseen(content))


def _details(content: Content) -> dict[str, Any]:
    details: dict[str, Any] = {
        "because": one_line(" ".join(filter(None, [wording.reason(content), *_what_acknowledge_does(content)]))),
        "before": wording.paged_before(content),
        "remarks": [one_line(remark) for remark in wording.remarks(content, seen_once=True)],
        "next": next_pages.following(content),
        "declaration": next_steps.declaration(content),
        "incidents": wording.storm_list(content),
        "incident": "" if content.is_alarm else f"#{content.number}",
        "playbook": content.playbook_title or content.playbook,
        "severity": content.severity,
        "summary": plain(wording.meaning(content), VALUE_LIMIT),
        "what the alerts say": list(_alert_texts(content)),
        "service": one_line(_services(content)),
        "team": one_line(content.team),
        "automation": one_line(content.automation),
        "state": "" if content.is_alarm else wording.condition(content),
        "flags": list(content.flags),
        "alerts": counts.alerts(content),
        "opened at": moment(content.opened_at, content.time_zone),
        "sample": [_alert(alert, content) for alert in content.alerts[:SAMPLE]],
    }
    return {key: value for key, value in details.items() if value}


def _summary(content: Content) -> str:
    """Return the line that phones show and voice calls read out."""
    groups = grouped(content.alerts)
    facts = ""
    if groups and not wording.affected(content):  # these are in the headline
        facts = counts.first_facts(content, FACTS_LIMIT, f"{content.title} {content.service} {content.summary}")
    if groups and content.members is not None:
        facts = f"{groups[0].name}: {', '.join(groups[0].members_in_words(FACTS_LIMIT, counts.unseen(content)))}"
    parts = (
        wording.headline(content),
        wording.stranded(content) if content.stranded else "",
        wording.reason(content),
        *_what_acknowledge_does(content),
        _capital(counts.alerts(content)) if content.members is None else "",
        *((facts, content.summary) if next_steps.other_incident(content) else (content.summary, facts)),
    )
    return " ".join(sentence(one_line(part)) for part in parts if part)


def _what_acknowledge_does(content: Content) -> list[str]:
    """Return what PagerDuty's own Acknowledge does, where that is not plain."""
    if content.members is not None:
        return [f"The Acknowledge button acknowledges all {content.members} incidents."]
    if other := next_steps.other_incident(content):
        return [f"The Acknowledge button only stops this notice: it does not acknowledge #{other}."]
    return list(filter(None, [next_steps.help_wanted(content, is_answered_here=True)]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _alert_texts(content: Content) -> Iterator[str]:
    """Yield the texts of the alerts, each text once."""
    for group, unseen in counts.Shown.of(content, len(content.alerts)).groups:
        lines = (group.text(TEXT_LIMIT), *group.members_in_words(TEXT_LIMIT, unseen))
        if line_of_alert := plain(" ".join(map(sentence, filter(None, lines))), VALUE_LIMIT):
            name = plain(group.name, FIELD_LIMIT)
            yield line_of_alert if line_of_alert.startswith(name) else f"{name}: {line_of_alert}"


def _alert(alert: AlertLine, content: Content) -> dict[str, Any]:
    labels = alert.labels
    if content.members is not None and "state" in labels:  # the state of an incident of the storm
        labels = labels | {"state": wording.STATES.get(labels["state"], labels["state"])}
    return {
        "status": "firing" if alert.firing else "resolved",
        "since": None if alert.starts_at is None else moment(alert.starts_at, content.time_zone),
        "labels": _clean(labels),
        "annotations": _clean(alert.annotations),
    }


def _clean(pairs: dict[str, str]) -> dict[str, str]:
    shown = list(pairs.items())[:PAIRS]
    return {plain(name, FIELD_LIMIT): plain(value, VALUE_LIMIT) for name, value in shown}


def _links(content: Content) -> Iterator[dict[str, str]]:
    """Return links to tocsin, the runbooks and the sources of the alerts; each URL once."""
    wanted = [(content.url, "Incident in tocsin"), (content.bridge, "War room"), (content.runbook, "Runbook")]
    for alert in content.alerts:
        name = plain(alert.labels.get("alertname", "alert"), 80)
        wanted += [
            (alert.annotations.get("runbook_url", ""), f"Runbook: {name}"),
            (alert.annotations.get("dashboard_url", ""), f"Dashboard: {name}"),
            (alert.generator_url, f"Alert: {name}"),
        ]
    unique = {href: text for href, text in reversed(wanted) if is_link(href)}
    for href, text in list(reversed(unique.items()))[:LINKS]:
        yield {"href": href, "text": text}


def _fit(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event within the size limit: without its details, then without its links."""
    if _size(event) > EVENT_LIMIT:
        event = event | {"payload": event["payload"] | {"custom_details": _TOO_LARGE}}
    if _size(event) > EVENT_LIMIT:
        event = event | {"links": []}
    return event


def _size(event: dict[str, Any]) -> int:
    return len(json.dumps(event, ensure_ascii=False).encode())
