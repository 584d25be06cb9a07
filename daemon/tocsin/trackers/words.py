"""The text of a ticket: from a template, or a default text if the playbook names none."""

from collections.abc import Iterable, Iterator

from tocsin.channels import counts, wording
from tocsin.channels.alert_groups import AlertGroup, pair
from tocsin.channels.persons import person
from tocsin.channels.text import is_link, plain
from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import Piece, RenderedText
from tocsin.core.incident.outbox import Job
from tocsin.core.plain_text import lines, one_line
from tocsin.core.schedule.moments import moment
from tocsin.ports.tracker import Words

ALERTS = 20
"""Maximum number of groups of alerts that a ticket shows."""
LINE_LIMIT = 1000
"""Maximum characters of external text in a line."""


def title(content: Content, limit: int = LINE_LIMIT) -> str:
    """Return the ticket's title, one line that is never blank: a template's subject, else the incident in one line."""
    wanted = content.because if is_about_an_item(content) else content.subject
    return plain(wanted, limit) or plain(wording.headline(content), limit)


def preview(content: Content) -> Words:
    """Return a tracker's default text, as plain text."""
    message = body(content)
    opens = content.job is Job.TICKET_OPEN
    return Words(
        one_line(title(content)).strip() if opens else "",
        lines(message.plain).strip() if message is not None else "",
    )


def is_about_an_item(content: Content) -> bool:
    """Return whether the ticket is for an action item, and not for the incident."""
    return content.ticket is not None and bool(content.ticket.about)


def body(content: Content) -> RenderedText | None:
    """Return the text of the job; None if there is none."""
    if content.text is not None:
        return content.text
    if is_about_an_item(content):
        return _of_an_item(content)
    if content.job is Job.TICKET_OPEN:
        return _opening(content)
    return _comment(content) if content.because else None


def _opening(content: Content) -> RenderedText:
    pieces = [_foreign(wording.headline(content)), Piece(f"\n\n- State: {wording.condition(content)}\n")]
    for name, value in (("Service", content.service), ("Summary", content.summary), ("Runbook", content.runbook)):
        if value:
            pieces += [Piece(f"- {name}: "), _foreign(value), Piece("\n")]
    pieces.append(Piece(f"- Since: {moment(content.opened_at, content.time_zone)}\n"))
    if is_link(content.url):
        pieces.append(Piece(f"- In tocsin: {content.url}\n"))
    if content.alerts:
        pieces.append(Piece(f"\nAlerts ({counts.alerts(content)}):\n\n"))
    for group, unseen in counts.Shown.of(content, ALERTS).groups:
        pieces += _group(group, content, unseen)
    return RenderedText(tuple(pieces))


def _group(group: AlertGroup, content: Content, unseen: int) -> Iterator[Piece]:
    """Yield the common text of the alerts in a group, and their common labels."""
    labels = ", ".join([pair("alertname", group.name), *sorted(group.labels_in_words(unseen))])
    yield from (Piece("- "), _foreign(labels), Piece("" if group.is_firing else " (resolved)"), Piece("\n"))
    summary = group.text(LINE_LIMIT, f"{content.title} {content.summary}")
    for line in filter(None, (summary, *group.members_in_words(LINE_LIMIT, unseen))):
        yield from (Piece("  "), _foreign(line), Piece("\n"))


def _of_an_item(content: Content) -> RenderedText:
    what = [Piece("" if content.job is Job.TICKET_OPEN else "Done: "), _foreign(content.because)]
    about = [Piece("\n\n- Incident: "), _foreign(wording.headline(content)), Piece("\n")]
    if content.item is not None and content.job is Job.TICKET_OPEN:
        owner = ", ".join(person(content, name) for name in content.item.owner)
        about += [Piece("- Owner: "), _foreign(owner or "none"), Piece("\n")]
        about += [Piece(f"- Due: {moment(content.item.due_at, content.time_zone)}\n")]
    link = [Piece(f"- In tocsin: {content.url}\n")] if is_link(content.url) else []
    return RenderedText((*what, *about, *link))


def labels(content: Content, labels: Iterable[str], severity: str, limit: int = LINE_LIMIT) -> tuple[str, ...]:
    """Return labels with ``{severity}`` and ``{service}`` filled in, each once."""
    values = {"{severity}": severity, "{service}": content.service}
    filled = []
    for label in labels:
        for name, value in values.items():
            label = label.replace(name, value)  # noqa: PLW2901 - filled in step by step
        filled.append(plain(label, limit))
    return tuple(dict.fromkeys(label for label in filled if label))


def _comment(content: Content) -> RenderedText:
    """Return the text of an update and the incident's state, or why the incident's state has changed."""
    if content.update:
        state = f" is {wording.condition(content)}."
        update = Piece(lines(content.update), foreign=True)
        return RenderedText((update, Piece("\n\n"), _foreign(wording.headline(content)), Piece(state)))
    who = f" by {content.acknowledged_by}" if content.acknowledged_by and content.state == "acknowledged" else ""
    pieces = [_foreign(content.because), Piece(": "), _foreign(wording.headline(content))]
    return RenderedText((*pieces, Piece(f" is {wording.condition(content)}"), _foreign(who), Piece(".")))


def _foreign(text: str) -> Piece:
    return Piece(plain(text, LINE_LIMIT), foreign=True)
