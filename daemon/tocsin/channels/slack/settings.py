"""What stands under ``channels:`` for Slack, and under ``contact:`` for somebody reached by it."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text
from tocsin.conf.secrets import Secret
from tocsin.core.people import Contact

ChannelId = Annotated[str, StringConstraints(pattern=r"^[CGD][A-Z0-9]{2,}$")]
"""A conversation's id, not its name: names fail for private channels, and change."""
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,}$")]


class SlackSettings(ChannelSettings):
    """A Slack app's bot in one workspace; it needs the scope chat:write and must be in the channels."""

    token: Secret
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
