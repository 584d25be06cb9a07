"""A notification as text for a terminal: a block for a page, one line for everything else."""

from collections.abc import Iterator
from typing import Final

from tocsin.channels import wording
from tocsin.channels.text import plain
from tocsin.core.outbox import Job
from tocsin.core.page import AlertLine, Content

WIDTH = 160
ALERTS = 3
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
    yield f"  for {_line(content.target)}: {_line(content.because)}"
    for remark in wording.remarks(content):
        yield f"  ! {_line(remark)}"
    if content.summary:
        yield f"  {_line(content.summary)}"
    yield f"  {wording.alerts(content)}, since {wording.moment(content.opened_at)}"
    for alert in content.alerts[:ALERTS]:
        yield f"  - {_alert(alert)}"
        if summary := alert.annotations.get("summary") or alert.annotations.get("description"):
            yield f"    {_line(summary)}"
    if concerns := wording.concerns(content):
        yield f"  {_line(concerns)}"
    if content.runbook:
        yield f"  runbook: {_line(content.runbook)}"
    if content.bridge:
        yield f"  war room: {_line(content.bridge)}"
    yield f"{dim}  acknowledge: tocsin incidents ack {content.number}{reset}"
    if content.url:
        yield f"{dim}  {_line(content.url)}{reset}"


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
            remarks = "".join(f" {_line(remark)}" for remark in wording.remarks(content))
            yield f"UPDATE {head} -- for {_line(content.target)}: {_line(content.because)}.{remarks}"
        case Job.ACKNOWLEDGE:
            yield f"ACKNOWLEDGED {head} -- for {_line(content.target)}: {_line(wording.taken(content))}"
        case Job.RESOLVE:
            yield f"RESOLVED {head} -- for {_line(content.target)}: {_line(wording.ending(content))}"
        case Job.ANNOUNCE:
            yield f"INCIDENT {head} -- {_line(wording.condition(content))}, {wording.alerts(content)}"
        case _:
            for entry in content.history:
                yield f"HISTORY #{content.number} {_line(wording.told(entry))}"


def _text(content: Content) -> Iterator[str]:
    for line in content.text.plain.splitlines() if content.text is not None else ():
        yield f"  | {plain(line, WIDTH)}".rstrip()


def _alert(alert: AlertLine) -> str:
    labels = [f"{name}={value}" for name, value in alert.labels.items() if name != "alertname"]
    shown = " ".join(plain(label, 60) for label in labels[:LABELS])
    rest = f" (+{len(labels) - LABELS})" if len(labels) > LABELS else ""
    state = "" if alert.firing else "resolved: "
    return f"{state}{plain(alert.labels.get('alertname', 'alert'), 80)} {shown}{rest}".rstrip()


def _line(text: str) -> str:
    return plain(text, WIDTH)
