"""What stands under ``channels:`` for the console, and under ``contact:`` for somebody reached by it."""

from typing import Literal

from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.core.people import Contact

DESTINATION = "console"


class ConsoleSettings(ChannelSettings):
    """The daemon's standard output: needs no account, and is where a page goes that has nowhere else to go."""

    colour: Literal["auto", "always", "never"] = "auto"
    """``auto``: on a terminal only."""


class ConsoleContact(ContactSettings):
    """Whoever reads the daemon's output."""

    def contact(self, channel: str) -> Contact:
        """There is one destination."""
        return Contact(channel, DESTINATION)
