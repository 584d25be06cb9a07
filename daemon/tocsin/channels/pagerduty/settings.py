"""What stands under ``channels:`` for PagerDuty, and under ``contact:`` for somebody reached by it."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Name, Section, Text, Whole
from tocsin.conf.secrets import Secret
from tocsin.core.people import Contact


class RoutingKey(Section):
    """The integration key of one PagerDuty service (Events API v2)."""

    key: Secret

    @field_validator("key")
    @classmethod
    def _key(cls, key: Secret) -> Secret:
        if len(key.reveal()) != 32 or not key.reveal().isalnum():
            raise ValueError("is no integration key: PagerDuty's have 32 letters and digits")
        return key


class PagerDutySettings(ChannelSettings):
    """PagerDuty's Events API v2.

    Set PagerDuty up with one service a tier, a one-level escalation policy
    without repeat, and acknowledgment timeout, auto-resolve and alert grouping
    off: the ladder is tocsin's.
    """

    routing_keys: Annotated[dict[Name, RoutingKey], Field(min_length=1)]
    """Integration keys by a name of your own, which contacts refer to."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://events.pagerduty.com"
    """EU service region: https://events.eu.pagerduty.com. Plain http is for loopback only."""
    events_per_minute: Annotated[Whole, Field(ge=4, le=100_000)] = 120
    """How many events PagerDuty takes of each key in a minute; a quarter of them is kept free for pages."""
    timeout: Duration = 8_000_000
    """Bounds one call."""
    concurrency: Annotated[Whole, Field(ge=1, le=64)] = 8
    """How many calls may run at once."""

    @property
    def informs(self) -> bool:
        """Pages only: whatever is sent there demands an acknowledgment."""
        return False

    def destinations(self) -> frozenset[str]:
        """The names of the keys: a contact with another would page nobody."""
        return frozenset(self.routing_keys)


class PagerDutyContact(ContactSettings):
    """Whoever PagerDuty notifies for one service."""

    routing_key: Name
    """A name under the channel's ``routing_keys``."""

    def contact(self, channel: str) -> Contact:
        """The destination is the key's name: events of one incident to one service keep their order."""
        return Contact(channel, self.routing_key)
