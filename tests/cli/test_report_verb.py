"""``tocsin report``: five formats that show the same, from which hostile texts cannot break out."""

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest

from cli.daemons import Running, StandIn
from cli.terminals import on_a_terminal
from core.measured import LATER, NOVEMBER, START, duty, incident, page
from tocsin.core.duration import DAY
from tocsin.core.measures.figures import RecoveryFigures
from tocsin.core.measures.period import between, previous
from tocsin.core.measures.records import DutyKind, Records
from tocsin.core.measures.report import Conditions, report
from tocsin.web.api.views import encoded

HOSTILE = "=cmd|'/C calc'!A0 <script>alert(1)</script> \"x\" | **b** [l](http://evil.example) @all \x1b[31m\u202e\n# h"
FORMATS = ("text", "markdown", "csv", "json", "html")


def answer(records: Records) -> str:
    """The daemon's answer about these records."""
    made = report(records, NOVEMBER, previous(NOVEMBER), Conditions(now=LATER))
    recovery = RecoveryFigures(
        service=HOSTILE, objective="rto", target_seconds=60, met=1, missed=2, unknown=3, met_ratio=1 / 3,
        worst_seconds=90,
    )  # fmt: skip
    current = msgspec.structs.replace(made.current, recovery=(recovery,) if records.incidents else ())
    return msgspec.json.encode(encoded(msgspec.structs.replace(made, current=current))).decode()


BAD = Records(
    incidents=(
        incident(0, 5, 30, title=HOSTILE, service=HOSTILE, playbook=HOSTILE, severity=HOSTILE, users_affected=1500),
        incident(2000, 2020, 2100),
        incident(-9000, -8990, -8900),
    ),
    duties=(duty(0, 20, text=HOSTILE, owner=HOSTILE), duty(0, 30, 10)),
    pages=(page(0, HOSTILE), page(700, "alex")),
    since=START,
)

Answering = Callable[[int, object], StandIn]


@pytest.fixture
def hostile(answering: Answering) -> StandIn:
    return answering(200, answer(BAD))


def printed(server: StandIn, form: str) -> str:
    result = server.run("report", "--month", "2026-11", "--format", form)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_asks_for_what_it_was_told(hostile: StandIn) -> None:
    hostile.run("report", "--from", "2026-11-01", "--to", "2026-11-15", "--playbook", "erlmcp", "--team", "a b")
    [seen] = hostile.seen
    assert seen.path == "/api/v1/reports?from=2026-11-01&to=2026-11-15&playbook=erlmcp&team=a+b"


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_names_the_period_its_zone_and_the_one_before(hostile: StandIn, form: str) -> None:
    text = printed(hostile, form)
    assert "UTC" in text
    assert "2026-11-30" in text
    if form != "csv":
        assert "November 2026" in text
        assert "October 2026" in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_control_character_reaches_the_reader(hostile: StandIn, form: str) -> None:
    text = printed(hostile, form)
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\u202e]", text)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_shows_hostile_texts_as_texts(hostile: StandIn) -> None:
    seen = _Seen()
    seen.feed(printed(hostile, "html"))
    assert not {"script", "a", "img", "iframe", "b"} & set(seen.tags)
    assert not [name for name in seen.attributes if name.startswith("on") or name in ("href", "src", "style")]
    assert any("<script>alert(1)</script>" in text for text in seen.texts)
    assert {"svg", "table", "figure"} <= set(seen.tags)


def test_html_allows_no_script_and_loads_nothing(hostile: StandIn) -> None:
    text = printed(hostile, "html")
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "url(" not in text


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_counts_duties_by_name_and_lists_the_open_ones_with_owner_and_deadline(
    answering: Answering, form: str
) -> None:
    runbook = {"kind": DutyKind.DUTY, "name": "runbook", "text": "Mend-the-runbook", "owner": "robin"}
    duties = (duty(0, 20, 10, **runbook), duty(0, 30, **runbook), duty(0, 9, 9, kind=DutyKind.POST_MORTEM))
    text = printed(answering(200, answer(Records(incidents=(incident(0, 5, 30),), duties=duties))), form)
    if form == "json":
        found = json.loads(text)
        [group] = found["current"]["duty_groups"]
        assert (group["duty"], group["due"], group["in_time"], group["late"], group["open"]) == ("runbook", 2, 1, 1, 1)
        [listed] = found["open_duties"]
        assert (listed["duty"], listed["owner"], listed["overdue"]) == ("runbook", "robin", True)
        return
    for part in ("Other duties in time", "Postmortems in time", "runbook", "Mend-the-runbook", "robin", "2026-11-01"):
        assert part in re.sub(r"\\", "", text), part


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "html"])
def test_each_format_says_what_it_is_limited_to(answering: Answering, form: str) -> None:
    made = json.loads(answer(BAD)) | {"service": "check-out", "team": ""}
    text = printed(answering(200, json.dumps(made)), form)
    assert re.search(r"only service check-out, team \(none\)", re.sub(r"\\", "", text), re.IGNORECASE)


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_reader_who_has_never_seen_a_report_is_told_what_its_words_mean(hostile: StandIn, form: str) -> None:
    text = " ".join(re.sub(r"\\", "", printed(hostile, form)).split())
    assert "Figures in parentheses are those of October 2026." in text
    for word in ("An incident lasts", "A page is a message", "A duty is work", "an action item is work", "missing (-)"):
        assert word in text, word


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
@pytest.mark.parametrize("since", [START + 5 * DAY, START - 40 * DAY])
def test_a_reader_is_told_from_when_on_there_are_incidents(answering: Answering, form: str, since: int) -> None:
    """The figures of a month in which tocsin did not run yet are 0, which is no achievement."""
    text = printed(answering(200, answer(Records(incidents=(incident(8000, 8001, 8002),), since=since))), form)
    assert ("The first stored incident began at 2026-11-06 00:00 UTC." in text) == (since > START)


def test_html_is_dark_on_a_dark_screen_and_never_on_paper(hostile: StandIn) -> None:
    text = printed(hostile, "html")
    assert "@media screen and (prefers-color-scheme: dark)" in text
    assert text.count("prefers-color-scheme") == 1
    assert "@page" in text


def test_html_has_the_figure_of_the_period_before_on_a_line_of_its_own(hostile: StandIn) -> None:
    text = printed(hostile, "html")
    assert '<td class="value ">1 <small>(1)</small></td>' in text
    assert ".stacked td small { display: block;" in text
    assert '<th scope="row" class="label">' in text


@pytest.mark.parametrize("text", ["a;=1+1", "a; =1+1", 'a;"=1+1', "a;@SUM(1)", '"=1+1'])
def test_csv_has_no_formula_where_the_separator_is_a_semicolon(answering: Answering, text: str) -> None:
    made = answering(200, answer(Records(incidents=(incident(0, 5, 30, title=text, service="x"),))))
    for cell in printed(made, "csv").replace("\n", ";").split(";"):
        assert not re.match(r"""["\s]*[=+\-@]""", cell), cell


def test_csv_has_no_cell_that_a_spreadsheet_runs(hostile: StandIn) -> None:
    rows = list(csv.reader(io.StringIO(printed(hostile, "csv"))))
    assert rows[0] == ["period", "section", "item", "figure", "unit", "value", "previous"]
    assert {len(row) for row in rows} == {7}
    assert [cell for row in rows for cell in row if re.match(r"[=+\-@\t\r]", cell)] == []
    assert any(cell.startswith("'=cmd|") for row in rows for cell in row)
    found = {(row[1], row[2], row[3]): row[4:] for row in rows}
    assert found["Overview", "MTTA: mean time to acknowledge", "value"] == ["seconds", "750", "600"]
    assert found["Overview", "Affected users", "value"] == ["count", "1500", ""]


def test_markdown_has_no_markup_of_others(hostile: StandIn) -> None:
    text = printed(hostile, "markdown")
    assert "<script" not in text
    assert "](" not in text.replace("\\](", "")
    assert "://" not in text
    assert "@all" not in text
    assert not re.search(r"(?<!&)#\d", text), "a link to an issue of another repository"
    assert "#\u200b1 " in text
    assert "http:&#47;&#47;evil.example" in text
    assert "\n# h" not in text
    widths = {}
    for line in text.splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            widths.setdefault(cells, line)
    tables = [line for line in text.splitlines() if line.startswith("|---")]
    assert {len(re.findall(r"\|", line)) for line in tables} == set(widths)


def test_text_in_a_pipe_has_no_colors_and_on_a_terminal_it_has(hostile: StandIn) -> None:
    assert "\x1b" not in printed(hostile, "text")
    shown = on_a_terminal(100, "report", "--month", "2026-11", TOCSIN_URL=hostile.url)
    assert "\x1b[1m" in shown
    assert "\x1b[31m=" not in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert max(map(len, plain.splitlines()[4:40])) <= 100


def test_text_has_every_part(hostile: StandIn) -> None:
    text = printed(hostile, "text")
    for title in ("Overview", "Severities", "Playbooks", "Services", "Recovery objectives", "Slowest to be resolved",
                  "Noisiest causes", "People", "Open duties", "Trend", "All incidents, newest first"):  # fmt: skip
        assert f"\n{title}\n" in text
    assert re.search(r"MTTR: mean time to resolve +1 h 5 min \(1 h 40 min\)", text)
    assert re.search(r"Pages at night \(22:00 to 07:00\) +1 \(0\)", text)


def test_json_is_the_answer_as_it_is(hostile: StandIn) -> None:
    assert json.loads(printed(hostile, "json")) == json.loads(answer(BAD))


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_an_empty_period_says_so(answering: Answering, form: str) -> None:
    text = printed(answering(200, answer(Records())), form)
    assert re.search(r"No incidents in November 2026 \\?\(UTC\\?\)\.", text)
    assert "<svg" not in text
    assert "Overview" not in text, "nothing but zeros"


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (("2026-11-01", "2026-11-30"), "from 2026-11-01 to 2026-11-30"),
        (("2026-11-08", "2026-11-08"), "on 2026-11-08"),
    ],
)
def test_days_are_named_as_days(answering: Answering, days: tuple[str, str], said: str) -> None:
    period = between(*days, "UTC")
    made = report(Records(), period, previous(period), Conditions(now=LATER))
    text = printed(answering(200, msgspec.json.encode(encoded(made)).decode()), "text")
    assert text.startswith(f"Incidents {said}\n")
    assert f"No incidents {said} (UTC)." in text


@pytest.mark.parametrize("form", FORMATS)
def test_one_open_incident_is_no_failure(answering: Answering, form: str) -> None:
    text = printed(answering(200, answer(Records(incidents=(incident(0),)))), form)
    assert "Checkout is down" in text


def test_a_refusal_is_a_sentence_and_an_exit_code(daemon: Running) -> None:
    for arguments, told in (
        (("--month", "2026-13"), "'2026-13' is not a month"),
        (("--month", "2199-01"), "January 2199 has not begun"),
        (("--from", "2026-02-02", "--to", "2026-02-01"), "is before the first day"),
        (("--playbook", "erlmpc"), "there is no playbook 'erlmpc'; did you mean erlmcp?"),
    ):
        result = daemon.run("report", *arguments)
        assert result.exit_code == 1
        assert told in result.output
    assert daemon.run("report", "--format", "pdf").exit_code == 2


@pytest.mark.parametrize("form", FORMATS)
def test_it_works_beside_a_running_daemon(daemon: Running, form: str) -> None:
    result = daemon.run("report", "--format", form)
    assert result.exit_code == 0, result.output
    assert "UTC" in result.output
