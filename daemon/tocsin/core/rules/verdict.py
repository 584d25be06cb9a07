"""The rules' verdict on one alert, and the defaults where no rule sets a value."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from tocsin.core.alerts.subject import Subject
from tocsin.core.matching.condition import Condition, Inhibition

SERVICE_LABELS = (
    *("service", "service_name", "service.name", "app", "application", "job", "namespace"),
    *("host", "hostname", "host_name", "host.name", "node"),
)
"""Labels that name a service if no rule sets one: the first that the alert has counts.

OpenTelemetry and Loki write ``service_name``, or ``service.name``.
"""
UNKNOWN_SERVICE = "unknown"
"""The service of an alert without any such label; a rule may set it as well."""

_COPIES = frozenset(
    {
        *("severity", "pod", "replica", "container"),
        *("pod_name", "pod_uid", "pod_ip", "exported_pod", "kubernetes_pod_name", "k8s_pod_name", "k8s.pod.name"),
        *("container_id", "container_name", "exported_container", "prometheus_replica", "__replica__"),
    }
)
"""Labels that differ between replicas of one problem: they never distinguish two incidents."""
_IN_EVERY_KEY = frozenset({"alertname", "cluster", "namespace"})

LONGEST_KEY = 255
"""Maximum length of a dedup key, in characters; the end of a longer one is replaced by a hash."""
LONGEST_TITLE = 200
"""Maximum length of a title, in characters."""
LONGEST_SERVICE = 200
"""Maximum length of the name of a service, in characters."""
LONGEST_SUMMARY = 1000
"""Maximum length of a summary, in characters."""
LONGEST_LINK = 2000
"""Maximum length of a link, in characters."""

_KEY_HASH = 16


class EvaluatedRule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that was evaluated."""

    rule: str
    path: str
    line: int
    matched: bool
    failed: str = ""
    """The first of its matchers or conditions that failed."""
    found: str | None = None
    """The value of the label that did not match: "" if it is missing; None if no single label failed."""
    near: bool = False
    """True if only one matcher or condition failed and the rule is meant for alerts like this one."""
    asks: tuple[str, ...] = ()
    """The rule's conditions on more than labels, with this alert's values; only if its labels match."""
    sets: dict[str, Any] = {}
    """The rule's actions, as written; durations in microseconds."""
    stopped: bool = False
    """True if no rule after it was evaluated."""


class Verdict(Subject, frozen=True, kw_only=True, omit_defaults=True):
    """The route of an alert, with all values that the rules set."""

    playbook: str
    severity: str
    """The severity: a level of ``playbook``."""
    dedup_key: str
    flags: tuple[str, ...] = ()
    labels: dict[str, str]
    """The alert's labels and those that rules add."""
    suppress: bool = False
    heartbeat: bool = False
    hold: int = 0
    """Time in microseconds that an automation has to heal the incident before anyone is paged."""
    resolve_after: int | None = None
    """The hold-down in microseconds; None: the playbook's."""
    asks: tuple[Condition, ...] = ()
    """Conditions to check before the verdict is final: see `RuleSet.decide`. Empty for nearly all alerts."""
    inhibited_by: tuple[Inhibition, ...] = ()
    """Rules that hold notifications back while another incident is open."""
    unrouted: bool = False
    """True if the rules did not route the alert: it pages at the playbook's ``unrouted`` level, or higher."""
    trace: tuple[str, ...] = ()
    """Names of the rules that applied, in order."""
    rules_sha: str = ""
    """Hash of the rule set that evaluated the alert; "" if none did."""
    holds: tuple[Condition, ...] = ()
    """The conditions that were true, with this alert's values."""
    errors: tuple[str, ...] = ()
    """The reasons why the alert is unrouted."""
    steps: tuple[EvaluatedRule, ...] = ()
    """The evaluated rules; set only in an explanation."""


def default_service(labels: Mapping[str, str]) -> str:
    """Return the service of an alert for which no rule sets one."""
    for name in SERVICE_LABELS:
        if value := labels.get(name):
            return value
    return UNKNOWN_SERVICE


def default_key(
    source: str, playbook: str, service: str, labels: Mapping[str, str], key_labels: Iterable[str] = ()
) -> str:
    """Return ``source/playbook/service/alertname/cluster/namespace``, followed by further identifying labels.

    These are ``/name=value`` for each of ``key_labels`` that the alert has. If no
    label names the service, they are all labels except those that differ between
    replicas: two incidents are better than an alert that joins silently.
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
    """Return the names of the labels that identify an alert without a known service label."""
    names = labels.keys() - _COPIES
    if labels.get("job") or labels.get("pod"):
        names.discard("instance")  # the address of a pod, or of the scraped exporter
    return sorted(names)


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("/", "%2F")


def bounded_key(key: str) -> str:
    """Return the key; if it is too long, its beginning and a hash of the whole."""
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_HASH]
    return f"{key[: LONGEST_KEY - _KEY_HASH - 1]}~{digest}"


def default_title(service: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Return the title of an alert for which no rule sets one."""
    if title := one_line(annotations.get("summary", "")):
        return title
    return one_line(f"{labels.get('alertname') or 'An alert without a name'} ({service})")


def one_line(text: str) -> str:
    """Return the first non-empty line, cut to the maximum length of a title."""
    line = text.strip().partition("\n")[0].rstrip()
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def shortened(text: str) -> str:
    """Return a text of some sentences, cut to the maximum length of a summary."""
    text = text.strip()
    return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1] + "…"


def link(text: str) -> str:
    """Return the text if it is an http or https link, else "": it may come from a label, and people follow it."""
    text = text.strip()
    return text if len(text) <= LONGEST_LINK and _is_link(text) else ""


@lru_cache(maxsize=1024)
def _is_link(text: str) -> bool:
    # Of all white space, only the plain space is printable.
    return text.startswith(("https://", "http://")) and text.isprintable() and " " not in text
