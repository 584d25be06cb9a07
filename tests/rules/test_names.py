"""The shipped rules use the first word of an alert's name, in any case, and nothing more."""

import re
from pathlib import Path

import pytest
import yaml

from rules.shipped import CHOOSING, judge, shipped
from tocsin.core.matching.matcher import Matcher
from tocsin.core.rules.rule import Rule

FAMILIES = yaml.safe_load((Path(__file__).parents[1] / "fixtures/rules/families.yaml").read_text())
BY_NAME = [
    rule
    for rule in shipped().rules
    if rule not in CHOOSING and any(matcher.name == "alertname" for clause in rule.clauses for matcher in clause)
]
FAMILY = re.compile(r"\(\?i:(?P<words>.+)\)\(\[\^a-z\]\.\*\)\?")
"""The idiom of README.md: words that ignore case, and what must not go on with a lower-case letter."""
TAKEN = [(rule.name, name) for rule in BY_NAME for name in FAMILIES[rule.name]["takes"]]
LEFT = [(rule.name, name) for rule in BY_NAME for name in FAMILIES[rule.name]["leaves"]]


def rule_of(name: str) -> Rule:
    return next(rule for rule in BY_NAME if rule.name == name)


def takes(rule: Rule, alertname: str) -> bool:
    """Say whether the rule takes an alert of this name, whatever it asks of other labels.

    The clauses of ``watchdog`` that ask for a severity as well have tests of their own.
    """
    clauses = [clause for clause in rule.clauses if rule.name != "watchdog" or len(clause) == 1]
    by_name = [[matcher for matcher in clause if matcher.name == "alertname"] for clause in clauses]
    return any(names and all(matcher.test(alertname) for matcher in names) for names in by_name)


def patterns() -> list[tuple[str, Matcher]]:
    """Every expression on an alert's name, with its rule."""
    found = {
        (rule.name, matcher)
        for rule in shipped().rules
        for clause in rule.clauses
        for matcher in clause
        if matcher.name == "alertname"
    }
    return sorted(found, key=str)


def families() -> list[tuple[str, str]]:
    """The words of each rule that goes by the first word of a name."""
    return [(rule, family["words"]) for rule, matcher in patterns() if (family := FAMILY.fullmatch(matcher.value))]


def test_every_rule_that_goes_by_a_name_has_names_that_it_takes_and_names_that_it_leaves() -> None:
    assert set(FAMILIES) == {rule.name for rule in BY_NAME}
    assert all(examples["takes"] and examples["leaves"] for examples in FAMILIES.values())


@pytest.mark.parametrize(("rule", "alertname"), TAKEN, ids=map(" ".join, TAKEN))
def test_a_rule_takes_the_names_of_its_family(rule: str, alertname: str) -> None:
    assert takes(rule_of(rule), alertname)


@pytest.mark.parametrize(("rule", "alertname"), LEFT, ids=map(" ".join, LEFT))
def test_a_rule_leaves_a_name_that_only_looks_alike(rule: str, alertname: str) -> None:
    assert not takes(rule_of(rule), alertname)


@pytest.mark.parametrize(("rule", "matcher"), patterns(), ids=[rule for rule, _ in patterns()])
def test_no_pattern_on_a_name_depends_on_upper_and_lower_case(rule: str, matcher: Matcher) -> None:
    assert matcher.op in ("=~", "!~"), rule
    assert matcher.value.startswith("(?i)") or FAMILY.fullmatch(matcher.value), f"{rule}: write it as README.md says"


@pytest.mark.parametrize(("rule", "words"), families(), ids=[rule for rule, _ in families()])
def test_a_family_is_taken_in_every_spelling_and_ends_where_its_word_ends(rule: str, words: str) -> None:
    word = re.compile(words, re.IGNORECASE)
    whole = Matcher("alertname", "=~", f"(?i:{words})([^a-z].*)?")
    for name in FAMILIES[rule]["takes"]:
        ends = [end for end in range(1, len(name) + 1) if word.fullmatch(name, 0, end)]
        first = name[: max(end for end in ends if not name[end : end + 1].islower())]
        for spelled in (first.upper(), first.lower(), first.title(), first.capitalize()):
            for rest in ("", "Down", "_down", "-down", " is down", "5Down", ".down", "DOWN"):
                assert whole.test(spelled + rest), spelled + rest
        assert not any(whole.test(spelled + "zqyDown") for spelled in (first.lower(), first.capitalize()))


@pytest.mark.parametrize("severity", ["none", "warning", "critical", "deadman", "info", ""])
@pytest.mark.parametrize("name", FAMILIES["watchdog"]["takes"])
def test_every_spelling_of_a_watchdog_is_a_sign_of_life_at_any_severity(name: str, severity: str) -> None:
    verdict = judge(shipped(), alertname=name, severity=severity)
    assert (verdict.heartbeat, verdict.suppress, verdict.unrouted) == (True, False, False)


@pytest.mark.parametrize(
    ("labels", "heartbeat"),
    [
        ({"alertname": "Heartbeat", "severity": "none"}, True),
        ({"alertname": "PromgenHeartbeat", "severity": "info"}, True),
        ({"alertname": "MeshAlive", "severity": "deadman"}, True),
        ({"alertname": "MeshAlive", "severity": "Heartbeat"}, True),
        ({"alertname": "Heartbeat", "severity": "warning"}, False),
        ({"alertname": "Heartbeat", "severity": "critical"}, False),
        ({"alertname": "HeartbeatLost", "severity": "none"}, False),
        ({"alertname": "DeadMansSwitchMissing", "severity": "critical"}, False),
    ],
)
def test_what_may_be_a_trouble_is_a_sign_of_life_only_where_its_severity_says_so(
    labels: dict[str, str], heartbeat: bool
) -> None:
    assert judge(shipped(), **labels).heartbeat is heartbeat


BACKUPS = ["BackupFailed", "BACKUPFailed", "backup_failed", "MgobBackupFailed", "RedisMissingBackup", "BackupJobFailed"]


@pytest.mark.parametrize("name", BACKUPS)
@pytest.mark.parametrize(("severity", "level"), [("critical", "SEV-2"), ("warning", "SEV-3"), ("info", "SEV-4")])
def test_a_backup_that_fails_is_as_urgent_as_its_severity_says(name: str, severity: str, level: str) -> None:
    assert judge(shipped(), alertname=name, severity=severity, service="db").severity == level
