"""Alerting rules as alerts with the labels that they would have.

They are the few of tests/fixtures/prometheus-rules, and those of the folder TOCSIN_CORPUS, which is not kept here.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = os.environ.get("TOCSIN_CORPUS", "")
OWN = Path(__file__).parents[1] / "fixtures"

_USED = re.compile(r"\$labels\.(\w+)")
_GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
_PLACES = frozenset({"instance", "job", "namespace", "cluster", "env", "le", "severity", "__name__", ""})
"""Labels that say where a series comes from, or that its expression needs, and that `Real` has already."""


class Real(NamedTuple):
    """One alerting rule."""

    name: str
    exporter: str
    """The subject of its file's name, or the ``job`` of its group."""
    own: dict[str, str]
    """The labels that the rule itself gives."""
    things: tuple[str, ...]
    """The labels that tell its alerts apart: its texts name them, or its expression groups by them."""

    @property
    def lone(self) -> dict[str, str]:
        """As from a server that stands alone: the job is the exporter."""
        return {"job": self.exporter, "instance": "10.0.0.7:9100", **self.own}

    @property
    def clustered(self) -> dict[str, str]:
        """As from Kubernetes, where job and service say what was scraped."""
        scraped = {"job": "kubernetes-pods", "service": self.exporter, "namespace": "shop", "pod": "some-pod-0"}
        return {**scraped, "container": "main", "instance": "10.1.2.3:9100", **self.own}

    @property
    def bare(self) -> dict[str, str]:
        """As after an aggregation over everything."""
        return self.own


def real_alerts() -> Iterator[Real]:
    """Yield every alerting rule of the corpus."""
    return _alerts_of(Path(FOLDER)) if FOLDER else iter(())


def every_alert() -> Iterator[Real]:
    """Yield every alerting rule of this project's own, and of the corpus."""
    yield from _alerts_of(OWN)
    yield from real_alerts()


def _alerts_of(folder: Path) -> Iterator[Real]:
    for path in sorted((folder / "prometheus-rules").rglob("*.y*ml")):
        for group in yaml.safe_load(path.read_text()).get("groups") or []:
            for rule in group.get("rules") or []:
                if "alert" in rule:
                    yield Real(rule["alert"], group.get("job", path.stem), _labels(rule), _things(rule))


def _labels(rule: dict[str, Any]) -> dict[str, str]:
    given = {name: str(value) for name, value in (rule.get("labels") or {}).items()}
    return {"alertname": rule["alert"], **given}


def _things(rule: dict[str, Any]) -> tuple[str, ...]:
    used = {name for text in (rule.get("annotations") or {}).values() for name in _USED.findall(str(text))}
    grouped = {name.strip() for names in _GROUPED.findall(rule["expr"]) for name in names.split(",")}
    return tuple(sorted((used | grouped) - _PLACES))
