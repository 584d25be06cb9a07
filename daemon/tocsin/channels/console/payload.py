"""A notification as text for a terminal: a block for a page, one line for everything else."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from tocsin.channels import timeline, wording
from tocsin.channels.alert_groups import AlertGroup
from tocsin.channels.text import plain
from tocsin.core.outbox import Job
from tocsin.core.page import Content

WIDTH = 160
SUMMARY = 480
TEXT = 480
ALERTS = 3
"""Groups of alerts that are shown."""
MEMBERS = 5
LABELS = 8

RESET: Final = "\x1b[0m"
BOLD: Final = "\x1b[1m"
DIM: Final = "\x1b[2m"
_BY_RANK = ("\x1b[1;37;41m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m")
"""The colour of a severity: white on red for the highest."""


def render(content: Content, *, colour: bool) -> str:
    """The text for one notification, with its line ends; "" where there is nothing to say."""
    lines = _block(content, colour=colour) if content.job is Job.PAGE else _lines(content)
    return "".join(f"{line}\n" for line in lines)


def _block(content: Content, *, colour: bool) -> Iterator[str]:
    style, reset, dim = (_BY_RANK[min(content.rank, 3)], RESET, DIM) if colour else ("", "", "")
    yield f"{style}PAGE {_line(wording.headline(content))}{reset}"
    yield f"  for {_line(content.target)}: {_line(wording.reason(content))}"
    for remark in wording.remarks(content):
        yield f"  ! {_line(remark)}"
    if content.summary:
        yield from _wrapped(content.summary, SUMMARY)
    yield f"  {wording.alerts(content)}, {wording.since(content)}"
    yield from _alerts(content)
    if concerns := wording.concerns(content):
        yield f"  {_line(concerns)}"
    if content.runbook:
        yield f"  runbook: {_line(content.runbook)}"
    if content.bridge:
        yield f"  war room: {_line(content.bridge)}"
    for line in filter(None, (wording.storm_list(content), wording.following(content))):
        yield f"  {_line(line)}"
    yield f"{dim}  {_line(wording.request(content))}{reset}"


def _lines(content: Content) -> Iterator[str]:
    head = _line(wording.headline(content))
    match content.job:
        case Job.UPDATE if content.text is not None:
            subject = f" -- {_line(content.subject)}" if content.subject else ""
            yield f"MESSAGE {head} -- for {_line(content.target)}{subject}"
            for remark in wording.remarks(content):
                yield f"  ! {_line(remark)}"
            yield from _text(content)
        case Job.AUTOMATE:
            yield f"AUTOMATE {head} -- {_line(content.target)}: {_line(content.because)}"
            yield from _text(content)
        case Job.TICKET_OPEN | Job.TICKET_UPDATE | Job.TICKET_COMMENT | Job.TICKET_CLOSE:
            what = content.job.replace("_", " ").upper()
            because = f": {_line(content.because)}" if content.because else ""
            yield f"{what} {head} -- {_line(content.target)}{because}"
            yield from _text(content)
        case Job.UPDATE:
            yield from _update(content, head)
        case Job.ACKNOWLEDGE:
            yield f"ACKNOWLEDGED {head} -- for {_line(content.target)}: {_line(wording.taken(content))}"
        case Job.RESOLVE:
            yield f"RESOLVED {head} -- for {_line(content.target)}: {_line(wording.ending(content))}"
        case Job.ANNOUNCE:
            more = f". {listed}" if (listed := wording.storm_list(content)) else ""
            yield f"INCIDENT {head} -- {_line(wording.condition(content))}; {wording.alerts(content)}{more}"
        case _:
            for entry in content.history:
                yield f"HISTORY #{content.number} {_line(timeline.told(entry, content.time_zone))}"


def _update(content: Content, head: str) -> Iterator[str]:
    yield f"{wording.kind(content)} {head} -- for {_line(content.target)}".lstrip()
    for line in (wording.reason(content), *wording.remarks(content), content.summary, wording.request(content)):
        yield from _wrapped(line, SUMMARY)
    if not content.is_reminder:
        yield f"  now: {_line(wording.standing(content))}"


def _text(content: Content) -> Iterator[str]:
    for line in content.text.plain.splitlines() if content.text is not None else ():
        yield f"  | {plain(line, WIDTH)}".rstrip()


def _alerts(content: Content) -> Iterator[str]:
    """Yield what the alerts say, those that say the same once."""
    sample, shown = wording.Shown.of(content, ALERTS), f"{content.title} {content.summary}"
    for group, unseen in sample.groups:
        count = wording.count(group, unseen, content)
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
    for line in wrap(plain(text, limit), WIDTH):
        yield f"  {line}"


def _line(text: str) -> str:
    return plain(text, WIDTH)
