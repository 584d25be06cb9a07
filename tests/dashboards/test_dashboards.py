"""The dashboards ask for metrics that exist, show every metric that helps, and tell the reader what they show."""

import re
from collections import Counter
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.files import FOLDER, NAMES, Query, dashboard, panels, queries, variables
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, MetricKind

ROOT = Path(__file__).parents[2]
QUERIES = [query for name in NAMES for query in queries(name)]
PANELS = [(name, panel) for name in NAMES for panel in panels(name)]
IDS = [f"{name}: {panel['title']}" for name, panel in PANELS]

NOT_SHOWN = {
    "shadow_alerts_total": "of use only while shadow rules are tried out; `tocsin explain` and the log say more",
}
"""The metrics that no dashboard shows, each with the reason."""
OTHERS = {
    "up": (),
    "ALERTS": ("about", "alertname", "alertstate"),
    "process_resident_memory_bytes": (),
    "process_cpu_seconds_total": (),
    "process_open_fds": (),
    "process_max_fds": (),
}
"""Metrics of others that the dashboards ask for, with their labels."""
UNITS = {"none", "short", "s", "percentunit", "bytes", "cpm", "dateTimeFromNow"}
"""Ids of units that Grafana has; it shows a number without a unit for one that it does not know."""
WINDOWS = {"$__range", "$__rate_interval", "15m", "1h", "1d"}
TARGET = {"job", "instance"}


def series() -> dict[str, set[str]]:
    """The labels of every series, by its name."""
    found = {name: set(labels) | TARGET for name, labels in OTHERS.items()}
    for metric in CATALOGUE:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is MetricKind.HISTOGRAM else ("",)
        for suffix in suffixes:
            found[f"{PREFIX}{metric.name}{suffix}"] = {
                *metric.labels,
                *TARGET,
                *(["le"] if suffix == "_bucket" else []),
            }
    return found


SERIES = series()
# Prometheus renames a label of tocsin's that its own label `job` hides.
KNOWN = {PREFIX + metric.name: {k: v for k, v in metric.known.items() if k != "job"} for metric in CATALOGUE}


def selectors(expr: str) -> list[tuple[str, dict[str, tuple[str, str]]]]:
    """The selectors of an expression: name, and operator and value by label."""
    found = re.findall(r"\b([a-zA-Z_]\w*)\{([^}]*)\}", expr)
    return [
        (name, {key: (op, value) for key, op, value in re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', inside)})
        for name, inside in found
    ]


def base(name: str) -> str:
    """The name of the metric that a series belongs to."""
    cut = re.sub(r"_(bucket|sum|count)$", "", name)
    return cut if cut in KNOWN else name


# What the expressions ask for


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
def test_an_expression_asks_for_series_and_labels_that_exist(query: Query) -> None:
    names = {name for name, _ in selectors(query.expr)}
    # Every name of a metric stands before its labels; what stands before a parenthesis is a function.
    assert {*re.findall(r"\b(?:tocsin_\w+|process_\w+|up\b|ALERTS\b)", query.expr)} == names
    assert names <= SERIES.keys()
    for name, labels in selectors(query.expr):
        assert labels.keys() <= SERIES[name], name
        for label, (operator, value) in labels.items():
            if label in (known := KNOWN.get(base(name), {})):
                assert {*(value.split("|") if operator in ("=~", "!~") else [value])} <= {*known[label]}, (name, label)
    labels_of_all = set().union(*(SERIES[name] for name in names))
    grouped = {label for by in re.findall(r"\bby \(([^)]*)\)", query.expr) for label in by.split(", ")}
    assert grouped <= labels_of_all
    assert {*re.findall(r"{{(\w+)}}", query.legend)} <= grouped


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
def test_an_expression_is_cheap_and_asks_for_one_tocsin(query: Query) -> None:
    for name, labels in selectors(query.expr):
        if name != "ALERTS":
            assert labels["job"] == ("=", "$job"), name
            assert labels["instance"] == ("=~", "$instance"), name
    assert not re.search(r"group_left|group_right|label_join|__name__|\bwithout\b|\bignoring\b|\boffset\b", query.expr)
    assert query.expr.count("label_replace(") == query.expr.count("label_replace(vector(0), ")
    assert {*re.findall(r"\[([^\]]+)\]", query.expr)} <= WINDOWS
    quantiles = query.expr.count("histogram_quantile(")
    assert quantiles == len(re.findall(r"histogram_quantile\([\d.]+, sum by \((?:\w+, )*le\) \(increase\(", query.expr))
    # Each series is part of a sum, a mean, a maximum ...: a panel never shows the bare series.
    assert re.match(r"\(?(?:sum|min|max|count|topk|bottomk|histogram_quantile)\b", query.expr)


def test_every_metric_is_on_a_dashboard_or_has_a_reason_not_to_be() -> None:
    shown = {base(name).removeprefix(PREFIX) for query in QUERIES for name, _ in selectors(query.expr)}
    exported = {metric.name for metric in CATALOGUE}

    assert exported - shown == NOT_SHOWN.keys()
    assert all(len(reason) > 20 for reason in NOT_SHOWN.values())


@pytest.mark.parametrize(
    ("alert", "title"),
    [
        ("TocsinHeartbeatMissing", "Last Watchdog"),
        ("TocsinDeliveryStuck", "Oldest waiting message"),
        ("TocsinOnCallGap", "Next gap"),
    ],
)
def test_a_panel_turns_red_when_its_alert_fires(alert: str, title: str) -> None:
    groups = yaml.safe_load((ROOT / "config/prometheus/tocsin-alerts.yml").read_text())["groups"]
    [expr] = [rule["expr"] for group in groups for rule in group["rules"] if rule["alert"] == alert]
    limit = re.search(r"[<>] ([\d *]+)$", expr)
    assert limit
    value = prod(int(factor) for factor in limit[1].split("*"))

    shown = [panel["fieldConfig"]["defaults"]["thresholds"]["steps"] for _, panel in PANELS if panel["title"] == title]
    assert shown
    for steps in shown:
        red = next(n for n, step in enumerate(steps) if step["color"] == "red")
        assert (steps[red]["value"] if "> " in expr else steps[red + 1]["value"]) == value


# What the reader sees


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=IDS)
def test_a_panel_says_what_it_shows_and_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert re.fullmatch(r"[A-Zt`].{20,}[.]", panel["description"]), f"{name}: {panel['title']}"
    assert len(panel["description"]) <= 230
    assert not re.search(r"\b(?:whoever|whomever|somebody|nobody|anybody)\b", panel["description"])
    assert defaults["unit"] in UNITS
    assert {
        p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit"
    } <= UNITS
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]


@pytest.mark.parametrize(("name", "panel"), [one for one in PANELS if one[1]["type"] in ("stat", "bargauge")])
def test_a_panel_without_data_says_why(name: str, panel: dict[str, Any]) -> None:
    absent = {PREFIX + metric.name for metric in CATALOGUE if metric.absent}
    exprs = [target["expr"] for target in panel["targets"]]
    may_lack = [
        one for one in exprs if ("> 0)" in one or {n for n, _ in selectors(one)} & absent) and "vector(0)" not in one
    ]

    always_there = ("worker_cycle_age_seconds" in one for one in may_lack)
    assert not may_lack or all(always_there) or panel["fieldConfig"]["defaults"]["noValue"], f"{name}: {panel['title']}"


def test_a_command_in_a_description_is_one_that_tocsin_has() -> None:
    commands = {*re.findall(r"^## (tocsin.*)$", (ROOT / "config/commands.md").read_text(), re.MULTILINE)}
    pages = [panel["description"] for _, panel in PANELS] + [(FOLDER / "README.md").read_text()]
    named = {found for page in pages for found in re.findall(r"`(tocsin [a-z]+(?: [a-z]+)*)[^`]*`", page)}

    assert named
    assert named <= commands


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_their_own_place_title_and_number(name: str) -> None:
    listed = dashboard(name)["panels"]
    places = [(p["gridPos"], p["title"]) for p in listed]

    assert listed[0]["type"] == "row"
    assert max(Counter(panel["id"] for panel in listed).values()) == 1
    assert max(Counter(panel["title"] for panel in listed).values()) == 1
    assert [title for at, title in places if at["x"] + at["w"] > 24] == []
    overlapping = [
        (one, other)
        for (a, one), (b, other) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlapping == []


@pytest.mark.parametrize(("name", "panel"), [one for one in PANELS if one[1]["type"] == "table"])
def test_a_table_joins_its_columns_by_what_they_are_about(name: str, panel: dict[str, Any]) -> None:
    # Rows of two queries are one row only if all other columns agree, and each query has a time of its own.
    steps = {step["id"]: step["options"] for step in panel["transformations"]}
    letters = [target["refId"] for target in panel["targets"]]
    values = [f"Value #{letter}" for letter in letters] if len(letters) > 1 else ["Value"]
    by = {
        label
        for target in panel["targets"]
        for found in re.findall(r"\bby \(([^)]*)\)", target["expr"])
        for label in found.split(", ")
    }

    assert [*steps] == ["filterFieldsByName", *(["merge"] if len(letters) > 1 else []), "organize"]
    assert steps["filterFieldsByName"]["exclude"]["names"] == ["Time"]
    assert steps["organize"]["renameByName"].keys() == {*by, *values}, name
    assert {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]} == {
        steps["organize"]["renameByName"][value] for value in values
    }
    assert all(target["format"] == "table" and target["instant"] for target in panel["targets"])


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_now_come_first(name: str) -> None:
    listed = dashboard(name)["panels"]
    second_row = next(n for n, panel in enumerate(listed[1:], 1) if panel["type"] == "row")

    assert [panel["type"] for panel in listed[1:7]] == ["stat"] * 6
    assert second_row >= 7


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_can_be_imported_anywhere(name: str) -> None:
    board = dashboard(name)
    text = (FOLDER / f"{name}.json").read_text()
    source = {"type": "prometheus", "uid": "${datasource}"}
    asked = [*board["panels"], *board["annotations"]["list"], *(t for panel in panels(name) for t in panel["targets"])]
    asked += [variable for variable in board["templating"]["list"] if variable["type"] == "query"]

    assert [one for one in asked if one.get("type") != "row" and one["datasource"] != source] == []
    assert board["templating"]["list"][0]["type"] == "datasource"
    assert (board["timezone"], board["tags"]) == ("browser", ["tocsin"])
    assert re.fullmatch(r"\d+(?:s|m)", board["refresh"])
    assert board["links"][0]["tags"] == ["tocsin"], "each dashboard leads to the other"
    assert "id" not in board, "Grafana gives the number"
    given = {f"${variable}" for variable in [*variables(name), "__range", "__rate_interval"]}
    assert {found for query in queries(name) for found in re.findall(r"\$\w+", query.expr)} <= given
    assert "http" not in text


def test_the_dashboards_have_their_own_names() -> None:
    assert len({dashboard(name)["uid"] for name in NAMES}) == len({dashboard(name)["title"] for name in NAMES}) == 2
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_each_row_shows(name: str) -> None:
    page = (FOLDER / "README.md").read_text()
    rows = [panel["title"] for panel in dashboard(name)["panels"] if panel["type"] == "row"]

    assert [row for row in rows if f"| {row} |" not in page] == []
