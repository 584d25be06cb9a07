import pytest
from pydantic import ValidationError

from tocsin.channels.registry import KINDS, build
from tocsin.conf.channels import ChannelKind, ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.incident.outbox import CHANNEL_JOBS
from tocsin.core.oncall.people import Contact

KEY = Secret("0123456789abcdef0123456789abcdef")


def test_each_kind_is_registered_under_its_own_name():
    assert set(KINDS) == {"console", "email", "pagerduty", "slack", "twilio", "webhook"}
    assert all(isinstance(kind, ChannelKind) and kind.kind == name for name, kind in KINDS.items())


def test_the_console_needs_no_settings():
    channel = build(ConfiguredChannel("console", "console", KINDS["console"].settings()))
    assert (channel.name, channel.handles) == ("console", CHANNEL_JOBS)


@pytest.mark.parametrize(
    ("kind", "given", "contact"),
    [
        ("console", {}, Contact("mine", "console")),
        ("pagerduty", {"routing_key": "primary"}, Contact("mine", "primary")),
        ("slack", {"slack_channel": "C012AB"}, Contact("mine", "C012AB")),
        ("slack", {"slack_channel": "C012AB", "user": "U012AB"}, Contact("mine", "C012AB", "U012AB")),
        ("webhook", {}, Contact("mine", "webhook")),
        ("webhook", {"recipient": "alice"}, Contact("mine", "webhook", "alice")),
    ],
)
def test_a_contact_says_what_is_kept_in_order_and_who_is_addressed(kind: str, given: dict, contact: Contact):
    assert KINDS[kind].contacts.model_validate(given).contact("mine") == contact


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("pagerduty", {}),
        ("pagerduty", {"routing_keys": {}}),
        ("pagerduty", {"routing_keys": {"a": {"key": Secret("too-short")}}}),
        ("pagerduty", {"routing_keys": {"a": {"key": KEY}}, "base_url": "http://events.pagerduty.com"}),
        ("pagerduty", {"routing_keys": {"a": {"key": KEY}}, "concurrency": 0}),
        ("slack", {}),
        ("slack", {"token": Secret("xoxb-1"), "base_url": "http://slack.com/api"}),
        ("webhook", {"url": "example.com/hook"}),
        ("webhook", {"url": "http://example.com:99999/hook"}),
        ("slack", {"token": Secret("xoxb-1"), "base_url": "http://localhost:99999/api"}),
        ("webhook", {"url": "https://example.com", "unknown": 1}),
        ("console", {"colour": "green"}),
    ],
)
def test_settings_that_cannot_work_are_refused(kind: str, given: dict):
    with pytest.raises(ValidationError):
        KINDS[kind].settings.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("slack", {"slack_channel": "#incidents"}),
        ("slack", {"slack_channel": "C1A", "user": "@alice"}),
        ("pagerduty", {}),
    ],
)
def test_contacts_that_cannot_work_are_refused(kind: str, given: dict):
    with pytest.raises(ValidationError):
        KINDS[kind].contacts.model_validate(given)


def test_settings_show_no_secret():
    settings = KINDS["pagerduty"].settings.model_validate({"routing_keys": {"a": {"key": KEY}}})
    assert KEY.reveal() not in repr(settings)
    assert KEY.reveal() not in settings.model_dump_json()
