"""A notification as text for a terminal: a block for a page, an update or a text, one line for everything else."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final, NamedTuple

from tocsin.channels import counts, next_pages, next_steps, outcomes, timeline, wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.console.printed import Printed
from tocsin.channels.persons import person
from tocsin.channels.text import ends_in_command, lines_of, plain
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job

WIDTH = 160
"""Maximum length of a line, in characters."""
SUMMARY = 480
"""Maximum length of a sentence that may take several lines, in characters."""
TEXT = 480
"""Maximum length of the text of a group of alerts, in characters."""
ALERTS = 3
"""Maximum number of groups of alerts that are shown."""
MEMBERS = 5
"""Maximum number of members of a group that are listed."""
LABELS = 8
"""Maximum number of labels that are shown."""

_IN_ONE_LINE = frozenset({Job.ACKNOWLEDGE, Job.RESOLVE})

RESET: Final = "\x1b[0m"
DIM: Final = "\x1b[2m"
_BY_RANK = ("\x1b[1;37;41m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m")
"""The colour of a severity: white on red for the highest."""


class PrintedMessage(NamedTuple):
    """A message as printed."""

    lines: list[str]
    """Without line ends; empty if there is nothing to print."""
    text: str = ""
    """The part that another recipient may get as well."""
    announces: bool = False
    """Set if the message introduces the incident."""


def render(content: Content, *, colour: bool, printed: Printed | None = None) -> str:
    """Return the text for one notification, with its line ends; "" if there is nothing to print."""
    return joined(compose(content, printed or Printed(), colour=colour), is_begun=False)


def joined(message: PrintedMessage, *, is_begun: bool) -> str:
    """Return a message with its line ends; a blank line separates a block from earlier output."""
    gap = [""] if is_begun and message.text and len(message.lines) > 1 else []
    return "".join(f"{line}\n" for line in (*gap, *message.lines))


def compose(content: Content, printed: Printed, *, colour: bool) -> PrintedMessage:
    """Return the text of one notification without what has been ``printed``."""
    head, target = _line(wording.headline(content)), _line(wording.addressee(content))
    if content.job is Job.ANNOUNCE:  # once: its history tells the rest
        is_known = printed.is_announced(content.incident_id)
        return PrintedMessage([] if is_known else [_announcement(content, head)], announces=True)
    if content.job is Job.HISTORY:
        return PrintedMessage(list(_history(content, printed)))
    first, body = _block(content, head, target)
    text = "\n".join([*_remarks(content), content.text.plain] if content.text is not None else body)
    if same := printed.recipient_of(content, text) if text else "":
        for_whom = f" -- {target}" if content.job is Job.PAGE and target else ""
        return PrintedMessage([f"{first}{for_whom}: the same text as for {_line(person(content, same))}"], text)
    if content.job in _IN_ONE_LINE:
        return PrintedMessage([f"{first}: {body[0].lstrip()}", *body[1:]], text)
    if content.job is Job.PAGE:
        style, reset, dim = (_BY_RANK[min(content.rank, 3)], RESET, DIM) if colour else ("", "", "")
        first, body[0] = f"{style}{first}{reset}", f"  {f'{target}: ' if target else ''}{body[0].lstrip()}"
        if next_steps.request(content):
            body[-1] = f"{dim}{body[-1]}{reset}"
    return PrintedMessage([first, *body], text)


def _history(content: Content, printed: Printed) -> Iterator[str]:
    name, titles = content.name or f"#{content.number}", timeline.Titles.of(content)
    for entry in filter(printed.is_news, content.history):
        yield f"HISTORY {_line(name)} {_line(timeline.describe(entry, content.time_zone, titles))}"


def _block(content: Content, head: str, target: str) -> tuple[str, list[str]]:
    """Return the first line of a message and the rest; a page's first line does not name its recipient."""
    whom = f" -- {target}" if target else ""
    match content.job:
        case Job.PAGE:
            return f"{wording.kind(content) or 'PAGE'} {head}", list(_page(content))
        case Job.ACKNOWLEDGE:
            return f"{wording.kind(content)} {head}{whom}", list(_lines(outcomes.taken(content)))
        case Job.RESOLVE:
            return f"{wording.kind(content)} {head}{whom}", list(_lines(outcomes.ending(content)))
        case Job.UPDATE if content.text is not None:
            subject = f" -- {_line(content.subject)}" if content.subject else ""
            return f"MESSAGE {head}{whom}{subject}", [*_remarks(content), *_text(content)]
        case Job.UPDATE:
            return f"{wording.kind(content)} {head}{whom}".lstrip(), list(_update(content))
    because = f": {_line(content.because)}" if content.because else ""
    what = content.job.replace("_", " ").upper()
    return f"{what} {head} -- {_line(person(content, content.target))}{because}", list(_text(content, is_source=True))


def _announcement(content: Content, head: str) -> str:
    more = f". {listed}" if (listed := wording.storm_list(content)) else ""
    how = "; ".join(filter(None, [_line(wording.condition(content)), counts.alerts(content)]))
    return f"INCIDENT {head} -- {how}{more}"


def _page(content: Content) -> Iterator[str]:
    reason, meaning = wording.reason(content), wording.meaning(content)
    if not reason:
        reason, meaning = meaning, ""
    yield from list(_wrapped(reason, SUMMARY)) or ["  "]
    yield from _remarks(content)
    if before := wording.paged_before(content):
        yield f"  {_line(before)}"
    if meaning:
        yield from _wrapped(meaning, SUMMARY)
    if extent := wording.extent(content):
        yield f"  {extent}"
    yield from _alerts(content)
    if concerns := wording.concerns(content):
        yield f"  {_line(concerns)}"
    if content.runbook:
        yield f"  runbook: {_line(content.runbook)}"
    if content.bridge:
        yield f"  war room: {_line(content.bridge)}"
    yield from _wrapped(wording.storm_list(content), SUMMARY)
    yield from _wrapped(next_pages.following(content), SUMMARY)
    if declaration := next_steps.declaration(content):
        yield f"  {_line(declaration)}"
    yield from _lines(next_steps.request(content))


def _update(content: Content) -> Iterator[str]:
    details = (
        wording.reason(content),
        *wording.remarks(content),
        wording.meaning(content),
    )
    for text in details:
        yield from _wrapped(text, SUMMARY)
    yield from _lines(next_steps.request(content))
    if wording.has_state(content):
        yield f"  now: {_line(wording.standing(content))}"


def _remarks(content: Content) -> Iterator[str]:
    for remark in wording.remarks(content):
        first, *more = _wrapped(remark, SUMMARY)
        yield f"  ! {first.lstrip()}"
        yield from (f"    {line.lstrip()}" for line in more)


def _text(content: Content, *, is_source: bool = False) -> Iterator[str]:
    """Yield a playbook's own words; ``is_source``: with the marks that a tracker would be given."""
    text = "" if content.text is None else content.text.plain if is_source else content.text.unmarked
    for line in text.splitlines():
        yield f"  | {plain(line, WIDTH)}".rstrip()


def _alerts(content: Content) -> Iterator[str]:
    """Yield the texts of the alerts, each text once."""
    sample, shown = counts.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    for group, unseen in sample.groups:
        count = counts.count(group, unseen, content)
        yield f"  - {_alert(group, f' ({count})' if count else '', unseen)}"
        for line in _texts(group, shown, unseen):
            yield f"    {_line(line)}"
    if sample.more:
        yield f"  and {sample.more}: tocsin incidents show {content.number}"


def _texts(group: AlertGroup, shown: str, unseen: int) -> Iterator[str]:
    text = group.text(TEXT, shown)
    yield from wrap(text, WIDTH)
    yield from group.members_in_words(WIDTH - 40, unseen, MEMBERS)


def _alert(group: AlertGroup, count: str, unseen: int) -> str:
    labels = group.labels_in_words(unseen)
    shown = " ".join(plain(label, 60) for label in labels[:LABELS])
    rest = f" (+{len(labels) - LABELS})" if len(labels) > LABELS else ""
    return f"{'' if group.is_firing else 'resolved: '}{plain(group.name, 80)}{count} {shown}{rest}".rstrip()


def _wrapped(text: str, limit: int) -> Iterator[str]:
    """Yield a text in lines; a command at its end is never broken, so that it can be copied."""
    text = plain(text, limit)
    before, command = ends_in_command(text)
    if command and len(text) > WIDTH:
        yield from (f"  {line}" for line in wrap(before, WIDTH))
        yield f"    {command}"
        return
    for line in wrap(text, WIDTH):
        yield f"  {line}"


def _lines(text: str) -> Iterator[str]:
    for line in lines_of(text):
        yield from _wrapped(line, SUMMARY)


def _line(text: str) -> str:
    return plain(text, WIDTH)
