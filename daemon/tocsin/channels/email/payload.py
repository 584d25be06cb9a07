"""From a notification to a message: plain text, ASCII on the wire, nothing from outside in its structure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from tocsin import __version__
from tocsin.channels import wording
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.text import is_link, plain
from tocsin.core.outbox import Job
from tocsin.core.page import AlertLine, Content

SUBJECT_LIMIT = 200
LINE_LIMIT = 2000
"""As long as a link may be."""
VALUE_LIMIT = 300
ALERTS = 10
LABELS = 20

_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")
_NO_ATOM = re.compile(r"[^A-Za-z0-9]+")


def render(content: Content, settings: EmailSettings) -> bytes:
    """The whole message, with CRLF line ends, in lines of at most 76 characters of ASCII (RFC 5322, RFC 2045)."""
    domain = settings.sender.rpartition("@")[2]
    thread = f"<{_atom(content.incident_id or content.dedup_key)}.incident@{domain}>"
    message = EmailMessage(_POLICY)
    message["From"] = Address("tocsin", addr_spec=settings.sender)
    message["To"] = Address(addr_spec=content.destination)
    if settings.reply_to:
        message["Reply-To"] = Address(addr_spec=settings.reply_to)
    # The same for all of an incident's mail: some readers thread by this alone.
    message["Subject"] = _subject(content)
    message["Date"] = datetime.fromtimestamp(content.now // wording.SECOND, UTC)
    message["Message-ID"] = f"<{_atom(content.key)}@{domain}>"
    # A message of this id was never sent; what refers to it is one thread all the same (RFC 5322, 3.6.4).
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if content.job is Job.PAGE:
        message["Importance"] = "high"
    message["X-Mailer"] = f"tocsin/{__version__}"
    text = "".join(f"{plain(line, LINE_LIMIT)}\n" for line in _lines(content))
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _subject(content: Content) -> str:
    if content.text is not None and content.subject:
        return _undecoded(plain(content.subject, SUBJECT_LIMIT))
    again = "" if content.job is Job.PAGE else "Re: "
    return again + _undecoded(plain(wording.headline(content), SUBJECT_LIMIT))


def _undecoded(text: str) -> str:
    """Without what readers would take for encoded words (RFC 2047), and show as whatever those encode."""
    return text.replace("=?", "= ?").replace("?=", "? =")


def _atom(text: str) -> str:
    """As the left part of a message's id; ours keep their difference."""
    return _NO_ATOM.sub(".", text[:200]).strip(".") or "none"


def _lines(content: Content) -> Iterator[str]:
    if content.text is not None:  # a message's own words, which a customer may read: nothing beside them
        yield from content.text.plain.splitlines()
        return
    match content.job:
        case Job.ACKNOWLEDGE:
            yield wording.taken(content)
        case Job.RESOLVE:
            yield wording.ending(content)
        case Job.UPDATE:
            yield f"For {content.target}, to know: {content.because}."
        case _:
            yield f"For {content.target}: {content.because}."
    yield from wording.remarks(content)
    yield ""
    yield from _incident(content)
    if content.job in (Job.PAGE, Job.UPDATE):
        for alert in content.alerts[:ALERTS]:
            yield ""
            yield from _alert(alert)
    if content.job is Job.PAGE:
        yield ""
        yield f"Acknowledge: tocsin incidents ack {content.number}"


def _incident(content: Content) -> Iterator[str]:
    yield f"{wording.headline(content)}"
    if content.summary:
        yield content.summary
    yield f"State: {wording.condition(content)}; {wording.alerts(content)}, since {wording.moment(content.opened_at)}"
    if content.playbook_title:
        yield f"Playbook: {content.playbook_title}"
    if concerns := wording.concerns(content):
        yield f"Concerns: {concerns}"
    if is_link(content.runbook):
        yield f"Runbook: {content.runbook}"
    if is_link(content.url):
        yield f"Incident: {content.url}"


def _alert(alert: AlertLine) -> Iterator[str]:
    since = f" since {wording.moment(alert.starts_at)}" if alert.starts_at is not None else ""
    state = "firing" if alert.firing else "resolved"
    yield f"{plain(alert.labels.get('alertname', 'alert'), VALUE_LIMIT)}: {state}{since}"
    if summary := alert.annotations.get("summary") or alert.annotations.get("description"):
        yield f"- {plain(summary, VALUE_LIMIT)}"
    labels = [f"{name}={value}" for name, value in alert.labels.items() if name != "alertname"]
    for label in labels[:LABELS]:
        yield f"- {plain(label, VALUE_LIMIT)}"
    if len(labels) > LABELS:
        yield f"- and {len(labels) - LABELS} more labels"
    for name in ("runbook_url", "dashboard_url"):
        if is_link(alert.annotations.get(name, "")):
            yield f"- {alert.annotations[name]}"
    if is_link(alert.generator_url):
        yield f"- {alert.generator_url}"
