"""The invitation of an e-mail, as calendars read it: RFC 5545, with REQUEST or CANCEL by RFC 5546 and RFC 6047.

The code uses no library, because one event of a dozen properties in UTC needs neither time zones nor recurrence.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from tocsin.channels.text import is_link, plain
from tocsin.core.content.page import Invitation
from tocsin.core.duration import SECOND

LINE_OCTETS = 75
"""Maximum length of a line in bytes, without the line end (RFC 5545, 3.1)."""
TEXT_LIMIT = 1000
"""Maximum number of characters of a text."""


def calendar_of(invitation: Invitation, organizer: str, attendee: str, now: int) -> str:
    """Return the text of the calendar object, with CRLF line ends.

    Args:
        invitation: The meeting.
        organizer: The address of the sender.
        attendee: The address of the recipient, who is invited even if the list of attendees is cut.
        now: The time of the message.
    """
    return "".join(f"{folded}\r\n" for line in _lines(invitation, organizer, attendee, now) for folded in _folded(line))


def method_of(invitation: Invitation) -> str:
    """Return the method of the calendar object (RFC 5546, 3.2)."""
    return "CANCEL" if invitation.is_canceled else "REQUEST"


def _lines(invitation: Invitation, organizer: str, attendee: str, now: int) -> Iterator[str]:
    domain = organizer.rpartition("@")[2]
    yield "BEGIN:VCALENDAR"
    yield "PRODID:-//tocsin//duties//EN"
    yield "VERSION:2.0"
    yield "CALSCALE:GREGORIAN"
    yield f"METHOD:{method_of(invitation)}"
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(invitation.uid)}@{domain}"
    yield f"SEQUENCE:{invitation.sequence}"
    yield f"DTSTAMP:{_moment(now)}"
    yield f"DTSTART:{_moment(invitation.starts_at)}"
    yield f"DTEND:{_moment(invitation.ends_at)}"
    yield f"SUMMARY:{_text(invitation.summary)}"
    yield f"DESCRIPTION:{_NEW_LINE.join(map(_text, invitation.description))}"
    if is_link(invitation.location):
        yield f"LOCATION:{_text(invitation.location)}"
    yield f"ORGANIZER;CN=tocsin:mailto:{organizer}"
    for address in dict.fromkeys((*invitation.attendees, attendee)):
        yield f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{plain(address, 254)}"
    yield f"STATUS:{'CANCELLED' if invitation.is_canceled else 'CONFIRMED'}"
    yield "TRANSP:OPAQUE"
    yield "END:VEVENT"
    yield "END:VCALENDAR"


_NEW_LINE = r"\n"
_ESCAPES = str.maketrans({"\\": r"\\", ";": r"\;", ",": r"\,"})


def _text(value: str) -> str:
    """Return a text value without control characters, escaped (RFC 5545, 3.3.11)."""
    return plain(value, TEXT_LIMIT).translate(_ESCAPES)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")


def _folded(line: str) -> Iterator[str]:
    """Yield a content line, folded into lines of at most 75 bytes; no character is cut."""
    start, taken = "", 0
    for char in line:
        size = len(char.encode())
        if taken + size > LINE_OCTETS:
            yield start
            start, taken = " ", 1
        start, taken = start + char, taken + size
    yield start
