"""The report in Markdown, for a wiki or an issue."""

import re
from collections.abc import Iterator

from tocsin.cli.reporting.tables import Answer, ReportTable, heading, introduction, state, tables
from tocsin.cli.reporting.values import shown
from tocsin.core.plain_text import one_line

_SPECIAL = re.compile(r"[\\`*_\[\]|~]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "://": ":&#47;&#47;", "www.": "www&#46;"}
"""Characters that could begin HTML or a link. A reader shows them as they were."""
_REFERENCE = re.compile(r"@|#(?=\d)")
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)), re.IGNORECASE)


def markdown(report: Answer) -> str:
    """Return the report in Markdown."""
    return "\n".join((*_lines(report), ""))


def _lines(report: Answer) -> Iterator[str]:
    yield f"# {escaped(heading(report))}"
    yield ""
    yield escaped(introduction(report))
    if sentence := state(report):
        yield ""
        yield f"**{escaped(sentence)}**"
    for table in tables(report):
        yield ""
        yield f"## {escaped(table.title)}"
        yield ""
        yield from _table(table, report["period"]["time_zone"])
        if table.note:
            yield ""
            yield escaped(table.note)


def _table(table: ReportTable, zone: str) -> Iterator[str]:
    yield _row(table.columns)
    yield "|".join(("", *("---" for _ in table.labels), *("---:" for _ in table.values), ""))
    for row in table.rows:
        yield _row((*row.labels, *(shown(value, zone) for value in row.values)))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def escaped(text: str) -> str:
    """Return text from outside as one line that Markdown shows as it is: no markup, link, mention or table cell."""
    # GitHub makes a mention or a link to an issue also of an escaped one, but not if an invisible character is within.
    apart = _REFERENCE.sub("\\g<0>\u200b", one_line(text))
    shown_text = _ENTITY.sub(lambda match: _entity(match[0]), apart)
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", shown_text)


def _entity(found: str) -> str:
    return _ENTITIES.get(found) or f"{found[:-1]}&#46;"
