"""Slack's settings in ``channels:`` and ``contact:``."""

from typing import Annotated

from pydantic import AfterValidator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.people import SLACK_USER
from tocsin.conf.schema import IdForm, Text, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.oncall.people import Contact

ChannelId = Annotated[
    str, IdForm(r"[CGD][A-Z0-9]{2,}", "a Slack channel id such as C0123ABCD", "at the end of the channel's details")
]
"""The id of a conversation: a name may change, and does not work for private channels."""
UserId = Annotated[str, SLACK_USER]


def _expect_bot_token(token: Secret) -> Secret:
    """Require a bot token: with a user token, the app's buttons and scopes do not work."""
    kind = token.reveal().partition("-")[0]
    if kind.startswith(("xox", "xapp")) and not kind.endswith("xoxb"):
        problem = f"a Slack token that begins with {kind}- is not a bot's"
        raise mistake(
            problem, "take the Bot User OAuth Token of the app's page OAuth & Permissions: it begins with xoxb-"
        )
    return token


class SlackSettings(ChannelSettings):
    """A Slack app's bot in one workspace."""

    token: Annotated[Secret, AfterValidator(_expect_bot_token)]
    """The bot's token, ``xoxb-...``; it needs the scope ``chat:write`` and must be in the Slack channels."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://slack.com/api"
    """The address of Slack's API. Plain http for loopback only."""
    timeout: Duration = 8_000_000
    """Maximum time of one API request."""


class SlackContact(ContactSettings):
    """A Slack channel, and in it a person to be mentioned."""

    slack_channel: ChannelId
    """The id of a Slack channel (``C...``)."""
    user: UserId | None = None
    """The id of a Slack user (``U...``) to be mentioned in the page."""

    def contact(self, channel: str) -> Contact:
        """Return the contact. The destination is the Slack channel, in which the recipient is mentioned."""
        return Contact(channel, self.slack_channel, self.user or "")
