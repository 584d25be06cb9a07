"""What the rules make of one alert, and what is said where they say nothing."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tocsin.core.condition import Condition, Inhibition

SERVICE_LABELS = (
    *("service", "service_name", "service.name", "app", "application", "job", "namespace"),
    *("host", "hostname", "host_name", "host.name", "node"),
)
"""The labels that name a service where no rule sets one: the first that is there counts.

OpenTelemetry and Loki write ``service_name``, or ``service.name``.
"""
UNKNOWN_SERVICE = "unknown"
"""The service of an alert that nothing identifies; a rule may say so as well."""

_COPIES = frozenset(
    {
        *("severity", "pod", "replica", "container"),
        *("pod_name", "pod_uid", "pod_ip", "exported_pod", "kubernetes_pod_name", "k8s_pod_name", "k8s.pod.name"),
        *("container_id", "container_name", "exported_container", "prometheus_replica", "__replica__"),
    }
)
"""Labels that differ between the copies of one trouble: they never tell two incidents apart."""
_IN_EVERY_KEY = frozenset({"alertname", "cluster", "namespace"})

LONGEST_KEY = 255
LONGEST_TITLE = 200
LONGEST_SERVICE = 200
LONGEST_SUMMARY = 1000
LONGEST_LINK = 2000

_KEY_HASH = 16


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that was looked at."""

    rule: str
    path: str
    line: int
    matched: bool
    failed: str = ""
    """The first of its matchers that did not match, or the condition that does not hold."""
    found: str | None = None
    """The value of the label that did not match: empty where there is none; None where it is no single label."""
    near: bool = False
    """Nothing but this kept it from having its say, and otherwise it is about alerts like this."""
    asks: tuple[str, ...] = ()
    """What it asks besides labels, with this alert's values; only where its labels match."""
    sets: dict[str, Any] = {}
    """Its actions, as they were written; durations in microseconds."""
    stopped: bool = False
    """No rule after it was looked at."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an alert belongs."""

    playbook: str
    severity: str
    """Always a level of ``playbook``."""
    service: str
    dedup_key: str
    title: str
    team: str = ""
    summary: str = ""
    runbook: str = ""
    """An http or https link, or empty."""
    automation: str = ""
    flags: tuple[str, ...] = ()
    labels: dict[str, str]
    """The alert's labels and those that rules add."""
    suppress: bool = False
    heartbeat: bool = False
    hold: int = 0
    """How long automation may try to heal it before anybody is paged, in microseconds."""
    resolve_after: int | None = None
    """The hold-down in microseconds; None: the playbook's."""
    asks: tuple[Condition, ...] = ()
    """What has to be known before this is the last word: see `RuleSet.decide`. Empty for nearly all alerts."""
    inhibited_by: tuple[Inhibition, ...] = ()
    """Nobody is to be told for as long as one of these is open."""
    unrouted: bool = False
    """The rules failed to place it: it pages at the playbook's ``unrouted`` level, or higher."""
    trace: tuple[str, ...] = ()
    """Names of the rules that decided, in order."""
    rules_sha: str = ""
    """Which rule set judged it; empty where none did."""
    holds: tuple[Condition, ...] = ()
    """Those of the conditions of rules that held, as this alert asked them."""
    errors: tuple[str, ...] = ()
    """Why it is unrouted."""
    steps: tuple[Step, ...] = ()
    """Every rule that was looked at; only where somebody asks for an explanation."""


def default_service(labels: Mapping[str, str]) -> str:
    """The service of an alert that no rule gives one."""
    for name in SERVICE_LABELS:
        if value := labels.get(name):
            return value
    return UNKNOWN_SERVICE


def default_key(
    source: str, playbook: str, service: str, labels: Mapping[str, str], key_labels: Iterable[str] = ()
) -> str:
    """Return ``source/playbook/service/alertname/cluster/namespace``, followed by what else tells incidents apart.

    That is ``/name=value`` for each of ``key_labels`` that the alert has. If
    nothing names the service, it is every label that is not the same trouble
    once more: two incidents are better than an alert that joins silently.
    Two different tuples never give the same key.
    """
    get = labels.get
    alertname, cluster, namespace = get("alertname", ""), get("cluster", ""), get("namespace", "")
    key = f"{source}/{playbook}/{service}/{alertname}/{cluster}/{namespace}"
    if "%" in key or key.count("/") > 5:
        key = "/".join(map(_escaped, (source, playbook, service, alertname, cluster, namespace)))
    if service == UNKNOWN_SERVICE:
        key_labels = _identity(labels)
    for name in key_labels:
        if name in labels and name not in _IN_EVERY_KEY and (value := labels[name]):
            key += f"/{_escaped(name).replace('=', '%3D')}={_escaped(value)}"
    return bounded_key(key)


def _identity(labels: Mapping[str, str]) -> list[str]:
    """Return the names of the labels that say what an alert is about, where none of them is known to name it."""
    names = labels.keys() - _COPIES
    if labels.get("job") or labels.get("pod"):
        names.discard("instance")  # the address of a pod, or of the exporter that was scraped
    return sorted(names)


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")


def bounded_key(key: str) -> str:
    """The key itself, or if it is too long its beginning and a hash of all of it."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_HASH]
    return f"{key[: LONGEST_KEY - _KEY_HASH - 1]}~{digest}"


def default_title(service: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """The title of an alert that no rule gives one."""
    if title := one_line(annotations.get("summary", "")):
        return title
    return one_line(f"{labels.get('alertname') or 'An alert without a name'} ({service})")


def one_line(text: str) -> str:
    """The first line that says anything, not longer than a title may be."""
    line = text.strip().partition("\n")[0].rstrip()
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def shortened(text: str) -> str:
    """A text of some sentences, not longer than a summary may be."""
    text = text.strip()
    return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1] + "…"


def link(text: str) -> str:
    """The text if it is an http or https link, or else nothing: it may come from a label, and people follow it."""
    text = text.strip()
    return text if len(text) <= LONGEST_LINK and _is_link(text) else ""


@lru_cache(maxsize=1024)
def _is_link(text: str) -> bool:
    # Of all that separates words only the plain space is printable.
    return text.startswith(("https://", "http://")) and text.isprintable() and " " not in text
