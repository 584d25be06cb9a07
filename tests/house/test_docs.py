"""The documents are in step with the code."""

import ast
import re
from pathlib import Path

import pytest
import yaml

import tocsin
from tocsin.cli.main import VERBS
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, Metric

REPOSITORY = Path(__file__).parents[2]
METRICS_PAGE = (REPOSITORY / "config/prometheus/README.md").read_text()
PROMISE = (
    "every alert answered with 200 is durable; every escalation step takes effect exactly once; every page is "
    "delivered at least once, and where the provider has an idempotency key it is seen once; a duplicate is "
    "preferred to a loss, and every possible duplicate is labelled and counted."
)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_has_its_row(metric: Metric) -> None:
    labels = ", ".join(f"`{label}`" for label in metric.labels)

    assert f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} |" in METRICS_PAGE


def test_no_row_is_about_a_metric_that_is_gone() -> None:
    rows = set(re.findall(rf"^\| `{PREFIX}(\w+)` \|", METRICS_PAGE, re.MULTILINE))

    assert rows == {metric.name for metric in CATALOGUE}


def test_alerts_and_recording_rules_ask_for_metrics_that_exist() -> None:
    series = {PREFIX + metric.name + suffix for metric in CATALOGUE for suffix in ("", "_sum", "_count", "_bucket")}
    asked = set()
    for name in ("tocsin-alerts.yml", "tocsin-recording.yml"):
        groups = yaml.safe_load((REPOSITORY / "config/prometheus" / name).read_text())["groups"]
        asked |= {
            found for group in groups for rule in group["rules"] for found in re.findall(r"\btocsin_\w+", rule["expr"])
        }

    assert asked
    assert asked <= series


def test_every_alert_about_tocsin_is_in_the_metrics_page_and_goes_past_tocsin() -> None:
    groups = yaml.safe_load((REPOSITORY / "config/prometheus/tocsin-alerts.yml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]

    assert [rule["alert"] for rule in alerts if f"`{rule['alert']}`" not in METRICS_PAGE] == []
    assert {rule["labels"]["about"] for rule in alerts} == {"tocsin"}
    assert {rule["labels"]["severity"] for rule in alerts} <= {"critical", "warning"}


def test_the_readme_makes_the_promise_word_for_word() -> None:
    readme = " ".join((REPOSITORY / "README.md").read_text().replace("**", "").split())

    assert PROMISE in readme
    assert "exactly once delivery" not in readme.lower()


def test_the_readme_names_every_verb() -> None:
    readme = (REPOSITORY / "README.md").read_text()

    assert [verb for verb in VERBS if f"`tocsin {verb}" not in readme] == []


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CHANGELOG.md",
        "tests/README.md",
        "systemd/README.md",
        "config/prometheus/README.md",
        "config/playbooks/README.md",
    ],
)
def test_a_link_to_a_file_leads_to_a_file(page: str) -> None:
    path = REPOSITORY / page
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{tocsin.__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_every_target_of_make_says_what_it_does() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony
    told = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) - {"lint"} == told


def test_every_metric_is_told_by_somebody() -> None:
    package = REPOSITORY / "daemon" / "tocsin"
    code = [path for path in package.rglob("*.py") if "telemetry" not in path.relative_to(package).parts]
    told = {
        node.value for path in code for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
    }

    by_itself = {"build_info"}
    assert {metric.name for metric in CATALOGUE} - told == by_itself
