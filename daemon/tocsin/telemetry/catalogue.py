"""The catalog of all metrics as data: name, kind, help, labels, buckets.

A new metric is one entry here; `make docs` writes the table of metrics in config/prometheus/README.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.incident import OPEN, WaitReason
from tocsin.core.incident.outbox import Job, RowState
from tocsin.core.incident.sla import Promise
from tocsin.core.measures.records import TARGETS
from tocsin.ports.channel import Outcome
from tocsin.ports.observer import Limit

PREFIX = "tocsin_"

_OPEN_STATES = tuple(state.value for state in OPEN)
_FINAL_STATES = tuple(state.value for state in RowState if state is not RowState.PENDING)

_ACKNOWLEDGE = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_RESOLVE = (60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800)
_PAGE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)
_COMMIT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENESS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
_LAG = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TRANSACTION = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MetricKind(StrEnum):
    """The type of a metric in Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. Its name is without the prefix ``tocsin_``; a counter's name includes ``_total``."""

    kind: MetricKind
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, in seconds."""
    known: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The values of labels with a fixed list of values: their series exist from the start."""
    absent: bool = False
    """True if a series exists only while there is data: no series is created at the start, and no data is not 0."""


def _counter(name: str, text: str, labels: tuple[str, ...] = (), **known: tuple[str, ...]) -> Metric:
    return Metric(MetricKind.COUNTER, name, text, labels, known=MappingProxyType(known))


def _gauge(name: str, text: str, labels: tuple[str, ...] = (), **known: tuple[str, ...]) -> Metric:
    return Metric(MetricKind.GAUGE, name, text, labels, known=MappingProxyType(known))


def _gauge_of_data(name: str, text: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(MetricKind.GAUGE, name, text, labels, absent=True)


def _histogram(
    name: str, text: str, labels: tuple[str, ...], buckets: tuple[float, ...], **known: tuple[str, ...]
) -> Metric:
    return Metric(MetricKind.HISTOGRAM, name, text, labels, buckets, MappingProxyType(known))


_LEVEL = ("playbook", "severity")

CATALOGUE: tuple[Metric, ...] = (
    # The response to incidents.
    _histogram(
        "incident_time_to_acknowledge_seconds",
        "Time from the trigger of an occurrence to its first acknowledgment by a person.",
        _LEVEL,
        _ACKNOWLEDGE,
    ),
    _histogram(
        "incident_time_to_resolve_seconds",
        "Time from the trigger of an occurrence to its end: the end of its last alert, or a resolve by a person.",
        _LEVEL,
        _RESOLVE,
    ),
    _histogram(
        "incident_time_to_detect_seconds",
        "Time from the reported start of the first alert to the trigger, for each occurrence that has ended.",
        _LEVEL,
        _ACKNOWLEDGE,
    ),
    _gauge_of_data("mtta_seconds", "Mean time to acknowledge over the last 30 days, from the store.", _LEVEL),
    _gauge_of_data("mttr_seconds", "Mean time to resolve over the last 30 days, from the store.", _LEVEL),
    _counter("resolved_unacknowledged_total", "Number of occurrences that ended without an acknowledgment.", _LEVEL),
    # Targets of the severities, and follow-ups.
    _counter(
        "slo_breaches_total",
        "Number of missed targets of a severity, at most one per target and occurrence.",
        (*_LEVEL, "target"),
        target=tuple(promise.value for promise in Promise),
    ),
    _counter(
        "post_mortems_total",
        "Number of postmortems that were completed or waived.",
        (*_LEVEL, "outcome"),
        outcome=("in_time", "late", "waived"),
    ),
    _counter(
        "duties_total",
        "Number of duties of a playbook, including postmortems, that were done or waived.",
        (*_LEVEL, "outcome"),
        outcome=("in_time", "late", "waived"),
    ),
    _counter("duty_breaches_total", "Number of duties of a playbook that were not done by their deadline.", _LEVEL),
    _counter(
        "action_items_done_total",
        "Number of completed action items.",
        ("playbook", "outcome"),
        outcome=("in_time", "late"),
    ),
    # Measures of the last 30 days, from the store: computed every two minutes.
    _gauge_of_data("mttd_seconds", "Mean time to detect over the last 30 days, from the store.", _LEVEL),
    _gauge_of_data(
        "mtbf_seconds",
        "Mean time between incidents of a playbook over the last 30 days, from two incidents on.",
        ("playbook",),
    ),
    _gauge_of_data(
        "service_mtbf_seconds",
        "Mean time between incidents of a service in `reports.services` over the last 30 days, from two incidents on.",
        ("service",),
    ),
    _gauge("recent_incidents", "Number of incidents that began within the last 30 days.", _LEVEL),
    _gauge(
        "recent_targets",
        "Number of targets of a severity that were met or missed within the last 30 days.",
        (*_LEVEL, "target", "outcome"),
        target=tuple(promise.value for promise in TARGETS),
        outcome=("met", "missed"),
    ),
    _gauge_of_data(
        "recent_affected_users",
        "Number of affected users of the incidents that began within the last 30 days, from the fact `users_affected`.",
        ("playbook",),
    ),
    _gauge(
        "recent_post_mortems",
        "Number of postmortems that were due within the last 30 days; `late` are completed late or overdue.",
        ("playbook", "outcome"),
        outcome=("in_time", "late", "waived"),
    ),
    _gauge(
        "recent_duties",
        "Number of duties other than postmortems that were due within the last 30 days, of those that the playbook has;"
        " `late` are done late or overdue.",
        ("playbook", "duty", "outcome"),
        outcome=("in_time", "late", "waived"),
    ),
    _gauge("duties_open", "Number of open duties other than postmortems.", ("playbook", "duty")),
    _gauge("duties_overdue", "Number of these whose due time has passed.", ("playbook", "duty")),
    _gauge("action_items_open", "Number of open action items.", ("playbook",)),
    _gauge("action_items_overdue", "Number of open action items whose due time has passed.", ("playbook",)),
    _gauge_of_data(
        "recent_recoveries",
        "Number of incidents of the last 30 days that met or missed an objective (`rto`, `rpo`) in `reports.services`;"
        " `unknown` lack the fact `data_loss`.",
        ("service", "objective", "outcome"),
    ),
    _gauge(
        "recent_pages",
        "Number of pages to people within the last 30 days, by time of the day where they are.",
        ("time",),
        time=("day", "night"),
    ),
    _gauge("recent_people_paged", "Number of people who were paged within the last 30 days."),
    _gauge(
        "recent_disturbed_nights",
        "Number of nights with a page within the last 30 days; one person in one night is one.",
    ),
    _gauge(
        "recent_pages_of_busiest_person",
        "Number of pages to the person who got the most within the last 30 days.",
    ),
    _gauge_of_data(
        "goal_met",
        "1 if the last 30 days meet a goal of the playbook, 0 if not. Goals: `mttr`, `mttd`, `incidents_a_month`,"
        " `post_mortems_in_time`.",
        ("playbook", "goal", "severity"),
    ),
    _gauge_of_data(
        "goal_seconds",
        "Time from the playbook's goals that the mean has to be below.",
        ("playbook", "goal", "severity"),
    ),
    _gauge_of_data(
        "goal_incidents_a_month",
        "Number of incidents a month from the playbook's goals that the count has to be below.",
        ("playbook",),
    ),
    # Incidents.
    _gauge("incidents_open", "Number of open incidents, by state.", (*_LEVEL, "state"), state=_OPEN_STATES),
    _counter("incidents_opened_total", "Number of occurrences: incidents opened or reopened.", _LEVEL),
    _gauge(
        "incidents_exhausted",
        "Number of open, unacknowledged incidents whose escalation ladder is exhausted.",
        ("playbook",),
    ),
    _counter("storms_total", "Number of storms, by the playbook that they follow.", ("playbook",)),
    _gauge(
        "storm_members_waiting",
        "Number of open incidents whose ladder waits for a storm, by the storm's target.",
        ("target",),
    ),
    _counter(
        "waits_total",
        "Number of times that an escalation ladder began to wait, by reason.",
        ("reason",),
        reason=tuple(reason.value for reason in WaitReason),
    ),
    # Inbound requests and alerts.
    _counter(
        "webhooks_received_total",
        "Number of webhooks from Alertmanager, by HTTP status of the answer.",
        ("code",),
        code=("200", "400", "401", "403", "413", "429", "500", "503"),
    ),
    _histogram(
        "webhook_commit_seconds",
        "Time from the last byte of a webhook from Alertmanager to its answer, which waits for the commit.",
        (),
        _COMMIT,
    ),
    _counter(
        "alerts_received_total",
        "Number of alerts accepted from webhooks, by status.",
        ("status",),
        status=tuple(status.value for status in AlertStatus),
    ),
    _counter(
        "alerts_unrouted_total",
        "Number of alerts that no rule routed, or whose rule failed; they page at the unrouted severity.",
    ),
    _counter("alerts_suppressed_total", "Number of alerts that a rule suppressed."),
    _counter(
        "shadow_alerts_total",
        "Number of alerts that the shadow rules evaluated, by comparison with the live rules.",
        ("outcome",),
        outcome=("same", "differs", "failed"),
    ),
    _counter(
        "recoveries_doubted_total",
        "Number of incidents kept open because many alerts of a source (at least ten, and at least half) ended"
        " within 5 minutes while its Watchdog was missing.",
    ),
    _counter(
        "alerts_reconciled_total",
        "Number of alerts that were resolved because no Alertmanager of their source knew them any more.",
    ),
    _counter(
        "alerts_hidden_by_windows_total",
        "Number of alerts that began while a maintenance window hid their incident. They are recorded, and no one"
        " was paged for them.",
    ),
    _gauge("windows_active", "Number of active maintenance windows, from windows.yaml or created manually."),
    _counter("rule_errors_total", "Number of rules or placeholders that failed on an alert."),
    _counter("quarantined_total", "Number of alerts without labels, kept in quarantine."),
    _counter(
        "alerts_repaired_total", "Number of alerts with an unreadable or too long part, which was omitted or cut."
    ),
    _counter(
        "alerts_truncated_total",
        "Number of alerts that senders omitted from webhooks (max_alerts); an unknown number counts as 1.",
    ),
    _counter(
        "inbound_rejected_total",
        "Number of rejected requests, by edge and reason.",
        ("edge", "reason"),
        edge=("alertmanager", "pagerduty", "slack", "twilio", "webhooks", "api"),
        reason=(
            *("auth", "rate_limited", "malformed", "unprocessable", "too_large", "too_many", "overloaded"),
            "unmatched",
        ),
    ),
    _counter(
        "limits_exceeded_total",
        "Number of times that something exceeded a limit that is not an error and that no other metric counts, by"
        " limit (the names are in config/README.md, under Limits).",
        ("limit",),
        limit=tuple(limit.value for limit in Limit),
    ),
    _counter(
        "senders_refused_total",
        "Number of requests rejected for a wrong or missing token or signature, by whether their sender was accepted "
        "within the last week.",
        ("edge", "known"),
        edge=("alertmanager", "pagerduty", "slack", "twilio", "webhooks"),
        known=("yes", "no"),
    ),
    _gauge("connections_open", "Number of open connections to the HTTP server."),
    _counter(
        "connections_closed_total",
        "Number of connections that the daemon closed because of a limit, by reason: `too_many` and"
        " `too_many_of_peer` were refused, `made_room` had waited longest, `slow_head` and `slow_reader` took too"
        " long, the request head of `bad_head` was too large or not HTTP, `idle` had no request for 75 s.",
        ("reason",),
        reason=("too_many", "too_many_of_peer", "made_room", "slow_head", "slow_reader", "bad_head", "idle"),
    ),
    _counter(
        "accept_errors_total",
        "Number of times that the system refused to accept a connection. Above 0, the process is short of file"
        " descriptors or memory.",
    ),
    _gauge_of_data(
        "alertmanagers_reachable",
        "Number of Alertmanager replicas of a source (in `sources:`) that answered the last query. At 0, nothing"
        " is reconciled.",
        ("source",),
    ),
    _gauge_of_data("heartbeat_age_seconds", "Time since a source's Watchdog was last received.", ("source",)),
    # Deliveries.
    _counter(
        "pages_total",
        "Number of pages, by channel and final outcome.",
        ("channel", "outcome"),
        outcome=_FINAL_STATES,
    ),
    _counter(
        "deliveries_total",
        "Number of delivery attempts, by channel, job and outcome.",
        ("channel", "job", "outcome"),
        job=tuple(job.value for job in Job),
        outcome=tuple(outcome.value for outcome in Outcome),
    ),
    _histogram(
        "page_latency_seconds",
        "Time from the moment a page was due, at first the commit of its webhook, to its acceptance by the provider.",
        ("channel",),
        _PAGE,
    ),
    _histogram("escalation_lateness_seconds", "Delay of an escalation step after its planned time.", (), _LATENESS),
    _counter(
        "delivery_fallback_total",
        "Number of late or failed pages for which another contact method or recipient was used.",
    ),
    _counter(
        "possible_duplicates_total",
        "Number of deliveries repeated after an attempt without an answer.",
        ("channel",),
    ),
    # Drills.
    _counter(
        "drills_total",
        "Number of scheduled drills by outcome: acknowledged, unanswered, held (not paged) or failed (refused).",
        ("playbook", "outcome"),
        outcome=("acknowledged", "unanswered", "held", "failed"),
    ),
    _histogram(
        "drill_acknowledge_seconds",
        "Time from the opening of a scheduled drill to its acknowledgment. Drills count in no other measure.",
        ("playbook",),
        _ACKNOWLEDGE,
    ),
    _gauge(
        "not_drilled",
        "Number of people with a contact method, and of channels for pages, that delivered no drill in 91 days.",
        ("kind",),
        kind=("person", "channel"),
    ),
    # On-call.
    _gauge_of_data("oncall_people", "Number of people on call for a rotation now; 0 is a gap.", ("rotation",)),
    _gauge_of_data(
        "oncall_gap_begins_in_seconds",
        "Time until a gap in a rotation without a backup, within 14 days; 0 during a gap.",
        ("rotation",),
    ),
    _gauge("people_unreachable", "Number of people whom playbooks may page but who have no working contact method."),
    _gauge_of_data(
        "oncall_calendar_faults",
        "Number of unreadable events in a rotation's calendars; shifts may be missing.",
        ("rotation",),
    ),
    _counter(
        "oncall_source_failures_total",
        "Number of failed queries to a source of on-call people.",
        ("source",),
    ),
    _gauge("outbox_pending", "Number of messages waiting for delivery.", ("channel",)),
    _gauge("outbox_oldest_seconds", "Age of the oldest message waiting for delivery.", ("channel",)),
    # The daemon itself.
    _gauge("config_last_reload_successful", "1 if the last reload succeeded, 0 if it was refused."),
    _gauge("config_last_reload_success_timestamp_seconds", "Unix time of the last successful reload, or of the start."),
    _counter("config_reloads_total", "Number of reloads.", ("outcome",), outcome=("taken_over", "refused")),
    _histogram("event_loop_lag_seconds", "Delay of the event loop's wake-ups.", (), _LAG),
    _histogram(
        "store_transaction_seconds",
        "Duration of a transaction, including its commit.",
        ("op",),
        _TRANSACTION,
        op=("ingest", "due", "deliver", "respond", "reconcile"),
    ),
    _gauge("commit_process_up", "1 if a second process commits batches of alerts, 0 if the daemon does so itself."),
    _gauge("store_writable", "1 if the store commits and has free space, else 0."),
    _gauge_of_data("worker_cycle_age_seconds", "Time since a worker last finished a cycle.", ("worker",)),
    _gauge_of_data(
        "worker_cycle_allowance_seconds",
        "Time without a finished cycle after which a worker counts as stuck.",
        ("worker",),
    ),
    _counter("clock_jumps_total", "Number of jumps of the wall clock relative to the monotonic clock."),
    _counter("invariant_violations_total", "Number of invariant violations that the auditor found.", ("rule",)),
    _gauge("build_info", "Constant 1, labeled with the versions of tocsin and Python.", ("version", "python")),
)
