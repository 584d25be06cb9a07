"""The tables of a report, from the API's answer: every format shows the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tocsin.cli.output import micros
from tocsin.cli.reporting.values import Unit, Value, compared, plain
from tocsin.core.measures.summary import GOALS

NO_NAME = "(none)"
"""The text of a service or team without a name."""
SHOWN_DUTIES = 50
"""Maximum number of duties in a table."""
SHOWN_INCIDENTS = 50
"""Maximum number of incidents in a table; JSON has up to 500."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A row: its labels, and its values."""

    labels: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class ReportTable:
    """A table of a report."""

    title: str
    labels: tuple[str, ...]
    """The headings of the labels."""
    values: tuple[str, ...]
    """The headings of the values."""
    rows: tuple[Row, ...]
    note: str = ""
    """A sentence below the table."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all headings."""
        return (*self.labels, *self.values)


def is_empty(report: Answer) -> bool:
    """Return whether there is nothing to report in the period."""
    current = report["current"]
    counts = (current["occurrences"], current["resolved"], current["open"], current["pages"]["pages"])
    return not any(counts)


def heading(report: Answer) -> str:
    """Return the title of the report."""
    return f"Incidents {_when(report['period'])}"


def _when(period: Answer) -> str:
    if period["months"]:
        return f"in {period['name']}"
    return f"{'on' if period['first_day'] == period['last_day'] else 'from'} {period['name']}"


def introduction(report: Answer) -> str:
    """Return the sentences that say what the report covers."""
    period, before = report["period"], report["previous_period"]
    parts = [f"From {period['first_day']} to {period['last_day']}; days begin at midnight in {period['time_zone']}."]
    if only := covered(report):
        parts.append(f"Only {only}.")
    if not report["is_over"]:
        until = plain(report["made_at"], Unit.MOMENT, _zone(report))
        parts.append(f"The period is not over: its figures are those until {until}.")
    parts.append(f"Figures in parentheses are those of {before['name']}.")
    first = report["first_known_at"]
    if first is not None and micros(first) > micros(before["starts_at"]):
        parts.append(f"The first stored incident began at {plain(first, Unit.MOMENT, _zone(report))}.")
    parts.append("Drills and tocsin's own incidents do not count.")
    return " ".join(parts)


def covered(report: Answer) -> str:
    """Return what the report is limited to: ``service checkout, team shop``; "" if it covers everything."""
    names = ("playbook", "service", "team")
    return ", ".join(f"{name} {report[name] or NO_NAME}" for name in names if report[name] is not None)


def state(report: Answer) -> str:
    """Return the sentence for a period without incidents, "" if there were any."""
    if not is_empty(report):
        return ""
    only = covered(report)
    return f"No incidents{f' of {only}' if only else ''} {_when(report['period'])} ({_zone(report)})."


def tables(report: Answer) -> list[ReportTable]:
    """Return the tables that have rows, in order."""
    made = (
        _overview(report),
        _goals(report),
        _severities(report),
        _groups(report, "Playbooks", "playbook", "playbooks"),
        _groups(report, "Services", "service", "services"),
        _recovery(report),
        _slowest(report),
        _noisiest(report),
        _people(report),
        _duty_groups(report),
        _duties(report),
        _trend(report),
        _incidents(report),
    )
    return [table for table in made if table.rows]


def _zone(report: Answer) -> str:
    return str(report["period"]["time_zone"])


def _overview(report: Answer) -> ReportTable:
    def row(label: str, *path: str, unit: Unit = Unit.COUNT) -> Row:
        current, previous = report["current"], report["previous"]
        for step in path:
            current, previous = current[step], previous[step]
        return Row((label,), (compared(current, previous, unit),))

    rows = (
        row("Incidents that began", "incidents"),
        row("Occurrences, with repeated ones", "occurrences"),
        row("Resolved", "resolved"),
        row("Resolved without an acknowledgment", "unacknowledged"),
        row("Open at the end", "open"),
        row("MTTA: mean time to acknowledge", "acknowledge", "seconds", unit=Unit.SECONDS),
        row("MTTR: mean time to resolve", "resolve", "seconds", unit=Unit.SECONDS),
        row("MTTD: mean time to detect", "detect", "seconds", unit=Unit.SECONDS),
        row("MTBF: mean time between incidents", "between", "seconds", unit=Unit.SECONDS),
        row("Affected users", "users", "total"),
        row("Affected users per incident", "users", "per_incident"),
        row("Incidents without a number of users", "users", "unknown"),
        row("Action items added", "action_items", "added"),
        row("Action items done", "action_items", "done"),
        row("Action items done late", "action_items", "done_late"),
        row("Action items open", "action_items", "open"),
        row("Action items overdue", "action_items", "overdue"),
        row("Action items completed", "action_items", "completion_ratio", unit=Unit.SHARE),
        row("Postmortems due", "post_mortems", "due"),
        row("Postmortems in time", "post_mortems", "in_time"),
        row("Postmortems late", "post_mortems", "late"),
        row("Postmortems waived", "post_mortems", "waived"),
        row("Postmortems in time, share", "post_mortems", "in_time_ratio", unit=Unit.SHARE),
        row("Other duties due", "duties", "due"),
        row("Other duties in time", "duties", "in_time"),
        row("Other duties late", "duties", "late"),
        row("Other duties waived", "duties", "waived"),
        row("Other duties open", "duties", "open"),
        row("Pages to people", "pages", "pages"),
        row("People paged", "pages", "people"),
        row("Pages per person", "pages", "per_person"),
        row("Pages at night (22:00 to 07:00)", "pages", "at_night"),
        row("Pages per night", "pages", "per_night"),
        row("Disturbed nights", "pages", "nights"),
        row("Pages of the busiest person, compared with the mean", "pages", "busiest_ratio", unit=Unit.TIMES),
    )
    has_data = any(value.raw or value.previous for each in rows for value in each.values)
    return ReportTable("Overview", ("measure",), ("value",), rows if has_data else (), _WORDS)


_WORDS = (
    "An incident lasts from its first alert to its resolve; each time that it begins again is an occurrence. A page is"
    " a message that a person has to acknowledge. A duty is work that the playbook requires, such as a postmortem; an"
    " action item is work that people have added. A figure without data is missing (-), such as the MTBF of fewer than"
    " two incidents."
)
"""The words of the report, for a reader who has never seen one."""
_GOAL_UNITS = {"mttr": Unit.SECONDS, "mttd": Unit.SECONDS, "post_mortems_in_time": Unit.SHARE}


def _goals(report: Answer) -> ReportTable:
    def key(goal: Answer) -> tuple[str, str, str]:
        return goal["playbook"], goal["goal"], goal["severity"]

    previous = {key(goal): goal["achieved"] for goal in report["previous"]["goals"]}
    rows = []
    for goal in report["current"]["goals"]:
        unit = _GOAL_UNITS.get(goal["goal"], Unit.COUNT)
        result, style = {True: ("met", "green"), False: ("missed", "bold red"), None: ("no data", "")}[goal["met"]]
        limit = plain(goal["limit"], unit, _zone(report))
        values = (
            Value(limit if unit is Unit.SHARE else f"below {limit}", Unit.TEXT),
            compared(goal["achieved"], previous.get(key(goal)), unit),
            Value(result, Unit.TEXT, style=style),
        )
        rows.append(Row((goal["playbook"], GOALS.get(goal["goal"], goal["goal"]), goal["severity"] or "all"), values))
    return ReportTable("Goals", ("playbook", "goal", "severity"), ("limit", "achieved", "result"), tuple(rows))


def _severities(report: Answer) -> ReportTable:
    before = {(level["playbook"], level["severity"]): level for level in report["previous"]["levels"]}
    rows = []
    for level in report["current"]["levels"]:
        other = before.get((level["playbook"], level["severity"]))
        targets = {target["target"]: target for target in level["targets"]}
        rows.append(
            Row(
                (level["playbook"], level["severity"]),
                (
                    compared(level["incidents"], other["incidents"] if other else 0),
                    *_times(level, other, "acknowledge", "resolve", "detect"),
                    *(_target(targets.get(name)) for name in ("respond", "acknowledge", "resolve")),
                ),
            )
        )
    values = ("incidents", "MTTA", "MTTR", "MTTD", "responded in time", "acknowledged in time", "resolved in time")
    return ReportTable("Severities", ("playbook", "severity"), values, tuple(rows))


def _target(target: Answer | None) -> Value:
    if target is None or not target["met"] + target["missed"]:
        return Value(None, Unit.TEXT)
    return Value(
        f"{target['met']} of {target['met'] + target['missed']}", Unit.TEXT, style="red" if target["missed"] else ""
    )


def _times(current: Answer, previous: Answer | None, *names: str) -> Iterator[Value]:
    for name in names:
        before = previous[name]["seconds"] if previous is not None else None
        yield compared(current[name]["seconds"], before, Unit.SECONDS)


def _groups(report: Answer, title: str, label: str, name: str) -> ReportTable:
    before = {group["name"]: group for group in report["previous"][name]}
    rows = []
    for group in report["current"][name]:
        other = before.get(group["name"])
        values = (
            compared(group["incidents"], other["incidents"] if other else 0),
            *_times(group, other, "between", "acknowledge", "resolve", "detect"),
            compared(group["pages"], other["pages"] if other else 0),
        )
        rows.append(Row((group["name"] or NO_NAME,), values))
    return ReportTable(title, (label,), ("incidents", "MTBF", "MTTA", "MTTR", "MTTD", "pages"), tuple(rows))


def _recovery(report: Answer) -> ReportTable:
    rows = [
        Row(
            (each["service"], each["objective"].upper()),
            (
                Value(each["target_seconds"], Unit.SECONDS),
                Value(each["met"]),
                Value(each["missed"], style="red" if each["missed"] else ""),
                Value(each["unknown"]),
                Value(each["met_ratio"], Unit.SHARE),
                Value(each["worst_seconds"], Unit.SECONDS),
            ),
        )
        for each in report["current"]["recovery"]
    ]
    values = ("target", "met", "missed", "unknown", "share met", "worst")
    is_unknown = any(row.values[3].raw for row in rows)
    note = (
        "Unknown: no fact data_loss with a duration, such as: tocsin incidents fact 12 data_loss=5m"
        if is_unknown
        else ""
    )
    return ReportTable("Recovery objectives", ("service", "objective"), values, tuple(rows), note)


def _name_of(incident: Answer) -> str:
    number = "(deleted)" if incident["number"] is None else f"#{incident['number']}"
    return f"{number}, occurrence {incident['occurrence']}" if incident["occurrence"] > 1 else number


def _incident_rows(incidents: Iterable[Answer]) -> Iterator[Row]:
    for incident in incidents:
        yield Row(
            (_name_of(incident), incident["title"], incident["service"], incident["severity"]),
            (
                Value(incident["opened_at"], Unit.MOMENT),
                Value(incident["acknowledge_seconds"], Unit.SECONDS),
                Value(incident["resolve_seconds"], Unit.SECONDS),
                Value(incident["pages"]),
            ),
        )


_INCIDENT_LABELS = ("incident", "title", "service", "severity")
_INCIDENT_VALUES = ("opened", "acknowledged after", "resolved after", "pages")


def _slowest(report: Answer) -> ReportTable:
    rows = tuple(_incident_rows(report["slowest"]))
    return ReportTable("Slowest to be resolved", _INCIDENT_LABELS, _INCIDENT_VALUES, rows)


def _incidents(report: Answer) -> ReportTable:
    listed = report["incidents"][:SHOWN_INCIDENTS]
    left_out = report["left_out"] + len(report["incidents"]) - len(listed)
    note = f"{left_out:,} older ones are not listed here." if left_out else ""
    return ReportTable(
        "All incidents, newest first", _INCIDENT_LABELS, _INCIDENT_VALUES, tuple(_incident_rows(listed)), note
    )


def _noisiest(report: Answer) -> ReportTable:
    rows = [
        Row(
            (line["title"], line["service"], line["playbook"]),
            (Value(line["pages"]), Value(line["incidents"]), Value(line["occurrences"])),
        )
        for line in report["noisiest"]
    ]
    return ReportTable(
        "Noisiest causes", ("title", "service", "playbook"), ("pages", "incidents", "occurrences"), tuple(rows)
    )


def _people(report: Answer) -> ReportTable:
    before = {each["person"]: each for each in report["previous"]["people"]}
    rows = []
    for each in report["current"]["people"]:
        other = before.get(each["person"], {})
        values = (
            compared(each["pages"], other.get("pages", 0)),
            Value(each["share"], Unit.SHARE),
            compared(each["incidents"], other.get("incidents", 0)),
            compared(each["at_night"], other.get("at_night", 0)),
            compared(each["nights"], other.get("nights", 0)),
        )
        rows.append(Row((each["person"],), values))
    values_shown = ("pages", "share", "incidents", "pages at night", "disturbed nights")
    return ReportTable("People", ("person",), values_shown, tuple(rows))


_OUTCOMES = ("due", "in_time", "late", "waived", "open")


def _duty_groups(report: Answer) -> ReportTable:
    """Return the duties by playbook and name, beside those of the period before."""
    current = {(each["playbook"], each["duty"]): each for each in report["current"]["duty_groups"]}
    previous = {(each["playbook"], each["duty"]): each for each in report["previous"]["duty_groups"]}
    rows = [
        Row(key, tuple(compared(each[name], previous.get(key, {}).get(name, 0)) for name in _OUTCOMES))
        for key, each in current.items()
    ]
    return ReportTable(
        "Other duties, by name", ("playbook", "duty"), ("due", "in time", "late", "waived", "open"), tuple(rows)
    )


def _duties(report: Answer) -> ReportTable:
    listed = report["open_duties"][:SHOWN_DUTIES]
    left_out = report["open_duties_left_out"] + len(report["open_duties"]) - len(listed)
    rows = [
        Row(
            (f"#{duty['number']}", duty["text"], duty["owner"]),
            (
                Value(duty["due_at"], Unit.MOMENT),
                Value("overdue" if duty["overdue"] else "open", Unit.TEXT, style="red" if duty["overdue"] else ""),
            ),
        )
        for duty in listed
    ]
    note = f"{left_out:,} more are not listed here." if left_out else ""
    return ReportTable("Open duties", ("incident", "duty", "owner"), ("due", "state"), tuple(rows), note)


def _trend(report: Answer) -> ReportTable:
    rows = [
        Row(
            (point["first_day"],),
            (
                Value(point["incidents"]),
                Value(point["acknowledge_seconds"], Unit.SECONDS),
                Value(point["resolve_seconds"], Unit.SECONDS),
                Value(point["pages"]),
                Value(point["at_night"]),
            ),
        )
        for point in report["trend"]
        if point["incidents"] or point["pages"] or point["resolve_seconds"] is not None
    ]
    label = "day" if report["trend_days"] == 1 else f"{report['trend_days']} days from"
    note = "Rows without data are left out." if len(rows) < len(report["trend"]) else ""
    return ReportTable("Trend", (label,), ("incidents", "MTTA", "MTTR", "pages", "pages at night"), tuple(rows), note)
