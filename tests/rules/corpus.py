"""The alerting rules of TOCSIN_CORPUS, as alerts with the labels that they would have; nothing of them is kept here."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

FOLDER = os.environ.get("TOCSIN_CORPUS", "")


class Real(NamedTuple):
    """One alerting rule."""

    name: str
    exporter: str
    """What its file is called after."""
    own: dict[str, str]
    """The labels that the rule itself gives."""

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
    """Every alerting rule of the corpus."""
    for path in sorted((Path(FOLDER) / "prometheus-rules").rglob("*.y*ml")):
        for group in yaml.safe_load(path.read_text()).get("groups") or []:
            for rule in group.get("rules") or []:
                if "alert" in rule:
                    yield Real(rule["alert"], path.stem, _labels(rule))


def _labels(rule: dict[str, Any]) -> dict[str, str]:
    given = {name: str(value) for name, value in (rule.get("labels") or {}).items()}
    return {"alertname": rule["alert"], **given}
