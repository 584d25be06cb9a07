"""The dashboards in config/grafana/, and what they ask Prometheus for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "config/grafana"
NAMES = ("tocsin", "responders")


@dataclass(frozen=True)
class Query:
    """One expression of a dashboard."""

    where: str
    """The dashboard and the panel, or the annotation, that it is for."""
    expr: str
    is_instant: bool
    """Is it asked for one moment, or for a range of time?"""
    legend: str = ""
    interval: str = ""
    """The smallest step of a range; "" if Grafana chooses."""


def dashboard(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def panels(name: str) -> list[dict[str, Any]]:
    """The panels, without the rows."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def queries(name: str) -> Iterator[Query]:
    """The expressions of all panels and annotations."""
    for panel in panels(name):
        for target in panel["targets"]:
            where = f"{name}: {panel['title']} ({target['refId']})"
            legend = "" if target["legendFormat"] == "__auto" else target["legendFormat"]
            yield Query(where, target["expr"], target["instant"], legend, panel.get("interval", ""))
    for annotation in dashboard(name)["annotations"]["list"]:
        target, texts = annotation["target"], annotation["titleFormat"] + annotation["textFormat"]
        yield Query(f"{name}: {annotation['name']}", target["expr"], target["instant"], texts, target["interval"])


def variables(name: str) -> dict[str, str]:
    """The queries of the variables that Prometheus fills, by the variable's name."""
    listed = dashboard(name)["templating"]["list"]
    return {one["name"]: one["query"]["query"] for one in listed if one["type"] == "query"}
