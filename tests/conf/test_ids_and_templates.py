"""Names in place of provider ids are refused, because they would have no effect."""

import pytest

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


def test_a_repository_is_reported_in_words() -> None:
    problems = told("{repository: https://github.com/example/website, token_env: T}", GitHubSettings)
    assert any("is not a repository such as example/website" in problem for problem in problems)
