"""The Slack message about a notification, within Slack's limits.

Published limits: header 150 characters, section text 3,000, field 2,000, the text of ``chat.update`` 4,000, 50 blocks.
All blocks of a message together fail near 13,200 characters, which is not documented.
"""

import json
from typing import Any

import msgspec

from tocsin.channels import counts, next_pages, next_steps, outcomes, timeline, wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.persons import person
from tocsin.channels.slack import buttons
from tocsin.channels.slack.markdown import sections
from tocsin.channels.slack.mrkdwn import context, escape, link, mention, mrkdwn, plain, section, when, when_time
from tocsin.channels.text import ends_in_command, lines_of, sentence
from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.outbox import Job

# Limits in characters, unless stated otherwise.
HEADER_LIMIT = 150
"""Maximum length of the headline."""
LINE_LIMIT = 400
"""Maximum length of one sentence or line."""
FIELD_LIMIT = 200
"""Maximum length of a field's value."""
SUMMARY_LIMIT = 1500
"""Maximum length of the summary in an update."""
TEXT_LIMIT = 500
"""Maximum length of the text of a group of alerts."""
MEMBERS_LIMIT = 300
"""Maximum length of each line about the members of a group of alerts."""
MEMBERS = 5
"""Maximum number of members of a group that are listed."""
LABELS_LIMIT = 300
"""Maximum length of the labels of a group of alerts."""
ALERTS = 5
"""Maximum number of groups of alerts that are shown."""
HISTORY_LIMIT = 2900
"""Maximum length of one block of timeline entries."""
HISTORY_BLOCKS = 2
"""Maximum number of blocks of timeline entries."""
BLOCKS_LIMIT = 12_000
"""Maximum length of all blocks of a message as JSON."""

Blocks = list[dict[str, Any]]

_DOT = {
    "pending": ":white_circle:",
    "triggered": ":red_circle:",
    "acknowledged": ":large_orange_circle:",
    "snoozed": ":zzz:",
}
_DONE = ":large_green_circle:"


class SlackMessage(msgspec.Struct, frozen=True):
    """The content of ``chat.postMessage`` or ``chat.update``."""

    text: str
    """The text for push notifications and screen readers."""
    blocks: Blocks
    event_type: str
    key: str

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that both methods take."""
        return {
            "text": self.text,
            "blocks": self.blocks,
            "metadata": {"event_type": self.event_type, "event_payload": {"key": self.key}},
            "parse": "none",
            "link_names": False,
        }


def render(content: Content) -> SlackMessage:
    """Return the message for one notification. A history must have entries."""
    text, blocks = _FORMS[content.job](content)
    return SlackMessage(text, _fit(blocks), f"tocsin_{content.job}", content.key)


def _announce(content: Content) -> tuple[str, Blocks]:
    """Return the incident's own message, which shows its current state and is the same for all readers."""
    head = escape(wording.headline(content), HEADER_LIMIT)
    fields = [
        ("Severity", escape(content.severity, FIELD_LIMIT)),
        ("State", _state(content)),
        ("Service", escape(wording.service(content), FIELD_LIMIT)),
        ("Team", escape(content.team, FIELD_LIMIT)),
        _reported(content),
        ("Opened", when(content.opened_at, content.time_zone)),
        _acknowledged(content),
        ("Next", escape(next_pages.unless_resolved(content), FIELD_LIMIT)),
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


def _reported(content: Content) -> tuple[str, str]:
    """Return the field about the number of alerts or, without any, about the person who declared the incident."""
    if not content.alerts_total and content.declared_by and content.members is None:
        return "Declared by", escape(person(content, content.declared_by), FIELD_LIMIT)
    return "Alerts", escape(counts.alerts(content), FIELD_LIMIT)


def _acknowledged(content: Content) -> tuple[str, str]:
    """Return the field about the person who acknowledged; an acknowledgment that no longer counts is named so."""
    who = escape(person(content, content.acknowledged_by), FIELD_LIMIT)
    if who and content.state == "triggered":
        return "Earlier acknowledgment", f"{who} (no longer counts)"
    return "Acknowledged by", who


def _page(content: Content) -> tuple[str, Blocks]:
    """Return a page: a new post, because an edited message notifies no one."""
    to = _addressee(content)
    head = escape(wording.headline(content), LINE_LIMIT)
    reason = escape(wording.reason(content), LINE_LIMIT)
    details = [
        reason,
        *(escape(text, LINE_LIMIT) for text in (wording.paged_before(content), wording.meaning(content))),
    ]
    lines = [f"{to} :rotating_light: *{head}*", *details, *_remarks(content)]
    if not content.is_alarm:
        opened, count = when(content.opened_at, content.time_zone), escape(counts.alerts(content), FIELD_LIMIT)
        again = "again " if content.occurrence > 1 else ""
        lines.append(f"{count}, open {again}since {opened}" if count else f"Open {again}since {opened}")
    what_next = [wording.storm_list(content), next_pages.following(content)]
    if content.members is not None:
        what_next.append(f"The buttons act on all {content.members} incidents.")
    if other := next_steps.other_incident(content):
        what_next.append(f"The buttons act only on this notice (#{content.number}), not on #{other}.")
    if next_pages.is_taken(content) or content.members is not None:
        what_next.append(next_steps.request(content))
    lines += _escaped(*what_next)
    shown = section("\n".join(filter(None, lines)).lstrip())
    blocks = [shown, *_sample(content), *_small_print(content), *buttons.row(content)]
    count = counts.alerts(content) if content.alerts_firing > 1 and content.members is None else ""
    more = (escape(sentence(count), FIELD_LIMIT), reason, escape(next_steps.help_wanted(content), LINE_LIMIT))
    return " ".join(filter(None, (f"{to} {head}.".lstrip(), *more))), blocks


def _update(content: Content) -> tuple[str, Blocks]:
    """Return an update: a message that requires no response."""
    if content.text is not None:
        return _message(content, content.text)
    to = _addressee(content)
    head = escape(wording.headline(content), LINE_LIMIT)
    reason, summary = escape(wording.reason(content), LINE_LIMIT), escape(content.summary, SUMMARY_LIMIT)
    now = "" if not wording.has_state(content) else f"Now: {escape(wording.standing(content), FIELD_LIMIT)}."
    request = _escaped(next_steps.request(content))
    what = wording.kind(content)
    title = f"{what} *{head}*" if what else f"*{head}*"
    lines = [f"{to} :information_source: {title}", reason, summary, *_remarks(content), now, *request]
    spoken = f"{what} {head}".lstrip()
    shown = "\n".join(filter(None, lines)).lstrip()
    return f"{to} {spoken}. {reason}".strip(), [section(shown), *_small_print(content)]


def _message(content: Content, message: RenderedText) -> tuple[str, Blocks]:
    """Return a playbook's own text, preceded only by the recipients and important remarks."""
    more = f"... cut; the whole text: {link(content.url, 'tocsin') or f'tocsin incidents show {content.number}'}"
    links = (content.bridge, content.url, content.runbook, *content.links)
    paragraphs = sections(message, links, more)
    head = [mention(content.recipient), f"*{escape(content.subject, LINE_LIMIT)}*" if content.subject else ""]
    before = "\n".join(filter(None, [" ".join(filter(None, head)), *_remarks(content)]))
    first = escape(content.subject or message.plain.partition("\n")[0], LINE_LIMIT)
    return f"{mention(content.recipient)} {first}".strip(), [section(each) for each in (before, *paragraphs) if each]


def _resolve(content: Content) -> tuple[str, Blocks]:
    """Return the message for everyone who was paged."""
    to, ending = _addressee(content), _escaped(outcomes.ending(content))
    head = escape(wording.headline(content), LINE_LIMIT)
    what = wording.kind(content)
    lines = [f"{to} {_DONE} {what} *{head}*", *ending, *_remarks(content)]
    spoken = [line for line in ending if not ends_in_command(line)[1]]
    return f"{to} {what} {head}. {' '.join(spoken)}".lstrip(), [section("\n".join(lines).lstrip())]


def _history(content: Content) -> tuple[str, Blocks]:
    """Return the new timeline entries in as few blocks as possible; entries that do not fit are counted."""
    paragraphs = [""]
    left, titles = 0, timeline.Titles.of(content)
    for number, entry in enumerate(content.history):
        happened = escape(timeline.happened(entry, content.time_zone, titles), LINE_LIMIT)
        has_date = timeline.is_of_another_day(entry, content.time_zone, titles)
        line = f"{when_time(entry.at, content.time_zone, has_date=has_date)} {happened}"
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
    last = timeline.describe(content.history[-1], content.time_zone, titles)
    return f"{head}: {escape(last, LINE_LIMIT)}", blocks


_FORMS = {
    Job.ANNOUNCE: _announce,
    Job.PAGE: _page,
    Job.UPDATE: _update,
    Job.RESOLVE: _resolve,
    Job.HISTORY: _history,
}


def _fit(blocks: Blocks) -> Blocks:
    """Return the blocks within their total limit: links and alerts are dropped from the end; head and buttons stay."""
    kept = list(blocks)
    for index in reversed(range(1, len(blocks))):
        if len(json.dumps(kept, ensure_ascii=False)) <= BLOCKS_LIMIT:
            break
        if kept[index]["type"] != "actions" and "fields" not in kept[index]:
            del kept[index]
    return kept


def _addressee(content: Content) -> str:
    """Return the recipient, as a mention if the id is known, else by name."""
    name = escape(person(content, content.target), FIELD_LIMIT)
    if content.stranded:
        return f"{mention(content.recipient)} *In place of {name}*:".lstrip()
    return mention(content.recipient) or ("" if content.target in content.places else f"*{name}*:")


def _escaped(*texts: str) -> list[str]:
    """Return the lines of some texts, escaped; a command ends its line, so that it can be copied."""
    return [escape(line, LINE_LIMIT) for text in texts for line in lines_of(text)]


def _words(content: Content) -> str:
    return escape(", ".join(filter(None, [wording.condition(content), counts.alerts(content)])), FIELD_LIMIT)


def _state(content: Content) -> str:
    dot = _DONE if content.recovering else _DOT.get(content.state, _DONE)
    return f"{dot} {escape(wording.condition(content), FIELD_LIMIT)}"


def _remarks(content: Content) -> list[str]:
    return [f":warning: {escape(remark, LINE_LIMIT)}" for remark in wording.remarks(content)]


def _sample(content: Content) -> Blocks:
    """Return the texts of the alerts, each text once, and their labels."""
    sample, shown = counts.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    blocks = [section(_group(group, shown, unseen, content)) for group, unseen in sample.groups]
    if sample.more:
        blocks.append(context(f"... and {sample.more}."))
    return blocks


def _group(group: AlertGroup, shown: str, unseen: int, content: Content) -> str:
    text = escape(group.text(TEXT_LIMIT, shown), TEXT_LIMIT)
    labels = ", ".join(group.labels_in_words(unseen))
    number = counts.count(group, unseen, content)
    count = f" ({number})" if number else ""
    state = "" if group.is_firing else "(resolved) "
    members = group.members_in_words(MEMBERS_LIMIT, unseen, MEMBERS)
    lines = [f"{state}*{escape(group.name, 100)}*{count} {text}".rstrip()]
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
