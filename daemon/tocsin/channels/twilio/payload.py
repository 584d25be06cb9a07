"""From a notification to the parameters of Twilio's API: what is said on the telephone, what stands in an SMS.

Limits as published: 4,000 characters of TwiML inline, 1,600 of an SMS; a message that waits at Twilio longer than
``ValidityPeriod`` seconds is dropped there, and a page of an hour ago helps nobody.
"""

import re
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

from tocsin.channels import wording
from tocsin.channels.text import cut, is_link, plain
from tocsin.channels.twilio.segments import fitted
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.core.outbox import Job
from tocsin.core.page import Content

CALLBACK = "/webhooks/twilio"
"""Where Twilio brings the answers."""
KEY = "1"
"""The key that acknowledges."""

VALID_FOR = 3600
WAIT_FOR_KEY = 8
SPOKEN_LIMIT = 600
TITLE_LIMIT = 160
ESCAPED_LIMIT = 1200
"""Of what is read out, as XML: it stands there twice, and Twilio takes 4,000 characters in all."""
_NOT_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def call(content: Content, settings: TwilioSettings) -> dict[str, str]:
    """The parameters of a call (Calls.json)."""
    return {
        "To": content.destination,
        "From": settings.sender or "",
        "Timeout": str(settings.ring_for // wording.SECOND),
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
    ask = say.format(f"Press {KEY} to acknowledge.")
    gather = (
        f'<Gather numDigits="1" timeout="{WAIT_FOR_KEY}" action={quoteattr(action)}>{said}{ask}{said}{ask}</Gather>'
    )
    return f"<Response>{gather}{say.format('Nobody has acknowledged. Goodbye.')}</Response>"


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
            more = ". ".join([content.because, *(remark.rstrip(".") for remark in wording.remarks(content))]) + "."
    tail = f" {content.url}" if is_link(content.url) and len(content.url) <= TITLE_LIMIT // 2 else ""
    if content.job is Job.PAGE and is_answerable(content, settings):
        tail += f" Reply: ack {content.number}"
    return fitted(f"{_line(wording.headline(content))} {_line(more)}", tail, settings.segments)


def is_answerable(content: Content, settings: TwilioSettings) -> bool:
    """Whether an answer can come back."""
    return settings.acknowledge and is_link(content.external_url) and bool(content.incident_id)


def _spoken(content: Content) -> str:
    duplicate = "You may have had this call already. " if content.possible_duplicate else ""
    drill = "This is a drill. " if content.drill else ""
    service = f" on {content.service}" if content.service else ""
    told = (
        f"{drill}{duplicate}Tocsin page for {content.target}. Incident {content.number}, {content.severity}{service}. "
        f"{plain(content.title, TITLE_LIMIT)}. {content.because}. {wording.alerts(content)}."
    )
    spoken = _NOT_XML.sub("", plain(told, SPOKEN_LIMIT))
    while len(escape(spoken)) > ESCAPED_LIMIT:  # a label of ampersands
        spoken = cut(spoken, len(spoken) - 20)
    return spoken


def _line(line: str) -> str:
    # A zero character ends an SMS at some carriers; plain() has no other that could be one.
    return _NOT_XML.sub("", plain(line, 4 * TITLE_LIMIT))
