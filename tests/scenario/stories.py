"""One incident of each of the five playbooks, as its people would tell it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Story:
    """The events, in words of the playbook."""

    labels: dict[str, str]
    summary: str
    facts: dict[str, str]
    """The findings of the responders, in this order."""
    impact: dict[str, str]
    """The facts about the impact, which are known before the first draft is confirmed."""


STORIES = {
    "erlmcp": Story(
        {"alertname": "RegionDown", "severity": "P0", "scenario": "regional-outage", "region": "eu-west"},
        "Nothing answers in eu-west",
        {
            "failover_completed": "eu-central serves all requests",
            "root_cause": "A broken link between two sites",
            "resolution": "Traffic moved to the backup region",
        },
        {"users_affected": "about 4,000 in Europe", "expected_resolution": "within the hour"},
    ),
    "ultimate-marketing": Story(
        {"alertname": "ApiDown", "severity": "P1", "automated_recovery": "no", "customer_facing": "true"},
        "The API answers nobody",
        {"root_cause": "A deployment without its migration", "resolution": "Rolled back"},
        {
            "impact": "No campaign can be edited; all customers",
            "customer_impact": "Campaigns cannot be edited",
            "hypotheses": "The last deployment: compare its migrations",
            "mitigation_plan": "Roll the deployment back; no risk, as it changed no data",
        },
    ),
    "service-quick-reference": Story(
        {"alertname": "ServiceDown", "severity": "critical"},
        "/health does not answer",
        {"root_cause": "The disk was full", "prevention": "An alert at 80 %"},
        {
            "users_affected": "all",
            "business_impact": "No orders",
            "impact": "No orders",
            "expected_resolution": "10:00 UTC",
        },
    ),
    "emergency-response": Story(
        {"alertname": "CheckoutDown", "severity": "emergency", "data_breach": "true"},
        "Nobody can pay",
        {"root_cause": "An expired certificate", "impact": "All customers"},
        {"expected_resolution": "10:00 UTC", "next_steps": "renew the certificate"},
    ),
    "mgmt-vibe": Story(
        {"alertname": "AppDown", "severity": "SEV-0", "customer_impact": "true"},
        "The application is down for all customers",
        {"root_cause": "The connection pool was exhausted", "prevention": "A limit for each client"},
        {
            "impact": "All customers",
            "customer_impact": "the whole application",
            "recent_changes": "none today",
            "expected_resolution": "10:00 UTC",
        },
    ),
}


def alert_of(playbook: str) -> dict[str, Any]:
    """Return the alert of a playbook's story, as Prometheus posts it to Alertmanager."""
    story = STORIES[playbook]
    return {
        "labels": {"service": playbook, "playbook": playbook, **story.labels},
        "annotations": {"summary": story.summary},
    }
