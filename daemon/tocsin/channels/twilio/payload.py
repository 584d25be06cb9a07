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
from tocsin.core.clock import REMINDER
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import SECOND

CALLBACK = "/webhooks/twilio"
"""Where Twilio brings the answers."""
KEY = "1"
"""The key that acknowledges."""

VALID_FOR = 3600
WAIT_FOR_KEY = 8
SPOKEN_LIMIT = 600
TITLE_LIMIT = 160
FACTS_LIMIT = 240
ESCAPED_LIMIT = 1200
"""Of what is read out, as XML: it stands there twice, and Twilio takes 4,000 characters in all."""
_DURATION = re.compile(r"\b(\d+) ([dhms])\b", re.ASCII)
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
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
    said = say.format(escape(_spoken(content)))
    if not is_answerable(content, settings):
        return f'<Response>{said}<Pause length="1"/>{said}</Response>'
    action = f"{content.external_url}{CALLBACK}?{urlencode({'page': content.key})}"
    is_taken = wording.is_taken(content)
    ask = say.format(f"Press {KEY} to {'confirm that you have heard this' if is_taken else 'acknowledge'}.")
    gather = (
        f'<Gather numDigits="1" timeout="{WAIT_FOR_KEY}" action={quoteattr(action)}>{said}{ask}{said}{ask}</Gather>'
    )
    return f"<Response>{gather}{say.format('No key was pressed. Goodbye.')}</Response>"


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
            facts = _facts(content) if content.resolved_at is None and not content.step.startswith(REMINDER) else ""
            request = wording.request(content) if content.job is Job.UPDATE else ""
            more = " ".join(
                filter(None, [wording.reason(content), *map(sentence, wording.remarks(content)), facts, request])
            )
    tail = f" {content.url}" if is_link(content.url) and len(content.url) <= TITLE_LIMIT // 2 else ""
    if content.job is Job.PAGE and is_answerable(content, settings) and not wording.is_taken(content):
        tail += f" Reply: ack {content.number}"
    return fitted(f"{sentence(_line(wording.headline(content)))} {_line(more)}", tail, settings.segments)


def is_answerable(content: Content, settings: TwilioSettings) -> bool:
    """Whether an answer can come back."""
    return settings.acknowledge and is_link(content.external_url) and bool(content.incident_id)


def _spoken(content: Content) -> str:
    """What is read out: how bad it is, and what happened, before anything else."""
    service = wording.service(content)
    told = [
        "This is a drill." if content.drill else "",
        "You may have had this call already." if content.possible_duplicate else "",
        "Tocsin page.",
        f"{content.severity} on {service}." if service else f"{content.severity}.",
        sentence(plain(wording.title(content), TITLE_LIMIT)),
        _aloud(wording.reason(content)),
        plain(_facts(content), FACTS_LIMIT),
        f"Incident {content.number}, for {content.target}.",
    ]
    spoken = _NOT_XML.sub("", plain(" ".join(filter(None, told)), SPOKEN_LIMIT))
    while len(escape(spoken)) > ESCAPED_LIMIT:  # a label of ampersands
        spoken = cut(spoken, len(spoken) - 20)
    return spoken


def _aloud(text: str) -> str:
    """The text with durations that are read as they are meant: ``30 m`` would be meters."""
    return _DURATION.sub(lambda found: f"{found[1]} {_UNITS[found[2]]}{'' if found[1] == '1' else 's'}", text)


def _facts(content: Content) -> str:
    """What it means, and what the first of its alerts say."""
    groups = grouped(content.alerts)
    shown = f"{content.title} {content.service} {content.summary}"
    texts = [groups[0].facts(FACTS_LIMIT, shown)] if groups else []
    count = wording.alerts(content) if content.alerts_firing > 1 and content.members is None else ""
    if groups and content.members is not None:
        texts += [f"{group.name}: {', '.join(group.members_in_words(FACTS_LIMIT))}" for group in groups[:2]]
    return " ".join(sentence(text) for text in (content.summary, count, *texts) if text)


def _line(line: str) -> str:
    # A zero character ends an SMS at some carriers; plain() has no other that could be one.
    return _NOT_XML.sub("", plain(line, 4 * TITLE_LIMIT))
