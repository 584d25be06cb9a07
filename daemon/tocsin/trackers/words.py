"""What is said in a ticket: the words of a template, or plain ones where the playbook names none."""

from collections.abc import Iterator

from tocsin.channels import wording
from tocsin.channels.alert_groups import AlertGroup, pair
from tocsin.channels.text import is_link, plain
from tocsin.core.moments import moment
from tocsin.core.outbox import Job
from tocsin.core.page import Content
from tocsin.core.plain import lines, one_line
from tocsin.core.said import Piece, Said
from tocsin.ports.tracker import Words

ALERTS = 20
"""Groups of alerts that a ticket shows."""
LINE_LIMIT = 1000
"""Characters of what comes from outside, a line."""


def title(content: Content, limit: int = LINE_LIMIT) -> str:
    """Return the ticket's title, one line that is never blank: a template's subject, else the incident in one line."""
    wanted = content.because if is_about_an_item(content) else content.subject
    return plain(wanted, limit) or plain(wording.headline(content), limit)


def preview(content: Content) -> Words:
    """Return what a tracker says that has no words of its own, as plain text."""
    said = body(content)
    opens = content.job is Job.TICKET_OPEN
    return Words(
        one_line(title(content)).strip() if opens else "", lines(said.plain).strip() if said is not None else ""
    )


def is_about_an_item(content: Content) -> bool:
    """Whether it is the ticket of an action item, and not the incident's own."""
    return content.ticket is not None and bool(content.ticket.about)


def body(content: Content) -> Said | None:
    """What is to be said; None where there is nothing."""
    if content.text is not None:
        return content.text
    if is_about_an_item(content):
        return _of_an_item(content)
    if content.job is Job.TICKET_OPEN:
        return _opening(content)
    return _comment(content) if content.because else None


def _opening(content: Content) -> Said:
    pieces = [_foreign(wording.headline(content)), Piece(f"\n\n- State: {wording.condition(content)}\n")]
    for name, value in (("Service", content.service), ("Summary", content.summary), ("Runbook", content.runbook)):
        if value:
            pieces += [Piece(f"- {name}: "), _foreign(value), Piece("\n")]
    pieces.append(Piece(f"- Since: {moment(content.opened_at, content.time_zone)}\n"))
    if is_link(content.url):
        pieces.append(Piece(f"- In tocsin: {content.url}\n"))
    if content.alerts:
        pieces.append(Piece(f"\nAlerts ({wording.alerts(content)}):\n\n"))
    for group, unseen in wording.Shown.of(content, ALERTS).groups:
        pieces += _group(group, content, unseen)
    return Said(tuple(pieces))


def _group(group: AlertGroup, content: Content, unseen: int) -> Iterator[Piece]:
    """Yield what alerts that say the same say, and the labels that they share."""
    labels = ", ".join([pair("alertname", group.name), *sorted(group.labels_in_words(unseen))])
    yield from (Piece("- "), _foreign(labels), Piece("" if group.is_firing else " (resolved)"), Piece("\n"))
    said = group.text(LINE_LIMIT, f"{content.title} {content.summary}")
    for line in filter(None, (said, *group.members_in_words(LINE_LIMIT, unseen))):
        yield from (Piece("  "), _foreign(line), Piece("\n"))


def _of_an_item(content: Content) -> Said:
    what = [Piece("" if content.job is Job.TICKET_OPEN else "Done: "), _foreign(content.because)]
    about = [Piece("\n\n- Incident: "), _foreign(wording.headline(content)), Piece("\n")]
    link = [Piece(f"- In tocsin: {content.url}\n")] if is_link(content.url) else []
    return Said((*what, *about, *link))


def _comment(content: Content) -> Said:
    who = f" by {content.acknowledged_by}" if content.acknowledged_by and content.state == "acknowledged" else ""
    told = [_foreign(content.because), Piece(": "), _foreign(wording.headline(content))]
    return Said((*told, Piece(f" is {wording.condition(content)}"), _foreign(who), Piece(".")))


def _foreign(text: str) -> Piece:
    return Piece(plain(text, LINE_LIMIT), foreign=True)
