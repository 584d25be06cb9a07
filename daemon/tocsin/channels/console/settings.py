"""The console's settings in ``channels:`` and ``contact:``."""

from typing import Literal

from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.core.oncall.people import Contact

DESTINATION = "console"


class ConsoleSettings(ChannelSettings):
    """The daemon's standard output, which needs no account. Pages that no other channel can deliver go there."""

    colour: Literal["auto", "always", "never"] = "auto"
    """``always``, ``never``, or ``auto``: on a terminal only."""


class ConsoleContact(ContactSettings):
    """A contact who reads the daemon's output."""

    def contact(self, channel: str) -> Contact:
        """Return the contact at the channel's only destination."""
        return Contact(channel, DESTINATION)
