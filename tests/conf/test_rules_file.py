import re
from pathlib import Path
from textwrap import dedent

import pytest

from tocsin.conf.json_schema import rules_schema
from tocsin.conf.rules import load_rules
from tocsin.conf.rules.actions import KEYS, UNDER_SET
from tocsin.conf.source import Findings
from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.duration import parse_duration
from tocsin.core.matching.condition import CONDITIONS
from tocsin.core.playbook.playbook import Level, Playbook
from tocsin.core.rules.action import ACTIONS
from tocsin.core.rules.rules import RuleSet

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"


def playbook(name: str, levels: tuple[str, ...], unrouted: str, flags: tuple[str, ...] = ()) -> Playbook:
    built = tuple(Level(level, rank, 1, None, ()) for rank, level in enumerate(levels))
    return Playbook(name=name, title=name, levels=built, tiers=(), unrouted=unrouted, flags=flags)


PLAYBOOKS = {
    "emergency": playbook("emergency", ("SEV-1", "SEV-2", "SEV-3"), "SEV-2", ("data_breach", "major_impact")),
    "ops": playbook("ops", ("P1", "P2"), "P1", ("blocked",)),
}
MISTAKES = (FIXTURES / "mistakes.txt").read_text().strip().split("\n\n")[1:]
CATCH_ALL = """
- name: everything
  match: {}
  set: {playbook: emergency}
"""


class Folder:
    """A rules directory, and what reading it found."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings = Findings()

    def file(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def rules(self, text: str, with_catch_all: bool = True) -> None:
        listed = dedent(text).strip("\n") + (CATCH_ALL if with_catch_all else "\n")
        self.file("10.yaml", "rules:\n" + listed)

    def load(self, default: str = "emergency") -> RuleSet | None:
        return load_rules(self.path, PLAYBOOKS, default, self.findings)

    def problems(self) -> list[str]:
        assert (self.load() is None) is bool(self.findings.problems)
        return [str(problem).removeprefix(f"{self.path}/") for problem in sorted(self.findings.problems)]

    def warnings(self) -> list[str]:
        assert self.load() is not None, self.findings.problems
        return [str(warning).removeprefix(f"{self.path}/") for warning in sorted(self.findings.warnings)]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def alert(**labels: str) -> Alert:
    return Alert("default", "f1", AlertStatus.FIRING, labels)


def test_a_rule_with_everything_is_read(folder: Folder) -> None:
    folder.rules("""
        - name: full
          match:
            - team="db", severity=~"critical|page"
            - env!="dev"
          set:
            playbook: emergency
            severity: SEV-1
            service: "{team}"
            dedup_key: "{team}/{cluster|none}"
            title: "{alertname} {owner}"
          flags: [data_breach]
          labels: {owner: "{team}-people"}
          suppress: false
          self_heal: 1m30s
          stop: true
        """)
    rules = folder.load()
    assert rules is not None, folder.findings.problems
    verdict = rules.evaluate(alert(team="db", severity="page", alertname="Slow"))
    assert (verdict.playbook, verdict.severity, verdict.service) == ("emergency", "SEV-1", "db")
    assert (verdict.dedup_key, verdict.title, verdict.flags) == ("db/none", "Slow db-people", ("data_breach",))
    assert (verdict.hold, verdict.suppress, verdict.trace) == (90_000_000, False, ("full",))
    assert (rules.rules[0].path, rules.rules[0].line) == (str(folder.path / "10.yaml"), 2)
    assert rules.evaluate(alert(team="db", severity="page", env="dev")).trace == ("everything",)


def test_files_are_read_in_the_order_of_their_names(folder: Folder) -> None:
    folder.file("20.yaml", "rules: [{name: c, match: {}, set: {severity: SEV-3}}]")
    folder.file("10-b.yaml", "rules: [{name: b, match: [], set: {severity: SEV-2}}]")
    folder.file("10-a.yaml", "rules: [{name: a, match: '{}', set: {severity: SEV-1}}]")
    (folder.path / "tests").mkdir()
    (folder.path / "tests" / "00.yaml").write_text("nonsense: [")
    rules = folder.load()
    assert rules is not None, folder.findings.problems
    assert rules.evaluate(alert()).trace == ("a", "b", "c")
    assert rules.evaluate(alert()).severity == "SEV-3"


def test_an_empty_list_of_rules_is_fine_beside_others(folder: Folder) -> None:
    folder.rules("")
    folder.file("20.yaml", "rules: []")
    assert folder.problems() == []


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_directory_that_is_not_there_is_a_problem(folder: Folder) -> None:
    folder.path /= "nope"
    assert folder.problems() == [f"{folder.path}: cannot be read: No such file or directory"]


def test_a_directory_without_rules_is_a_problem(folder: Folder) -> None:
    assert folder.problems() == [f"{folder.path}: holds no rules; add a file such as 00-base.yaml"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- name: a", "20.yaml:1:1: a mapping is expected here; begin the file with `rules:`"),
        ("rules: 3", "20.yaml:1:1: a list of rules is expected here; write one `- name: ...` for each"),
        ("{}", "20.yaml:1:1: 'rules' is missing; begin the file with `rules:`"),
        ("rule: []\nrules: []", "20.yaml:1:1: unknown key 'rule'; did you mean rules?"),
        ("rules: [a]", "20.yaml:1:9: a rule is expected here; write `- name: ...` and `match: ...`"),
    ],
)
def test_a_file_of_another_form_is_a_problem(folder: Folder, text: str, problem: str) -> None:
    folder.rules("")
    folder.file("20.yaml", text)
    assert folder.problems() == [problem]


def test_a_file_with_the_other_ending_is_warned_of(folder: Folder) -> None:
    folder.rules("")
    folder.file("20-db.yml", "rules: []")
    assert folder.warnings() == ["20-db.yml: is not read: rules end in .yaml; rename it to 20-db.yaml"]


# --- one rule ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_problem_at_its_position(folder: Folder, mistake: str) -> None:
    rule, problem = mistake.splitlines()
    folder.rules(rule)
    assert folder.problems() == [f"10.yaml:{problem}"]


def test_all_mistakes_are_reported_at_once(folder: Folder) -> None:
    folder.rules("""
        - name: a
          match: team="db
          set:
            severity: SEV-9
            title: "{"
          flags: 7
        - name: b
          match: team="db"
          set: {severity: SEV-9}
        """)
    assert [problem.split(":")[1] for problem in folder.problems()] == ["3", "6", "7", "10"]


def test_a_name_that_is_taken_is_a_problem_that_tells_where(folder: Folder) -> None:
    folder.rules("- {name: a, match: a=b, stop: true}")
    folder.file("20.yaml", "rules: [{name: a, match: a=c, stop: true}]")
    place = folder.path / "10.yaml"
    assert folder.problems() == [f"20.yaml:1:16: the name 'a' is taken; the first is at {place}:2:10; rename one"]


def test_a_severity_and_a_playbook_with_placeholders_are_left_to_the_alert(folder: Folder) -> None:
    folder.rules('- {name: a, match: a=b, set: {playbook: "{book}", severity: "SEV-{n}"}}')
    assert folder.problems() == []


# --- rules together ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rules",
    [
        "- {name: a, match: a=b, stop: true}",
        "- {name: a, match: {}, suppress: true}",
        "- {name: a, match: {}, heartbeat: true, stop: true}",
    ],
)
def test_rules_of_which_none_takes_every_alert_are_a_problem(folder: Folder, rules: str) -> None:
    folder.rules(rules, with_catch_all=False)
    hint = "add a first rule with `match: {}` that sets the defaults; later rules override them"
    assert folder.problems() == [f"{folder.path}: no rule takes every alert; {hint}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n", "a list of rules is expected here"),
        ("rulez:\n  - {name: a, match: {}}\n", "unknown key 'rulez'; did you mean rules?"),
        ("- {name: a, match: {}}\n", "a mapping is expected here"),
        ("", "is empty"),
    ],
)
def test_a_file_without_readable_rules_is_one_problem(folder: Folder, text: str, message: str) -> None:
    folder.file("10.yaml", text)
    [problem] = folder.problems()
    assert message in problem


def test_a_catch_all_with_a_mistake_is_not_also_reported_as_missing(folder: Folder) -> None:
    folder.rules("- {name: a, match: {}, sett: 3}", with_catch_all=False)
    assert len(folder.problems()) == 1


@pytest.mark.parametrize(
    ("rules", "warning"),
    [
        ("- {name: a, match: a=b}", "2:3: this rule does nothing; give it `set:` or another action, or remove it"),
        (
            r"""- {name: a, match: 'a=~"\d"', stop: true}""",
            r'2:20: only the classic grammar can read this; write {a=~"\\d"}',
        ),
    ],
)
def test_what_works_but_was_hardly_meant_is_warned_of(folder: Folder, rules: str, warning: str) -> None:
    folder.rules(rules)
    assert folder.warnings() == [f"10.yaml:{warning}"]


def test_without_the_default_playbook_there_are_no_rules_and_no_further_problem(folder: Folder) -> None:
    folder.rules("")
    assert folder.load(default="nope") is None
    assert folder.findings.problems == []


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_may_stand_in_any_file_and_its_columns_are_text(folder: Folder) -> None:
    folder.rules("""
        - name: a
          match: {}
          lookup: {table: services, by: "{service|}"}
          set: {severity: SEV-3, title: "{team} {tier0} {weight} {port}"}
        """)
    folder.file("99-tables.yaml", 'tables: {services: {shop: {team: "a b", tier0: true, weight: 0.5, port: 80}}}')
    rules = folder.load()
    assert rules is not None, folder.findings.problems
    assert rules.evaluate(alert(service="shop")).title == "a b true 0.5 80"


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        (
            "[]",
            (
                "20.yaml:1:1: a mapping of tables is expected here; "
                "write for example `{services: {checkout: {team: shop}}}`"
            ),
        ),
        ("{a: 3}", "20.yaml:1:10: a mapping of rows is expected here; write for example `{checkout: {team: shop}}`"),
        (
            "{a: {b: 3}}",
            "20.yaml:1:14: a mapping of columns is expected here; write for example `{team: shop, tier0: true}`",
        ),
        ("{a: {b: {c: }}}", '20.yaml:1:18: has no value; write one, "" for an empty one, or remove it'),
        (
            "{a: {b: {c: [d]}}}",
            "20.yaml:1:21: text, a number, true or false is expected here; a table has no deeper levels",
        ),
        (
            "{known: {}}",
            "20.yaml:1:10: there is another table 'known'; the first is at {path}/10.yaml:1:10; rename one",
        ),
    ],
)
def test_a_mistake_in_a_table_is_reported_at_its_position(folder: Folder, tables: str, problem: str) -> None:
    listed = "rules:\n- {name: a, match: {}, lookup: {table: known, by: x}, set: {severity: SEV-3}}"
    folder.file("10.yaml", f"tables: {{known: {{}}}}\n{listed}")
    folder.file("20.yaml", f"tables: {tables}")
    assert folder.problems() == [problem.replace("{path}", str(folder.path))]


def test_an_unused_table_is_a_warning(folder: Folder) -> None:
    folder.rules("")
    folder.file("20.yaml", "tables: {services: {}}")
    assert folder.warnings() == ["20.yaml:1:10: no rule looks anything up in the table 'services'"]


def test_a_dedup_key_in_a_rule_that_asks_is_a_warning(folder: Folder) -> None:
    folder.rules("""
        - name: a
          match: a=b
          rate: {more_than: 5, within: 10m}
          set: {dedup_key: x}
        """)
    [warning] = folder.warnings()
    assert warning.startswith("10.yaml:5:20: what this rule asks is asked of the dedup key that the other rules give")


def test_key_labels_in_a_rule_that_asks_are_a_warning(folder: Folder) -> None:
    folder.rules("""
        - name: a
          match: a=b
          rate: {more_than: 5, within: 10m}
          key_labels: [queue]
        """)
    [warning] = folder.warnings()
    assert warning.startswith("10.yaml:5:15: what this rule asks is asked of the dedup key that the other rules give")


def test_a_rule_that_asks_does_not_take_every_alert(folder: Folder) -> None:
    folder.rules(
        "- {name: a, match: {}, rate: {more_than: 5, within: 10m}, set: {severity: SEV-3}}", with_catch_all=False
    )
    [problem] = folder.problems()
    assert "no rule takes every alert" in problem


# --- the schema for editors -------------------------------------------------------------------------------------------


def test_the_schema_knows_every_key_and_no_other() -> None:
    rule_ = rules_schema({})["properties"]["rules"]["items"]
    assert set(rule_["properties"]) == set(KEYS)
    assert set(rule_["properties"]["set"]["properties"]) == set(UNDER_SET)
    assert rule_["additionalProperties"] is False
    said = {**rule_["properties"], **rule_["properties"]["set"]["properties"]}
    for described in (*ACTIONS.values(), *CONDITIONS.values()):
        assert said[described.name]["description"].startswith(described.meaning)


@pytest.mark.parametrize("text", ["1m", "1h30m", "0s", "2d", "500ms", "", "m", "1", "30m1h", "1 m", "-1m"])
def test_the_schema_takes_the_durations_that_are_read(text: str) -> None:
    pattern = rules_schema({})["properties"]["rules"]["items"]["properties"]["self_heal"]["pattern"]
    try:
        parse_duration(text)
    except ValueError:
        assert not re.search(pattern, text)
    else:
        assert re.search(pattern, text)
