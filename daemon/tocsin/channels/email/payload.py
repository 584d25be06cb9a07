"""The message about a notification: plain text, ASCII on the wire; external text cannot change its structure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from tocsin import __version__
from tocsin.channels import counts, hand_over, next_pages, next_steps, outcomes, wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.email.invitation import calendar_of, method_of
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.persons import person
from tocsin.channels.text import cut_list, is_link, lines_of, plain, sentence
from tocsin.core.content.page import Content
from tocsin.core.duration import SECOND
from tocsin.core.incident.outbox import Job
from tocsin.core.schedule.moments import moment

# Limits in characters, unless stated otherwise.
SUBJECT_LIMIT = 200
"""Maximum length of the subject."""
LINE_LIMIT = 2000
"""Maximum length of a line; as long as the longest link (`is_link`)."""
VALUE_LIMIT = 300
"""Maximum length of a label, or of an alert's name."""
TEXT_LIMIT = 1000
"""Maximum length of the text of a group of alerts."""
ALERTS = 10
"""Maximum number of groups of alerts that are shown."""
LABELS_LIMIT = 1000
"""Maximum length of the labels of a group of alerts."""

_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")
_NO_ATOM = re.compile(r"[^A-Za-z0-9]+")


def render(content: Content, settings: EmailSettings) -> bytes:
    """Return the whole message, with CRLF line ends, in ASCII lines of at most 76 characters (RFC 5322, RFC 2045)."""
    domain = settings.sender.rpartition("@")[2]
    # A hand-over of several incidents belongs to the thread of none of them.
    about = content.key if hand_over.of(content) else content.incident_id or content.dedup_key
    thread = f"<{_atom(about)}.incident@{domain}>"
    message = EmailMessage(_POLICY)
    message["From"] = Address("tocsin", addr_spec=settings.sender)
    message["To"] = Address(addr_spec=content.destination)
    if settings.reply_to:
        message["Reply-To"] = Address(addr_spec=settings.reply_to)
    # Equal in all messages about an incident, because some mail programs build threads from this header alone.
    message["Subject"] = _subject(content)
    message["Date"] = datetime.fromtimestamp(content.now // SECOND, UTC)
    message["Message-ID"] = f"<{_atom(content.key)}@{domain}>"
    # No message has this id, but messages that refer to the same id form one thread (RFC 5322, 3.6.4).
    message["In-Reply-To"] = thread
    message["References"] = thread
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if content.job is Job.PAGE:
        message["Importance"] = "high"
    message["X-Mailer"] = f"tocsin/{__version__}"
    text = "".join(f"{plain(line, LINE_LIMIT)}\n" for line in _lines(content))
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    if content.invitation is not None:
        calendar = calendar_of(content.invitation, settings.sender, content.destination, content.now)
        # Calendar programs show this part as an invitation that the reader can accept (RFC 6047, 2.4).
        params = {"method": method_of(content.invitation)}
        message.add_alternative(calendar, subtype="calendar", charset="utf-8", cte="base64", params=params)
    return message.as_bytes()


def _subject(content: Content) -> str:
    """Return a subject that never changes: for another subject, some mail clients start a new thread."""
    if content.text is not None and content.subject:
        return _undecoded(plain(content.subject, SUBJECT_LIMIT))
    return _undecoded(plain(wording.subject(content), SUBJECT_LIMIT))


def _undecoded(text: str) -> str:
    """Return the text without sequences that mail clients would decode as other text (RFC 2047)."""
    return text.replace("=?", "= ?").replace("?=", "? =")


def _atom(text: str) -> str:
    """Return a key (a hash, an incident's id, ``tocsin/alarm/<reason>``) as the left part of a message id."""
    return _NO_ATOM.sub(".", text[:200]).strip(".") or "none"


def _lines(content: Content) -> Iterator[str]:
    if content.text is not None:  # a playbook's own text, which a customer may read: nothing is added
        yield from content.text.unmarked.splitlines()
        return
    yield _head(content)
    yield from (text for text in _first(content) if text)
    is_about_one = not hand_over.of(content)
    if content.job in (Job.PAGE, Job.UPDATE) and content.resolved_at is None and is_about_one:
        yield from _alerts(content)
    yield ""
    yield from _incident(content)


def _head(content: Content) -> str:
    """Return the kind of the message, the severity and the state, which the fixed subject cannot contain."""
    head = f"{wording.kind(content)} {wording.headline(content)}".lstrip()
    if not wording.has_state(content) or content.job in (Job.ACKNOWLEDGE, Job.RESOLVE):
        return head
    return f"{head} ({wording.condition(content).partition(':')[0]})"


def _first(content: Content) -> Iterator[str]:
    """Yield the event and the request to the reader: the lines that a phone shows in its preview."""
    match content.job:
        case Job.ACKNOWLEDGE:
            yield from lines_of(outcomes.taken(content))
        case Job.RESOLVE:
            yield from lines_of(outcomes.ending(content))
        case _:
            yield wording.reason(content)
    yield from wording.remarks(content)
    yield wording.paged_before(content)
    yield wording.meaning(content)
    if wording.has_state(content):
        since = wording.since(content)
        state = wording.standing(content) if content.job is Job.UPDATE else counts.alerts(content)
        condition = wording.condition(content)
        if ":" not in condition:  # `_head` shows the whole condition
            state = state.removeprefix(condition).removeprefix("; ")
        yield sentence("; ".join(filter(None, [f"{since[:1].upper()}{since[1:]}", state])))
    yield wording.storm_list(content)
    yield next_pages.following(content)
    yield from lines_of(next_steps.request(content))
    yield next_steps.declaration(content)
    if is_link(content.runbook):
        yield f"Runbook: {content.runbook}"


def _incident(content: Content) -> Iterator[str]:
    if content.stranded:
        name = person(content, content.target)
        if not wording.stranded(content).startswith(f"You get this in place of {name}"):
            yield f"You get this in place of {name}."
    elif addressee := wording.addressee(content):
        yield f"This message is {addressee}."
    if content.playbook_title and not content.is_reminder:
        yield f"Playbook: {content.playbook_title}"
    if concerns := wording.concerns(content):
        yield f"Concerns: {concerns}"
    if is_link(content.bridge):
        yield f"War room: {content.bridge}"
    if is_link(content.url):
        yield f"Incident: {content.url}"


def _alerts(content: Content) -> Iterator[str]:
    sample, shown = counts.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    for group, unseen in sample.groups:
        yield ""
        yield from _group(group, content, shown, unseen)
    if sample.more:
        yield ""
        yield f"And {sample.more}: tocsin incidents show {content.number}"


def _group(group: AlertGroup, content: Content, shown: str, unseen: int) -> Iterator[str]:
    number = group.size(unseen)
    noun = " ".join(filter(None, ["alerts" if content.members is None else "incidents", group.objects(unseen)]))
    count, first = (f"{number} {noun} ", ", the first") if number > 1 else ("", "")
    since = f"{first} since {moment(group.since, content.time_zone, content.now)}" if group.since is not None else ""
    if content.is_own:
        yield f"{plain(group.name, VALUE_LIMIT)}{since}:"
    else:
        yield f"{plain(group.name, VALUE_LIMIT)}: {count}{'firing' if group.is_firing else 'resolved'}{since}"
    if text := group.text(TEXT_LIMIT, shown):
        yield plain(text, TEXT_LIMIT)
    yield from (plain(line, TEXT_LIMIT) for line in group.members_in_words(TEXT_LIMIT, unseen))
    if labels := [plain(label, VALUE_LIMIT) for label in group.labels_in_words(unseen)]:
        yield f"- {cut_list(labels, LABELS_LIMIT)}"
    alert = group.first
    for name in ("runbook_url", "dashboard_url"):
        if is_link(alert.annotations.get(name, "")) and alert.annotations[name] != content.runbook:
            yield f"- {alert.annotations[name]}"
    if is_link(alert.generator_url):
        yield f"- {alert.generator_url}"
