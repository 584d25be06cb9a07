"""What stands under ``channels:`` for Slack, and under ``contact:`` for somebody reached by it."""

from typing import Annotated

from pydantic import AfterValidator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.people import SLACK_USER
from tocsin.conf.schema import IdForm, Text, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.people import Contact

ChannelId = Annotated[
    str, IdForm(r"[CGD][A-Z0-9]{2,}", "a Slack channel id such as C0123ABCD", "at the end of the channel's details")
]
"""A conversation's id, not its name: names fail for private channels, and change."""
UserId = Annotated[str, SLACK_USER]


def _expect_bot_token(token: Secret) -> Secret:
    """Want a bot's token: with a person's the app's buttons and scopes do nothing."""
    kind = token.reveal().partition("-")[0]
    if kind.startswith(("xox", "xapp")) and not kind.endswith("xoxb"):
        told = f"a Slack token that begins with {kind}- is not a bot's"
        raise mistake(told, "take the Bot User OAuth Token of the app's page OAuth & Permissions: it begins with xoxb-")
    return token


class SlackSettings(ChannelSettings):
    """A Slack app's bot in one workspace; it needs the scope chat:write and must be in the channels."""

    token: Annotated[Secret, AfterValidator(_expect_bot_token)]
    """The bot's token, ``xoxb-...``."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://slack.com/api"
    """Plain http is for loopback only."""
    timeout: Duration = 8_000_000
    """Bounds one call."""


class SlackContact(ContactSettings):
    """A Slack channel, and in it a person to be mentioned."""

    slack_channel: ChannelId
    user: UserId | None = None

    def contact(self, channel: str) -> Contact:
        """The destination is the Slack channel; whoever is paged is mentioned there."""
        return Contact(channel, self.slack_channel, self.user or "")
