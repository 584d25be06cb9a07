"""A configuration that removes people's contacts is detected, wherever a file was truncated."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.losses import losses
from tocsin.conf.source import ConfigError

ENVIRON = {
    "ALERTMANAGER_TOKEN": "a-token-of-the-alertmanager",
    "ALEX_TOKEN": "a-token-of-alex-for-the-cli",
    "SLACK_BOT_TOKEN": "xoxb-1234567890-abcdefghij",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "STATUSPAGE_KEY": "a-key-of-the-status-page",
}

SETTINGS = """\
# tocsin's own settings
listen: 0.0.0.0:9099
tokens:
  - name: alertmanager
    token_env: ALERTMANAGER_TOKEN
    scopes: [ingest]
  - name: alex-cli
    token_env: ALEX_TOKEN
    scopes: [read, respond]
channels:
  chat:
    kind: slack
    token_env: SLACK_BOT_TOKEN
  hook:
    kind: webhook
    url: https://pager.example.com/tocsin
trackers:
  status: {kind: statuspage, page: abcdefghijkl, token_env: STATUSPAGE_KEY}
inbound:
  slack:
    secrets:
      - secret_env: SLACK_SIGNING_SECRET
self:
  targets: [alex]
"""

PEOPLE = """\
people:
  alex:
    slack_user: U0123456789
    methods:
      - {channel: hook}
      - {channel: chat, slack_channel: C0123456789, after: 5m}
  taylor:
    contact: {channel: hook}
rotations:
  on-call:
    members: [alex, taylor]
    starts: "2026-01-05 09:00"
    every: weekly
"""

PLAYBOOK = """\
title: Ours
unrouted: HIGH
tiers:
  1: {name: On call, targets: [on-call]}
severities:
  HIGH:
    respond_within: 15m
    matrix:
      - {tier: 1, after: 0s}
"""

RULES = "rules:\n  - name: everything\n    match: {}\n    set: {severity: HIGH}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ours")
    (root / "config" / "playbooks").mkdir(parents=True)
    (root / "rules").mkdir()
    (root / "config" / "playbooks" / "emergency-response.yaml").write_text(PLAYBOOK)
    (root / "rules" / "00.yaml").write_text(RULES)
    return root


def loaded(root: Path, settings_text: str = SETTINGS, people_text: str = PEOPLE) -> Bundle:
    (root / "config" / "tocsin.yaml").write_text(settings_text)
    (root / "config" / "people.yaml").write_text(people_text)
    return load(root / "config", root / "rules", KINDS, ENVIRON)


def told(old: Bundle, new: Bundle) -> list[str]:
    return [f"{Path(loss.path).name}: {loss.message}" for loss in losses(old, new)]


def test_the_same_configuration_and_a_larger_one_lose_nothing(folder: Path) -> None:
    ours = loaded(folder)
    more = loaded(folder, SETTINGS.replace("listen:", "external_url: https://t.example.com\nlisten:"))
    assert told(ours, ours) == told(ours, more) == []


@pytest.mark.parametrize("text", ["", "\n", "# all of it is commented out\n# listen: 0.0.0.0:9099\n", "{}"])
def test_an_empty_file_loses_everything_and_is_called_empty(folder: Path, text: str) -> None:
    ours = loaded(folder)
    empty = loaded(folder, text)
    assert told(ours, empty) == [
        "tocsin.yaml: is empty: every setting gets its default",
        "tocsin.yaml: no token is left: this removes alertmanager, alex-cli",
        "tocsin.yaml: no channel but the console is left: this removes chat, hook",
        "tocsin.yaml: no tracker but the console is left: this removes status",
        "tocsin.yaml: self.targets has only the console left: this removes alex",
        "people.yaml: alex may be paged and has no contact left: their pages go to the console",
        "people.yaml: taylor may be paged and has no contact left: their pages go to the console",
    ]
    assert told(empty, empty) == [], "a daemon that began with an empty file may be reloaded with it"
    warning = next(str(warning) for warning in empty.warnings if "is empty" in warning.message)
    assert warning == (
        f"{folder}/config/tocsin.yaml:1:1: is empty: there is no token and no channel but the console, and only this "
        "machine can connect; `tocsin init` writes one with every setting"
    )


def test_the_last_contact_of_one_person_is_a_loss_though_the_channels_stay(folder: Path) -> None:
    ours = loaded(folder)
    for gone in ("    contact: {channel: hook}\n", "hook}\n"):
        without = PEOPLE.replace(
            f"  taylor:\n    contact: {{channel: {gone}", "  taylor:\n    contact: {channel: console}\n"
        )
        without = without.replace("  taylor:\n    contact: {channel: hook}\n", "  taylor: {}\n")
        assert told(ours, loaded(folder, people_text=without)) == [
            "people.yaml: taylor may be paged and has no contact left: their pages go to the console"
        ]


def test_a_person_with_another_way_and_one_who_is_no_longer_paged_are_no_loss(folder: Path) -> None:
    ours = loaded(folder)
    without_hook = (
        PEOPLE.replace("      - {channel: hook}\n", "")
        .replace(", after: 5m", "")
        .replace("channel: hook", "channel: chat, slack_channel: C01")
    )
    assert told(ours, loaded(folder, people_text=without_hook)) == []
    left = PEOPLE.replace("members: [alex, taylor]", "members: [alex]").replace(
        "  taylor:\n    contact: {channel: hook}\n", "  taylor: {}\n"
    )
    assert told(ours, loaded(folder, people_text=left)) == []


def test_a_provider_whose_answers_would_be_refused_is_a_loss_unless_its_channel_goes_too(folder: Path) -> None:
    ours = loaded(folder)
    deaf = SETTINGS[: SETTINGS.index("inbound:")] + SETTINGS[SETTINGS.index("self:") :]
    assert told(ours, loaded(folder, deaf)) == [
        "tocsin.yaml: inbound.slack has no secret left: acknowledgments made in slack are refused"
    ]


def test_a_loss_says_how_to_do_it_on_purpose(folder: Path) -> None:
    ours = loaded(folder)
    assert all(
        str(loss).endswith("if this is intended, run `tocsin reload --force`")
        for loss in losses(ours, loaded(folder, ""))
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(SETTINGS)), st.booleans())
def test_a_truncated_file_never_removes_a_contact_silently(folder: Path, length: int, ends_line: bool) -> None:
    """Try every cut: it is a mistake, or a loss, or leaves tokens, channels, contacts and answers as they were."""
    ours = loaded(folder)
    try:
        cut = loaded(folder, SETTINGS[:length] + ("\n" if ends_line else ""))
    except ConfigError:
        return
    if losses(ours, cut):
        return
    assert [token.name for token in cut.tokens][:1] == ["alertmanager"]
    assert {"chat", "hook"} & {channel.name for channel in cut.channels}
    ways = {channel.name for channel in cut.channels} - {"console"}
    assert all(any(way.contact.channel in ways for way in one.methods) for one in cut.people.persons.values())
    assert cut.settings.inbound.slack.secrets or "chat" not in ways
