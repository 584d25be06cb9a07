"""PagerDuty's settings in ``channels:`` and ``contact:``."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from tocsin.channels.http import check_base_url
from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Name, Section, Text, Whole
from tocsin.conf.secrets import Secret
from tocsin.core.oncall.people import Contact


class RoutingKey(Section):
    """The integration key of one PagerDuty service (Events API v2)."""

    key: Secret
    """The integration key of one PagerDuty service."""

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
    """Integration keys, each by a name that contacts refer to: ``{on-call: {key_file: ...}}``."""
    base_url: Annotated[Text, AfterValidator(check_base_url)] = "https://events.pagerduty.com"
    """EU service region: ``https://events.eu.pagerduty.com``. Plain http for loopback only."""
    events_per_minute: Annotated[Whole, Field(ge=4, le=100_000)] = 120
    """Maximum number of events for each key in a minute. A quarter of them is reserved for pages: acknowledgments and
    resolves wait instead.
    """
    timeout: Duration = 8_000_000
    """Maximum time of one API request."""
    concurrency: Annotated[Whole, Field(ge=1, le=64)] = 8
    """Maximum number of API requests at the same time, 1 to 64."""

    @property
    def informs(self) -> bool:
        """Return False: only pages are sent, because every event sent there requires an acknowledgment."""
        return False

    def destinations(self) -> frozenset[str]:
        """Return the names of the keys: a contact with another one would page no one."""
        return frozenset(self.routing_keys)


class PagerDutyContact(ContactSettings):
    """The people whom PagerDuty notifies for one service."""

    routing_key: Name
    """A name under the channel's ``routing_keys``."""

    def contact(self, channel: str) -> Contact:
        """Return the contact. The destination is the key's name, so an incident's events to a service keep order."""
        return Contact(channel, self.routing_key)
