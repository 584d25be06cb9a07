"""From a notification to a message: plain text, ASCII on the wire, nothing from outside in its structure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from tocsin import __version__
from tocsin.channels import wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.text import cut_list, is_link, plain, sentence
from tocsin.core.moments import moment
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.playbook import SECOND

SUBJECT_LIMIT = 200
LINE_LIMIT = 2000
"""As long as a link may be."""
VALUE_LIMIT = 300
TEXT_LIMIT = 1000
"""Of what alerts say."""
ALERTS = 10
"""Groups of alerts that are shown."""
LABELS_LIMIT = 1000

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
    message["Date"] = datetime.fromtimestamp(content.now // SECOND, UTC)
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
    """One subject for the incident's life: some readers begin a new conversation with another one, whatever refers."""
    if content.text is not None and content.subject:
        return _undecoded(plain(content.subject, SUBJECT_LIMIT))
    return _undecoded(plain(wording.subject(content), SUBJECT_LIMIT))


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
    yield _head(content)
    yield from (text for text in _first(content) if text)
    if content.job in (Job.PAGE, Job.UPDATE) and content.resolved_at is None:
        yield from _alerts(content)
    yield ""
    yield from _incident(content)


def _head(content: Content) -> str:
    """What kind of message it is, how bad, and where it stands: the subject never changes and cannot say that."""
    head = f"{wording.kind(content)} {wording.headline(content)}".lstrip()
    if content.is_reminder or content.job in (Job.ACKNOWLEDGE, Job.RESOLVE):
        return head
    return f"{head} ({wording.condition(content).partition(':')[0]})"


def _first(content: Content) -> Iterator[str]:
    """What happened, and what is to be done: the lines that a telephone shows without opening the mail."""
    match content.job:
        case Job.ACKNOWLEDGE:
            yield wording.taken(content)
        case Job.RESOLVE:
            yield wording.ending(content)
        case _:
            yield wording.reason(content)
    yield from wording.remarks(content)
    yield content.summary
    if not content.is_reminder:
        since = wording.since(content)
        state = wording.standing(content) if content.job is Job.UPDATE else wording.alerts(content)
        yield sentence(f"{since[:1].upper()}{since[1:]}; {state}")
    yield wording.storm_list(content)
    yield wording.following(content)
    yield wording.request(content)
    if is_link(content.runbook):
        yield f"Runbook: {content.runbook}"


def _incident(content: Content) -> Iterator[str]:
    yield f"This message is for {content.target}."
    if content.playbook_title and not content.is_reminder:
        yield f"Playbook: {content.playbook_title}"
    if concerns := wording.concerns(content):
        yield f"Concerns: {concerns}"
    if is_link(content.bridge):
        yield f"War room: {content.bridge}"
    if is_link(content.url):
        yield f"Incident: {content.url}"


def _alerts(content: Content) -> Iterator[str]:
    sample, shown = wording.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    for group, unseen in sample.groups:
        yield ""
        yield from _group(group, content, shown, unseen)
    if sample.more:
        yield ""
        yield f"And {sample.more}: tocsin incidents show {content.number}"


def _group(group: AlertGroup, content: Content, shown: str, unseen: int) -> Iterator[str]:
    number = len(group.members) + unseen
    noun = "alerts" if content.members is None else "incidents"
    count, first = (f"{number} {noun} ", ", the first") if number > 1 else ("", "")
    since = f"{first} since {moment(group.since, content.time_zone)}" if group.since is not None else ""
    yield f"{plain(group.name, VALUE_LIMIT)}: {count}{'firing' if group.is_firing else 'resolved'}{since}"
    if text := group.text(TEXT_LIMIT, shown):
        yield plain(text, TEXT_LIMIT)
    yield from (plain(line, TEXT_LIMIT) for line in group.members_in_words(TEXT_LIMIT, unseen))
    if group.labels:
        labels = [plain(label, VALUE_LIMIT) for label in group.labels_in_words(unseen)]
        yield f"- {cut_list(labels, LABELS_LIMIT)}"
    alert = group.first
    for name in ("runbook_url", "dashboard_url"):
        if is_link(alert.annotations.get(name, "")) and alert.annotations[name] != content.runbook:
            yield f"- {alert.annotations[name]}"
    if is_link(alert.generator_url):
        yield f"- {alert.generator_url}"
