"""The kinds of channel, one line each. A new kind is a folder beside this file, and a line here."""

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tocsin.channels.console.channel import ConsoleChannel
from tocsin.channels.console.printed import ON_STDOUT
from tocsin.channels.console.settings import ConsoleContact, ConsoleSettings
from tocsin.channels.email.channel import EmailChannel
from tocsin.channels.email.settings import EmailContact, EmailSettings
from tocsin.channels.kind import BuildableKind
from tocsin.channels.pagerduty.channel import PagerDutyChannel
from tocsin.channels.pagerduty.settings import PagerDutyContact, PagerDutySettings
from tocsin.channels.slack.channel import SlackChannel
from tocsin.channels.slack.groups import group_members as slack_members
from tocsin.channels.slack.settings import SlackContact, SlackSettings
from tocsin.channels.twilio.channel import TwilioChannel
from tocsin.channels.twilio.settings import TwilioContact, TwilioSettings
from tocsin.channels.webhook.channel import WebhookChannel
from tocsin.channels.webhook.settings import WebhookChannelSettings, WebhookContact
from tocsin.conf.channels import ConfiguredChannel
from tocsin.core.errors import SourceUnavailable
from tocsin.ports.channel import Channel


def _console(name: str, settings: ConsoleSettings) -> Channel:
    return ConsoleChannel(name, settings, sys.stdout, ON_STDOUT)


_ALL: tuple[BuildableKind[Any], ...] = (
    BuildableKind("console", ConsoleSettings, ConsoleContact, _console),
    BuildableKind("email", EmailSettings, EmailContact, EmailChannel),
    BuildableKind("pagerduty", PagerDutySettings, PagerDutyContact, PagerDutyChannel),
    BuildableKind("slack", SlackSettings, SlackContact, SlackChannel),
    BuildableKind("twilio", TwilioSettings, TwilioContact, TwilioChannel),
    BuildableKind("webhook", WebhookChannelSettings, WebhookContact, WebhookChannel),
)

KINDS: Mapping[str, BuildableKind[Any]] = MappingProxyType({kind.kind: kind for kind in _ALL})
"""The kinds of channels by name, for the configuration."""


def build(configured: ConfiguredChannel) -> Channel:
    """Return the channel of one entry of ``channels:``, not yet started."""
    return KINDS[configured.kind].build(configured.name, configured.settings)


async def group_members(configured: ConfiguredChannel, group: str, now: int) -> tuple[str, ...]:
    """Return the members of a user group, as the channel's provider names them.

    Raises:
        SourceUnavailable: The provider does not respond, or has no user groups.
    """
    if not isinstance(configured.settings, SlackSettings):
        raise SourceUnavailable(f"the channel {configured.name} is no Slack channel")
    return await slack_members(configured.settings, group, now)
