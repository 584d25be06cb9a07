"""Every metric of tocsin, declared once as data: name, kind, help, labels, buckets.

A new metric is one entry here and one row in config/prometheus/README.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tocsin.core.alert import AlertStatus
from tocsin.core.clock import Promise
from tocsin.core.incident import OPEN, WaitReason
from tocsin.core.outbox import Job, RowState
from tocsin.ports.channel import Outcome

PREFIX = "tocsin_"

_OPEN_STATES = tuple(state.value for state in OPEN)
_FINAL_STATES = tuple(state.value for state in RowState if state is not RowState.PENDING)

_ACKNOWLEDGE = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_RESOLVE = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)
_PAGE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_LATENESS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_LAG = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TRANSACTION = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Kind(StrEnum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Its name goes without the ``tocsin_`` prefix, and a counter's with ``_total``."""

    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds in seconds, for a histogram."""
    known: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The values of labels whose list is closed: their children exist from the start."""
    absent: bool = False
    """A child exists only while there is data: nothing is created at start, and no data is no 0."""


def _counter(name: str, text: str, labels: tuple[str, ...] = (), **known: tuple[str, ...]) -> Metric:
    return Metric(Kind.COUNTER, name, text, labels, known=MappingProxyType(known))


def _gauge(name: str, text: str, labels: tuple[str, ...] = (), **known: tuple[str, ...]) -> Metric:
    return Metric(Kind.GAUGE, name, text, labels, known=MappingProxyType(known))


def _gauge_of_data(name: str, text: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(Kind.GAUGE, name, text, labels, absent=True)


def _histogram(
    name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...], **known: tuple[str, ...]
) -> Metric:
    return Metric(Kind.HISTOGRAM, name, text, labels, buckets, MappingProxyType(known))


_LEVEL = ("playbook", "severity")

CATALOGUE: tuple[Metric, ...] = (
    # What the people on call do.
    _histogram(
        "incident_time_to_acknowledge_seconds",
        "From an occurrence's trigger to its first acknowledgment by a person.",
        _LEVEL,
        _ACKNOWLEDGE,
    ),
    _histogram(
        "incident_time_to_resolve_seconds",
        "From an occurrence's trigger to its end: its last alert's, or the person's word.",
        _LEVEL,
        _RESOLVE,
    ),
    _histogram(
        "incident_time_to_detect_seconds",
        "From the first alert's own start to the occurrence's trigger.",
        _LEVEL,
        _ACKNOWLEDGE,
    ),
    _gauge_of_data("mtta_seconds", "Mean time to acknowledge over the last 30 days, from the store.", _LEVEL),
    _gauge_of_data("mttr_seconds", "Mean time to resolve over the last 30 days, from the store.", _LEVEL),
    _counter("resolved_unacknowledged_total", "Occurrences that ended before anybody acknowledged them.", _LEVEL),
    # What the severities promise, and what is left to be done afterwards.
    _counter(
        "slo_breaches_total",
        "Promises of a severity that were not kept in time, each once an occurrence.",
        (*_LEVEL, "target"),
        target=tuple(promise.value for promise in Promise),
    ),
    _counter(
        "post_mortems_total",
        "Post-mortems that were finished or waived.",
        (*_LEVEL, "outcome"),
        outcome=("in_time", "late", "waived"),
    ),
    _counter(
        "action_items_done_total", "Action items that were done.", ("playbook", "outcome"), outcome=("in_time", "late")
    ),
    # Incidents.
    _gauge("incidents_open", "Open incidents by state.", (*_LEVEL, "state"), state=_OPEN_STATES),
    _counter("incidents_opened_total", "Occurrences that began: incidents opened and reopened.", _LEVEL),
    _gauge("incidents_exhausted", "Open incidents with nobody left to escalate to, unacknowledged.", ("playbook",)),
    _counter("storms_total", "Storms that began, by the playbook that they follow.", ("playbook",)),
    _gauge("storm_members_waiting", "Open incidents that wait for a storm, by the target of it.", ("target",)),
    _counter(
        "waits_total",
        "Ladders that began to wait, by what they wait for.",
        ("reason",),
        reason=tuple(reason.value for reason in WaitReason),
    ),
    # What comes in.
    _counter(
        "webhooks_received_total",
        "Webhooks from Alertmanager by HTTP status of the answer.",
        ("code",),
        code=("200", "400", "401", "403", "413", "429", "500", "503"),
    ),
    _counter(
        "alerts_received_total",
        "Alerts taken from webhooks by their status.",
        ("status",),
        status=tuple(status.value for status in AlertStatus),
    ),
    _counter(
        "alerts_unrouted_total", "Alerts that no rule, or a failing one, placed: they page at the unrouted level."
    ),
    _counter("alerts_suppressed_total", "Alerts that a rule suppressed."),
    _counter(
        "shadow_alerts_total",
        "Alerts that the shadow rules judged, by whether they said the same as the live ones.",
        ("outcome",),
        outcome=("same", "differs", "failed"),
    ),
    _counter(
        "recoveries_doubted_total",
        "Incidents whose alerts ended with too many others of a source without its Watchdog, and that stay open.",
    ),
    _counter(
        "alerts_reconciled_total", "Alerts that none of their Alertmanagers knew any more, and that were resolved."
    ),
    _counter("alerts_hidden_by_windows_total", "Alerts that began while a maintenance window hid their incident."),
    _gauge("windows_active", "Maintenance windows that are active now, of windows.yaml and made by hand."),
    _counter("rule_errors_total", "Rules or placeholders that failed on an alert."),
    _counter("quarantined_total", "Number of alerts without labels, kept in quarantine."),
    _counter("alerts_repaired_total", "Number of alerts with a part that could not be read and was left out."),
    _counter(
        "alerts_truncated_total",
        "Number of alerts that senders left out of webhooks (max_alerts); an unknown number counts as 1.",
    ),
    _counter(
        "inbound_rejected_total",
        "Number of requests refused, by edge and reason.",
        ("edge", "reason"),
        edge=("alertmanager", "pagerduty", "slack", "twilio", "webhooks", "api"),
        reason=("auth", "rate_limited", "malformed", "too_large", "overloaded", "unmatched"),
    ),
    _counter(
        "senders_refused_total",
        "Number of requests refused for a wrong or missing token or signature, by whether their sender was accepted "
        "within a week.",
        ("edge", "known"),
        edge=("alertmanager", "pagerduty", "slack", "twilio", "webhooks"),
        known=("yes", "no"),
    ),
    _gauge("connections_open", "Number of connections to the HTTP server that are open."),
    _counter(
        "connections_closed_total",
        "Number of connections that the daemon closed because their peer used up too much, by reason.",
        ("reason",),
        reason=("too_many", "too_many_of_peer", "made_room", "slow_head", "slow_reader"),
    ),
    _counter("accept_errors_total", "Number of times that the system refused to accept a connection."),
    _gauge_of_data(
        "alertmanagers_reachable",
        "Replicas of a source that could be asked the last time, of those in `sources:`.",
        ("source",),
    ),
    _gauge_of_data("heartbeat_age_seconds", "How long ago a source's Watchdog was last seen.", ("source",)),
    # What goes out.
    _counter("pages_total", "Pages by channel and final outcome.", ("channel", "outcome"), outcome=_FINAL_STATES),
    _counter(
        "deliveries_total",
        "Attempts at delivering anything, by the channel's own classification.",
        ("channel", "job", "outcome"),
        job=tuple(job.value for job in Job),
        outcome=tuple(outcome.value for outcome in Outcome),
    ),
    _histogram(
        "page_latency_seconds", "From the webhook that led to a page to the provider's yes.", ("channel",), _PAGE
    ),
    _histogram("escalation_lateness_seconds", "How much later than planned a step of the ladder fired.", (), _LATENESS),
    _counter("delivery_fallback_total", "Pages that were late or dead: another way was used, or somebody else told."),
    _counter("possible_duplicates_total", "Deliveries repeated after an attempt without an answer.", ("channel",)),
    # Who is on call.
    _gauge_of_data("oncall_people", "How many people are on call for a rotation now; 0 is a gap.", ("rotation",)),
    _gauge_of_data(
        "oncall_gap_begins_in_seconds",
        "How long until nobody is on call for a rotation without a backup, within 14 days; 0 while nobody is.",
        ("rotation",),
    ),
    _gauge("people_unreachable", "People whom playbooks may page and who have no contact method that works."),
    _gauge_of_data(
        "oncall_calendar_faults",
        "Number of events of a rotation's calendars that cannot be read; a shift may be missing.",
        ("rotation",),
    ),
    _counter(
        "oncall_source_failures_total", "Times that a source of people on call did not say who they are.", ("source",)
    ),
    _gauge("outbox_pending", "Rows that wait to be delivered.", ("channel",)),
    _gauge("outbox_oldest_seconds", "Age of the oldest row that waits to be delivered.", ("channel",)),
    # The daemon itself.
    _gauge("config_last_reload_successful", "1 when the configuration on disk is the running one."),
    _gauge("config_last_reload_success_timestamp_seconds", "When a configuration was last taken over."),
    _counter("config_reloads_total", "Reloads that were asked for.", ("outcome",), outcome=("taken_over", "refused")),
    _histogram("event_loop_lag_seconds", "How late the event loop woke up.", (), _LAG),
    _histogram(
        "store_transaction_seconds",
        "Duration of a transaction, its commit included.",
        ("op",),
        _TRANSACTION,
        op=("ingest", "due", "deliver", "respond", "reconcile"),
    ),
    _gauge("commit_process_up", "1 while a second process commits batches of alerts, 0 while the daemon does itself."),
    _gauge("store_writable", "1 while the store commits and has room for more, 0 when not."),
    _gauge_of_data("worker_cycle_age_seconds", "How long ago a worker last finished a cycle.", ("worker",)),
    _gauge_of_data(
        "worker_cycle_allowance_seconds",
        "Longest time without a finished cycle, after which a worker counts as stuck.",
        ("worker",),
    ),
    _counter("clock_jumps_total", "Jumps of the wall clock against the monotonic one."),
    _counter("invariant_violations_total", "Broken invariants that the auditor found.", ("rule",)),
    _gauge("build_info", "1, labelled with what is running.", ("version", "python")),
)
