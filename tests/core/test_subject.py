"""The fields of an incident's subject, from the rules to the incident."""

from core.ladders import rich
from core.making import alert, rule, rule_set
from tocsin.core.alerts.subject import FIELDS, subject_fields, subject_of
from tocsin.core.incident.escalation import unopened


def test_a_rule_can_set_each_field_of_the_subject_and_the_incident_has_it() -> None:
    texts = {name: f"https://example.com/{name}" for name in FIELDS}
    verdict = rule_set(rule("all", **texts)).evaluate(alert(alertname="Slow"))

    incident = unopened(incident_id="id", number=1, dedup_key="key", plan=rich(), subject=subject_of(verdict), now=1)

    assert subject_fields(incident) == texts
