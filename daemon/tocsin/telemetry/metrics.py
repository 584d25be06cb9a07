"""The metrics of the daemon, in their own Prometheus registry."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

import tocsin
from tocsin.core.errors import UnknownName
from tocsin.core.playbook.playbook import Playbook
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, Metric, MetricKind

Collector = Counter | Gauge | Histogram
C = TypeVar("C", Counter, Gauge, Histogram)

_BY_NAME = {metric.name: metric for metric in CATALOGUE}


class Metrics:
    """`ports.observer.Observer` for the metrics of the catalog.

    ``increase()`` misses the first event of a series that appears with it. Therefore
    the series of all known label values exist from the start (`prepare`).
    """

    def __init__(
        self,
        playbooks: Iterable[Playbook] = (),
        channels: Iterable[str] = (),
        workers: Iterable[str] = (),
        rules: Iterable[str] = (),
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._counters: dict[tuple[object, ...], Counter] = {}
        self._collectors = {metric.name: _build(metric, self.registry) for metric in CATALOGUE}
        self.gauge("build_info", 1, version=tocsin.__version__, python=platform.python_version())
        self.prepare(playbooks, channels, workers, rules)

    def prepare(
        self,
        playbooks: Iterable[Playbook] = (),
        channels: Iterable[str] = (),
        workers: Iterable[str] = (),
        rules: Iterable[str] = (),
    ) -> None:
        """Create the series of all known label values; existing series keep their values.

        Called at the start, and again at each reload, which may add playbooks or
        channels. ``rules`` are the names of the auditor's invariants.
        """
        plans = tuple(playbooks)
        values = {
            "playbook": tuple(plan.name for plan in plans),
            "channel": tuple(channels),
            "worker": tuple(workers),
            "rule": tuple(rules),
        }
        for metric in CATALOGUE:
            if metric.labels and not metric.absent:
                for child in _children(metric, plans, values):
                    self._collectors[metric.name].labels(**child)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter.

        Raises:
            UnknownName: The catalog has no counter of that name, or the counter has other labels.
        """
        counter = self._counters.get((name, *labels.items()))
        if counter is None:
            # Finding a child is the most expensive part of counting, so children are cached for the hot path.
            counter = self._counters[(name, *labels.items())] = self._child(Counter, name, labels)
        counter.inc(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Observe a value (in seconds) in a histogram.

        Raises:
            UnknownName: The catalog has no histogram of that name, or the histogram has other labels.
        """
        self._child(Histogram, name, labels).observe(value)

    def gauge(self, name: str, value: float | None, **labels: str) -> None:
        """Set a gauge. None removes the series, or sets it to NaN if the gauge has no labels.

        Raises:
            UnknownName: The catalog has no gauge of that name, or the gauge has other labels.
        """
        child = self._child(Gauge, name, labels)
        if value is not None:
            child.set(value)
        elif labels:
            self._collectors[name].remove_by_labels(labels)
        else:
            child.set(float("nan"))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type in the format of the ``Accept`` header."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def _child(self, kind: type[C], name: str, labels: Mapping[str, str]) -> C:
        collector = self._collectors.get(name)
        if not isinstance(collector, kind):
            raise UnknownName(f"the catalog of metrics has no {kind.__name__.lower()} {name!r}")
        expected = _BY_NAME[name].labels
        if labels.keys() != set(expected):
            raise UnknownName(f"metric {name} has the labels {expected}, not {tuple(labels)}")
        return collector.labels(**labels) if labels else collector


def _build(metric: Metric, registry: CollectorRegistry) -> Collector:
    name = PREFIX + metric.name
    match metric.kind:
        case MetricKind.COUNTER:
            return Counter(name, metric.help, metric.labels, registry=registry)
        case MetricKind.GAUGE:
            return Gauge(name, metric.help, metric.labels, registry=registry)
        case MetricKind.HISTOGRAM:
            return Histogram(name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


def _children(
    metric: Metric, playbooks: Sequence[Playbook], values: Mapping[str, tuple[str, ...]]
) -> Iterable[dict[str, str]]:
    """Yield every combination of known label values; none if the values of a label are not known yet."""
    if "severity" in metric.labels:  # severities are specific to a playbook
        levels = [{"playbook": plan.name, "severity": level.name} for plan in playbooks for level in plan.levels]
        rest = [label for label in metric.labels if label not in ("playbook", "severity")]
    else:
        levels = [{}]
        rest = list(metric.labels)
    pools = [metric.known.get(label) or values.get(label, ()) for label in rest]
    for level, combination in product(levels, product(*pools)):
        yield level | dict(zip(rest, combination, strict=True))
