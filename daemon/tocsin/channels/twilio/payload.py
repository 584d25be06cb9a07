"""From a notification to the parameters of Twilio's API: what is said on the telephone, what stands in an SMS.

Limits as published: 4,000 characters of TwiML inline, 1,600 of an SMS; a message that waits at Twilio longer than
``ValidityPeriod`` seconds is dropped there, and a page of an hour ago helps nobody.
"""

import re
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from tocsin.channels import wording
from tocsin.channels.alert_groups import grouped
from tocsin.channels.text import cut, is_link, plain, sentence
from tocsin.channels.twilio.segments import fitted
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.core.clock import BREACH_STEP, REMINDER
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import SECOND

CALLBACK = "/webhooks/twilio"
"""Where Twilio brings the answers."""
KEY = "1"
"""The key that acknowledges."""

VALID_FOR = 3600
WAIT_FOR_KEY = 8
HEAD_LIMIT = 350
DETAILS_LIMIT = 450
NAME_LIMIT = 60
TITLE_LIMIT = 160
FACTS_LIMIT = 240
ESCAPED_HEAD_LIMIT = 500
ESCAPED_LIMIT = 700
"""Of what is read out, as XML: it stands there twice, and Twilio takes 4,000 characters in all."""
_DURATION = re.compile(r"\b(\d+) (d|h|min|s)\b", re.ASCII)
_UNITS = {"d": "day", "h": "hour", "min": "minute", "s": "second"}
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def call(content: Content, settings: TwilioSettings) -> dict[str, str]:
    """The parameters of a call (Calls.json)."""
    return {
        "To": content.destination,
        "From": settings.sender or "",
        "Timeout": str(settings.ring_for // SECOND),
        "Twiml": twiml(content, settings),
    }


def message(content: Content, settings: TwilioSettings) -> dict[str, str]:
    """The parameters of an SMS (Messages.json)."""
    given = {"To": content.destination, "Body": text(content, settings), "ValidityPeriod": str(VALID_FOR)}
    if settings.messaging_service:
        return given | {"MessagingServiceSid": settings.messaging_service}
    return given | {"From": settings.sender or ""}


def twiml(content: Content, settings: TwilioSettings) -> str:
    """What happens on the telephone: the page twice; where answers are taken, a key acknowledges."""
    say = f"<Say language={quoteattr(settings.language)}>{{}}</Say>"
    head, details = (say.format(escape(text)) for text in _spoken(content))
    if not is_answerable(content, settings):
        return f'<Response>{head}{details}<Pause length="1"/>{head}{details}</Response>'
    action = f"{content.external_url}{CALLBACK}?{urlencode({'page': content.key})}"
    told = f"{head}{say.format(escape(_ask(content)))}{details}"
    gather = f'<Gather numDigits="1" timeout="{WAIT_FOR_KEY}" action={quoteattr(action)}>{told}{told}</Gather>'
    left = "" if wording.is_taken(content) else " This page is still unanswered."
    return f"<Response>{gather}{say.format(f'No key pressed.{left} Goodbye.')}</Response>"


def _ask(content: Content) -> str:
    """What the key does, which is said before the details: it can be pressed at any time."""
    if wording.is_taken(content):
        keeps = plain(content.acknowledged_by or "", NAME_LIMIT)
        return f"Press {KEY} at any time to confirm that you got this call. {keeps} keeps the incident."
    what = f" all {content.members} incidents" if content.members is not None else ""
    return f"Press {KEY} at any time to acknowledge{what}."


def text(content: Content, settings: TwilioSettings) -> str:
    """The SMS."""
    if content.text is not None:  # a message's own words, which a customer may read: nothing beside them
        words = f"{content.subject}: {content.text.plain}" if content.subject else content.text.plain
        return fitted(_line(words), "", settings.segments)
    match content.job:
        case Job.ACKNOWLEDGE:
            more = wording.taken(content)
        case Job.RESOLVE:
            more = wording.ending(content)
        case _:
            is_brief = content.resolved_at is not None or content.step.startswith((REMINDER, BREACH_STEP))
            remarks = map(sentence, wording.remarks(content))
            request = wording.request(content) if content.job is Job.UPDATE else ""
            facts = "" if is_brief else _facts(content)
            parts = [wording.reason(content), wording.help_wanted(content), *remarks, facts, request]
            more = " ".join(filter(None, parts))
    tail = f" {content.url}" if is_link(content.url) and len(content.url) <= TITLE_LIMIT // 2 else ""
    if content.job is Job.PAGE and is_answerable(content, settings) and not wording.is_taken(content):
        what = f" to acknowledge all {content.members}" if content.members is not None else ""
        tail += f" Reply{what}: ack {content.number}"
    return fitted(f"{sentence(_line(wording.headline(content)))} {_line(more)}", tail, settings.segments)


def is_answerable(content: Content, settings: TwilioSettings) -> bool:
    """Whether an answer can come back."""
    return settings.acknowledge and is_link(content.external_url) and bool(content.incident_id)


def _spoken(content: Content) -> tuple[str, str]:
    """What is read out: whom it is for, how bad it is, and what happened; then the details."""
    service = wording.service(content)
    severity = f"{content.severity}, {plain(service, NAME_LIMIT)}:" if service else f"{content.severity}."
    head = [
        "This is a drill." if content.drill else "",
        "You may have had this call already." if content.possible_duplicate else "",
        wording.stranded(content) if content.stranded else f"Tocsin page for {plain(content.target, NAME_LIMIT)}.",
        f"{severity} {sentence(plain(wording.title(content), TITLE_LIMIT))}",
        sentence(wording.alerts(content)) if content.alerts_firing > 1 and content.members is None else "",
    ]
    details = [
        _aloud(wording.reason(content)),
        wording.help_wanted(content),
        plain(_facts(content, counts=False), FACTS_LIMIT),
        f"Incident {content.number}.",
    ]
    return _fitting(head, HEAD_LIMIT, ESCAPED_HEAD_LIMIT), _fitting(details, DETAILS_LIMIT, ESCAPED_LIMIT)


def _fitting(sentences: list[str], limit: int, escaped_limit: int) -> str:
    spoken = _NOT_XML.sub("", plain(" ".join(filter(None, sentences)), limit))
    while len(escape(spoken)) > escaped_limit:  # a label of ampersands
        spoken = cut(spoken, len(spoken) - 20)
    return spoken


def _aloud(text: str) -> str:
    """The text with durations that are read as they are meant: ``30 min`` is no word."""
    return _DURATION.sub(lambda found: f"{found[1]} {_UNITS[found[2]]}{'' if found[1] == '1' else 's'}", text)


def _facts(content: Content, *, counts: bool = True) -> str:
    """What it means, and what the first of its alerts say."""
    groups = grouped(content.alerts)
    shown = f"{content.title} {content.service} {content.summary}"
    texts = [groups[0].facts(FACTS_LIMIT, shown)] if groups else []
    has_many = content.alerts_firing > 1 and content.members is None
    count = wording.alerts(content) if counts and has_many else ""
    if groups and content.members is not None:
        texts += [f"{group.name}: {', '.join(group.members_in_words(FACTS_LIMIT))}" for group in groups[:2]]
    return " ".join(sentence(text) for text in (content.summary, count, *texts) if text)


def _line(line: str) -> str:
    # A zero character ends an SMS at some carriers; plain() has no other that could be one.
    return _NOT_XML.sub("", plain(line, 4 * TITLE_LIMIT))
