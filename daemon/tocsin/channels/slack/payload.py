"""From a notification to a Slack message, within Slack's limits.

Limits as published: header 150 characters, section text 3,000, field 2,000,
the text of ``chat.update`` 4,000, 50 blocks. All blocks of a message together
fail near 13,200 characters, which is not documented.
"""

import json
from typing import Any

import msgspec

from tocsin.channels import timeline, wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.slack import buttons
from tocsin.channels.slack.mrkdwn import context, escape, link, mention, mrkdwn, plain, section, when, when_time
from tocsin.channels.slack.said import sections
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.said import Said

HEADER_LIMIT = 150
LINE_LIMIT = 400
FIELD_LIMIT = 200
SUMMARY_LIMIT = 1500
TEXT_LIMIT = 500
"""Of what the alerts of a group say."""
MEMBERS_LIMIT = 300
MEMBERS = 5
LABELS_LIMIT = 300
ALERTS = 5
"""Groups of alerts that are shown."""
HISTORY_LIMIT = 2900
HISTORY_BLOCKS = 2
BLOCKS_LIMIT = 12_000

Blocks = list[dict[str, Any]]

_DOT = {
    "pending": ":white_circle:",
    "triggered": ":red_circle:",
    "acknowledged": ":large_orange_circle:",
    "snoozed": ":zzz:",
}
_DONE = ":large_green_circle:"


class Message(msgspec.Struct, frozen=True):
    """What goes into ``chat.postMessage`` or ``chat.update``."""

    text: str
    """What notifications and screen readers say."""
    blocks: Blocks
    event_type: str
    key: str

    def arguments(self) -> dict[str, Any]:
        """The arguments that both methods take."""
        return {
            "text": self.text,
            "blocks": self.blocks,
            "metadata": {"event_type": self.event_type, "event_payload": {"key": self.key}},
            "parse": "none",
            "link_names": False,
        }


def render(content: Content) -> Message:
    """The message for one notification. History wants entries: without any there is nothing to say."""
    text, blocks = _FORMS[content.job](content)
    return Message(text, _fit(blocks), f"tocsin_{content.job}", content.key)


def _announce(content: Content) -> tuple[str, Blocks]:
    """The incident's own message: always as it stands now, whoever reads it and whenever."""
    head = escape(wording.headline(content), HEADER_LIMIT)
    fields = [
        ("Severity", escape(content.severity, FIELD_LIMIT)),
        ("State", _state(content)),
        ("Service", escape(wording.service(content), FIELD_LIMIT)),
        ("Team", escape(content.team, FIELD_LIMIT)),
        ("Alerts", escape(wording.alerts(content), FIELD_LIMIT)),
        ("Opened", when(content.opened_at, content.time_zone)),
        _acknowledged(content),
        ("Next", escape(wording.unless_resolved(content), FIELD_LIMIT)),
        ("Resolved", when(content.resolved_at, content.time_zone) if content.resolved_at is not None else ""),
        ("Flags", escape(", ".join(content.flags), FIELD_LIMIT)),
    ]
    blocks: Blocks = [
        {"type": "header", "text": plain(head)},
        {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in fields if value]},
        *([section(escape(content.summary, LINE_LIMIT))] if content.summary else []),
        *([section(escape(listed, LINE_LIMIT))] if (listed := wording.storm_list(content)) else []),
        *_sample(content),
        *_small_print(content),
        *buttons.row(content),
    ]
    return f"{head} ({_words(content)})", blocks


def _acknowledged(content: Content) -> tuple[str, str]:
    """Who has it, or had it before it rose or grew beyond that."""
    who = escape(content.acknowledged_by or "", FIELD_LIMIT)
    if who and content.state == "triggered":
        return "Earlier acknowledgment", f"{who} (no longer counts)"
    return "Acknowledged by", who


def _page(content: Content) -> tuple[str, Blocks]:
    """A new post, because an edited one notifies nobody."""
    to = _addressee(content)
    head = escape(wording.headline(content), LINE_LIMIT)
    reason = escape(wording.reason(content), LINE_LIMIT)
    lines = [f"{to} :rotating_light: *{head}*", reason, escape(content.summary, LINE_LIMIT), *_remarks(content)]
    opened = when(content.opened_at, content.time_zone)
    lines.append(f"{escape(wording.alerts(content), FIELD_LIMIT)}, open since {opened}")
    what_next = [wording.storm_list(content), wording.following(content)]
    if wording.is_taken(content) or content.members is not None:
        what_next.append(wording.request(content))
    lines += [escape(line, LINE_LIMIT) for line in what_next]
    blocks = [section("\n".join(filter(None, lines))), *_sample(content), *_small_print(content), *buttons.row(content)]
    return f"{to} {head}. {reason} {escape(wording.help_wanted(content), LINE_LIMIT)}".rstrip(), blocks


def _update(content: Content) -> tuple[str, Blocks]:
    """For somebody's information: nothing is asked of them."""
    if content.text is not None:
        return _message(content, content.text)
    to = _addressee(content)
    head = escape(wording.headline(content), LINE_LIMIT)
    reason, summary = escape(wording.reason(content), LINE_LIMIT), escape(content.summary, SUMMARY_LIMIT)
    now = "" if content.is_reminder else f"Now: {escape(wording.standing(content), FIELD_LIMIT)}."
    request = escape(wording.request(content), LINE_LIMIT)
    lines = [f"{to} :information_source: *{head}*", reason, summary, *_remarks(content), now, request]
    return f"{to} {head}. {reason}", [section("\n".join(filter(None, lines))), *_small_print(content)]


def _message(content: Content, said: Said) -> tuple[str, Blocks]:
    """A playbook's own words, with nothing before them but who is meant and what must be known."""
    more = f"... cut; the whole text: {link(content.url, 'tocsin') or f'tocsin incidents show {content.number}'}"
    links = (content.bridge, content.url, content.runbook, *content.links)
    paragraphs = sections(said, links, more)
    head = [mention(content.recipient), f"*{escape(content.subject, LINE_LIMIT)}*" if content.subject else ""]
    before = "\n".join(filter(None, [" ".join(filter(None, head)), *_remarks(content)]))
    first = escape(content.subject or said.plain.partition("\n")[0], LINE_LIMIT)
    return f"{mention(content.recipient)} {first}".strip(), [section(each) for each in (before, *paragraphs) if each]


def _resolve(content: Content) -> tuple[str, Blocks]:
    """For everybody who was paged."""
    to, said = _addressee(content), escape(wording.ending(content), LINE_LIMIT)
    head = escape(wording.headline(content), LINE_LIMIT)
    lines = [f"{to} {_DONE} *{head}*", said, *_remarks(content)]
    return f"{to} {head}. {said}", [section("\n".join(lines))]


def _history(content: Content) -> tuple[str, Blocks]:
    """The timeline's new entries, in as few blocks as they fit in; what does not fit is counted."""
    paragraphs = [""]
    left = 0
    for number, entry in enumerate(content.history):
        happened = escape(timeline.happened(entry, content.time_zone), LINE_LIMIT)
        line = f"{when_time(entry.at, content.time_zone)} {happened}"
        if len(paragraphs[-1]) + len(line) >= HISTORY_LIMIT:
            if len(paragraphs) == HISTORY_BLOCKS:
                left = len(content.history) - number
                break
            paragraphs.append("")
        paragraphs[-1] += f"{line}\n"
    blocks = [context(paragraph.rstrip()) for paragraph in paragraphs]
    if left:
        blocks.append(context(f"... and {left} more entries: see the incident's timeline."))
    head = escape(wording.headline(content), LINE_LIMIT)
    return f"{head}: {escape(timeline.told(content.history[-1], content.time_zone), LINE_LIMIT)}", blocks


_FORMS = {
    Job.ANNOUNCE: _announce,
    Job.PAGE: _page,
    Job.UPDATE: _update,
    Job.RESOLVE: _resolve,
    Job.HISTORY: _history,
}


def _fit(blocks: Blocks) -> Blocks:
    """The blocks within the limit of their sum: links and alerts go, from the end; the head and the buttons stay."""
    kept = list(blocks)
    for index in reversed(range(1, len(blocks))):
        if len(json.dumps(kept, ensure_ascii=False)) <= BLOCKS_LIMIT:
            break
        if kept[index]["type"] != "actions" and "fields" not in kept[index]:
            del kept[index]
    return kept


def _addressee(content: Content) -> str:
    """Whom it is for: mentioned where there is an id, else by name."""
    return mention(content.recipient) or f"*{escape(content.target, FIELD_LIMIT)}*:"


def _words(content: Content) -> str:
    return f"{escape(wording.condition(content), FIELD_LIMIT)}, {wording.alerts(content)}"


def _state(content: Content) -> str:
    dot = _DONE if content.recovering else _DOT.get(content.state, _DONE)
    return f"{dot} {escape(wording.condition(content), FIELD_LIMIT)}"


def _remarks(content: Content) -> list[str]:
    return [f":warning: {escape(remark, LINE_LIMIT)}" for remark in wording.remarks(content)]


def _sample(content: Content) -> Blocks:
    """What the alerts say, those that say the same once, and their labels."""
    sample, shown = wording.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    blocks = [section(_group(group, shown, unseen, content)) for group, unseen in sample.groups]
    if sample.more:
        blocks.append(context(f"... and {sample.more}"))
    return blocks


def _group(group: AlertGroup, shown: str, unseen: int, content: Content) -> str:
    said = escape(group.text(TEXT_LIMIT, shown), TEXT_LIMIT)
    labels = ", ".join(group.labels_in_words(unseen))
    number = wording.count(group, unseen, content)
    count = f" ({number})" if number else ""
    state = "" if group.is_firing else "(resolved) "
    members = group.members_in_words(MEMBERS_LIMIT, unseen, MEMBERS)
    lines = [f"{state}*{escape(group.name, 100)}*{count} {said}".rstrip()]
    lines += [escape(line, MEMBERS_LIMIT) for line in members]
    return "\n".join(filter(None, [*lines, escape(labels, LABELS_LIMIT)]))


def _small_print(content: Content) -> Blocks:
    alert = content.alerts[0] if content.alerts else None
    links = [
        link(content.url, "tocsin"),
        link(content.bridge, "war room"),
        link(content.runbook or (alert.annotations.get("runbook_url", "") if alert else ""), "runbook"),
        link(alert.annotations.get("dashboard_url", ""), "dashboard") if alert else "",
        link(alert.generator_url, "view alert") if alert else "",
    ]
    links.append(escape(wording.concerns(content), FIELD_LIMIT))
    shown = [mrkdwn(each) for each in links if each]
    return [{"type": "context", "elements": shown}] if shown else []
