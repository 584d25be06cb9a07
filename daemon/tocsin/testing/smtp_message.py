"""Strict validation of a message for the stand-in mail server: RFC 5321 and RFC 5322."""

import email
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_LINE = 998
"""Octets, without CRLF."""
ONCE = ("From", "To", "Subject", "Date", "Message-ID")
AT_MOST_ONCE = ("Reply-To", "In-Reply-To", "References", "Auto-Submitted", "Sender", "Cc", "Bcc")

_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+>")
_HEADER = re.compile(rb"[!-9;-~]+:[ -~\t]*")


def check_message(raw: bytes) -> tuple[dict[str, Any], str]:
    """Return a message's content, and the mistake in it ("" if there is none)."""
    if wrong := _check_octets(raw):
        return {}, wrong
    message = email.message_from_bytes(raw, policy=SMTP)
    if not isinstance(message, EmailMessage):
        raise TypeError("this policy makes messages of this kind")
    if message.defects:
        return {}, f"malformed: {message.defects[0]!r}"
    if wrong := _check_headers(message) or _check_parts(message):
        return {}, wrong
    text = message.get_body(("plain",))
    content = {name.lower().replace("-", "_"): str(message[name]) for name in (*ONCE, *AT_MOST_ONCE) if message[name]}
    return {**content, "headers": dict(message.items()), "body": text.get_content() if text is not None else ""}, ""


def _check_parts(message: EmailMessage) -> str:
    """Check that there is one text for people, and at most one invitation, with the method that calendars need."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    kinds = [part.get_content_type() for part in parts]
    if kinds not in (["text/plain"], ["text/plain", "text/calendar"]):
        return f"parts that no reader expects: {', '.join(kinds)}"
    if len(parts) > 1 and parts[1].get_param("method") not in ("REQUEST", "CANCEL"):
        return "an invitation without its method"
    return ""


def _check_octets(raw: bytes) -> str:
    alone = raw.replace(b"\r\n", b"")
    head, blank, _ = raw.partition(b"\r\n\r\n")
    checks = (
        (b"\r" not in alone and b"\n" not in alone, "a CR or LF that stands alone"),
        (max(raw) <= 127, "8-bit octets, and the client has not asked for BODY=8BITMIME"),
        (b"\0" not in raw, "a NUL"),
        (all(len(line) <= LONGEST_LINE for line in raw.split(b"\r\n")), f"a line of more than {LONGEST_LINE} octets"),
        (bool(blank), "no blank line behind the headers"),
        (all(map(_is_of_header, head.split(b"\r\n"))), "a line among the headers that is none"),
    )
    return next((wrong for good, wrong in checks if not good), "")


def _is_of_header(line: bytes) -> bool:
    return bool(_HEADER.fullmatch(line) or (line[:1] in (b" ", b"\t") and line.strip()))


def _check_headers(message: EmailMessage) -> str:
    for name in (*ONCE, *AT_MOST_ONCE):
        count = len(message.get_all(name, []))
        if count > 1 or (name in ONCE and not count):
            return f"{name} stands {count} times"
    ids = [each for name in ("Message-ID", "In-Reply-To", "References") for each in str(message[name] or "").split()]
    if bad := [each for each in ids if not _ID.fullmatch(each)]:
        return f"no message id: {bad[0]!r}"
    if bad := [name for name in ("From", "To", "Reply-To") if message[name] and len(message[name].addresses) != 1]:
        return f"{bad[0]} is not one address"
    try:
        parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return "Date is no date"
    return ""
