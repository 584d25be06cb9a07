"""Names in place of ids, and templates of another program, are refused in words: accepted, they would do nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.workbench import Workbench
from tocsin.channels.slack.settings import SlackContact, SlackSettings
from tocsin.conf.schema import validate
from tocsin.conf.secrets import Secret
from tocsin.conf.source import Findings, parse_yaml
from tocsin.trackers.github.settings import GitHubSettings


def told(text: str, model: type) -> list[str]:
    findings = Findings()
    node = parse_yaml(text, "file", findings)
    assert node is not None
    validate(node, model, findings)
    return [str(problem).partition(": ")[2] for problem in findings.problems]


@pytest.mark.parametrize(
    ("person", "message"),
    [
        ('slack_user: "@anna"', "'@anna' is not a Slack user id such as U0123ABCD; find it in the person's"),
        ("slack_user: anna", "'anna' is not a Slack user id such as U0123ABCD"),
        ("slack_user: C0123ABCD", "'C0123ABCD' is not a Slack user id"),
        ("pagerduty_user: anna@example.com", "'anna@example.com' is not a PagerDuty user id such as PABC123"),
        ("pagerduty_user: Anna", "'Anna' is not a PagerDuty user id"),
    ],
)
def test_a_name_is_no_id_of_a_person(bench: Workbench, person: str, message: str) -> None:
    bench.edit("people.yaml", "  sam:\n", f"  pat: {{{person}}}\n  sam:\n")
    [problem] = bench.problems()
    assert message in problem


@pytest.mark.parametrize("person", ['slack_user: ""', 'pagerduty_user: ""'])
def test_an_id_of_a_person_that_is_empty_is_none(bench: Workbench, person: str) -> None:
    bench.edit("people.yaml", "  sam:\n", f"  pat: {{{person}}}\n  sam:\n")
    assert bench.problems() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('slack_channel: "#ops"', "'#ops' is not a Slack channel id such as C0123ABCD; find it at the end of the"),
        ('slack_channel: ""', "'' is not a Slack channel id such as C0123ABCD; find it at the end of the"),
        ("{slack_channel: C0123ABCD, user: anna}", "'anna' is not a Slack user id such as U0123ABCD"),
    ],
)
def test_a_name_is_no_id_of_a_slack_contact(text: str, message: str) -> None:
    [problem] = told(text, SlackContact)
    assert problem.startswith(message)


@pytest.mark.parametrize("token", ["xoxp-1-2", "xapp-1-2", "xoxs-1", "xoxa-2-1", "xoxe-1"])
def test_a_slack_token_that_is_not_a_bots_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ValueError, match="is not a bot's") as refused:
        SlackSettings(token=Secret(token))
    assert token not in str(refused.value)


@pytest.mark.parametrize("token", ["xoxb-1-2", "xoxe.xoxb-1-2", "standin"])
def test_a_bots_token_is_taken(token: str) -> None:
    assert SlackSettings(token=Secret(token)).token.reveal() == token


def test_a_repository_is_told_in_words() -> None:
    problems = told("{repository: https://github.com/example/website, token_env: T}", GitHubSettings)
    assert any("is not a repository such as example/website" in problem for problem in problems)


@pytest.mark.parametrize(
    ("template", "instead"),
    [
        ("{{ $labels.instance }}", "write {instance}"),
        ("Disk of {{$labels.instance}} is full", "write {instance}"),
        ("{{ .Labels.job }}", "write {job}"),
        ("{{- .CommonLabels.alertname -}}", "write {alertname}"),
        ("{{ $value }}", "write {label}"),
        ("{{ $labels.x | title }}", "write {x}"),
    ],
)
@pytest.mark.parametrize("file", ["people.yaml", "playbooks/emergency-response.yaml", "../rules/rules.yaml"])
def test_a_template_of_prometheus_is_refused_wherever_text_stands(
    bench: Workbench, file: str, template: str, instead: str
) -> None:
    path = bench.config / file
    rule = f'  - {{name: own, match: a="b", set: {{title: "{template}"}}}}\n'
    texts = {
        "people.yaml": ("people:\n", f'people:\n  pat: {{full_name: "{template}"}}\n'),
        "playbooks/emergency-response.yaml": ("title: Emergency response", f'title: "{template}"'),
        "../rules/rules.yaml": ("rules:\n", f"rules:\n{rule}"),
    }
    old, new = texts[file]
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new, 1))
    [problem] = bench.problems()
    assert "is Prometheus's template syntax, which tocsin does not render" in problem
    assert problem.endswith(instead)


@given(st.text("{}a. b", max_size=20))
def test_braces_that_are_ours_are_left_alone(text: str) -> None:
    findings = Findings()
    parse_yaml(f'title: "{text}"', "file", findings)
    assert findings.problems == [] or "{{" in text
