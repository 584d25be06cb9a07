"""The dedup key of an alert: the default, additional labels, and a rule's own key."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.making import alert, rule, rule_set
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.rules.verdict import LONGEST_KEY, LONGEST_TITLE, bounded_key, default_key


def test_the_default_key_reads_well() -> None:
    labels = {"alertname": "HighErrorRate", "cluster": "eu-1", "namespace": "prod", "pod": "x", "queue": "a/b"}
    key = default_key("default", "emergency-response", "api", labels)
    assert key == "default/emergency-response/api/HighErrorRate/eu-1/prod"
    with_queue = default_key("default", "emergency-response", "api", labels, ("cluster", "queue", "topic"))
    assert with_queue == "default/emergency-response/api/HighErrorRate/eu-1/prod/queue=a%2Fb"


PART = st.one_of(st.text(st.sampled_from("/%2F5a="), max_size=4), st.text(max_size=120))
KEY = st.tuples(PART, PART, PART, PART, PART, PART, PART, PART)


def key_of(parts: tuple[str, ...]) -> str:
    source, playbook, service, name, cluster, namespace, queue, topic = parts
    labels = {"alertname": name, "cluster": cluster, "namespace": namespace, "queue": queue, "topic": topic}
    return default_key(source, playbook, service, labels, ("queue", "topic"))


@given(KEY, KEY)
@example(("s", "p", "a/b", "c", "", "", "", ""), ("s", "p", "a", "b/c", "", "", "", ""))
@example(("s", "p", "a/b", "", "", "", "", ""), ("s", "p", "a%2Fb", "", "", "", "", ""))
@example(("s", "p", "x" * 300, "", "", "", "", ""), ("s", "p", "x" * 301, "", "", "", "", ""))
@example(("s", "p", "a", "", "", "x/topic=y", "", ""), ("s", "p", "a", "", "", "x", "", "y"))
@example(("s", "p", "a", "", "", "", "x/topic=y", ""), ("s", "p", "a", "", "", "", "x", "y"))
@example(("s/p", "", "a", "", "", "", "", ""), ("s", "p/", "a", "", "", "", "", ""))
def test_two_different_tuples_never_share_a_key(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (key_of(one) == key_of(other)) is (one == other)
    assert len(key_of(one)) <= LONGEST_KEY


@pytest.mark.parametrize(
    "name",
    ["service", "service_name", "service.name", "app", "application", "job", "namespace", "host", "hostname", "node"],
)
def test_a_label_that_names_the_service_keeps_checkout_and_payments_apart(name: str) -> None:
    rules = rule_set(rule("a", severity="SEV-1"))
    verdicts = [rules.evaluate(alert(alertname="Slow", **{name: value})) for value in ("checkout", "payments")]
    assert [verdict.service for verdict in verdicts] == ["checkout", "payments"]
    assert len({verdict.dedup_key for verdict in verdicts}) == 2


def test_the_service_of_a_program_counts_more_than_where_it_runs() -> None:
    rules = rule_set(rule("a", severity="SEV-1"))
    assert rules.evaluate(alert(job="otel-collector", service_name="checkout", host="h1")).service == "checkout"
    assert rules.evaluate(alert(job="checkout", host="h1")).service == "checkout"


COPIES = [{"pod": f"p{n}", "container": f"c{n}", "replica": f"r{n}", "instance": f"10.0.0.{n}:80"} for n in range(30)]


def test_thirty_pods_of_which_nothing_is_known_are_one_incident() -> None:
    rules = rule_set(rule("a", severity="SEV-1"))
    alerts = [alert(alertname="Slow", severity=("page", "warn")[n % 2], **copy) for n, copy in enumerate(COPIES)]
    assert {rules.evaluate(each).dedup_key for each in alerts} == {"default/er/unknown/Slow//"}


def test_an_alert_without_identifying_labels_is_distinguished_by_all_labels() -> None:
    rules = rule_set(rule("a", severity="SEV-1"))
    verdict = rules.evaluate(alert(alertname="Slow", team="shop", route="/pay", instance="h1", severity="page"))
    assert verdict.dedup_key == "default/er/unknown/Slow///instance=h1/route=%2Fpay/team=shop"
    scraped = rule_set(rule("a", severity="SEV-1", service="unknown")).evaluate(alert(job="federate", instance="h1"))
    assert scraped.dedup_key == "default/er/unknown////job=federate"


def test_the_same_labels_from_two_sources_are_two_incidents() -> None:
    rules = rule_set(rule("a", severity="SEV-1"), rule("b", 'own="yes"', dedup_key="{__source__}/{alertname}"))
    labels = {"alertname": "Slow", "service": "api"}
    for own in ({}, {"own": "yes"}):
        alerts = [Alert(source, "f1", AlertStatus.FIRING, labels | own) for source in ("eu", "us")]
        assert len({rules.evaluate(each).dedup_key for each in alerts}) == 2


def test_every_text_of_a_rule_may_name_the_source() -> None:
    from_eu = Alert("eu", "f1", AlertStatus.FIRING, {"alertname": "Slow"})
    rules = rule_set(
        rule("a", severity="SEV-1", title="{alertname} in {__source__}"),
        rule("b", team="{__source__}-team", labels={"origin": "{__source__}"}, service="{origin}"),
    )
    verdict = rules.evaluate(from_eu)
    assert (verdict.title, verdict.team, verdict.service) == ("Slow in eu", "eu-team", "eu")
    assert verdict.labels == {"alertname": "Slow", "origin": "eu"}


def test_key_labels_of_several_rules_add_up_and_an_own_key_is_left_alone() -> None:
    adding = (rule("a", severity="SEV-1", key_labels=("zone",)), rule("b", key_labels=("device", "zone", "namespace")))
    labels = {"alertname": "Full", "job": "disks", "zone": "b", "device": "sda", "namespace": "ops"}
    assert rule_set(*adding).evaluate(alert(**labels)).dedup_key == "default/er/disks/Full//ops/device=sda/zone=b"
    assert rule_set(*adding, rule("c", dedup_key="x")).evaluate(alert(**labels)).dedup_key == "x"


def test_a_key_that_is_too_long_keeps_its_beginning_and_stays_unique() -> None:
    one, other = bounded_key("a" * 300), bounded_key("a" * 301)
    assert one != other
    assert len(one) == len(other) == LONGEST_KEY
    assert one.startswith("a" * 200)
    assert bounded_key("a" * LONGEST_KEY) == "a" * LONGEST_KEY


def test_a_rules_own_key_and_title_are_bounded_too() -> None:
    verdict = rule_set(rule("a", severity="SEV-1", dedup_key="{x}", title="{x}")).evaluate(alert(x="y" * 300))
    assert len(verdict.dedup_key) == LONGEST_KEY
    assert len(verdict.title) == LONGEST_TITLE
