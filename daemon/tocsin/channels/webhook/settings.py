"""The webhook's settings in ``channels:`` and ``contact:``."""

from urllib.parse import urlsplit

from pydantic import field_validator

from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, YesNo
from tocsin.conf.secrets import Secret
from tocsin.conf.settings import Listen
from tocsin.core.oncall.people import Contact


class WebhookChannelSettings(ChannelSettings):
    """An HTTP endpoint of your own that takes tocsin's JSON.

    `tocsin.channels.webhook.payload` has the form of the JSON.
    """

    url: Text
    """The URL to which each notification is posted, http or https."""
    timeout: Duration = 8_000_000
    """Maximum time of one request."""
    bearer: Secret | None = None
    """A token, sent as ``Authorization: Bearer``."""
    signing: Secret | None = None
    """The key that signs each body: ``X-Tocsin-Signature``."""
    announce: YesNo = False
    """Also POST the incident's state whenever it changes, and new timeline entries."""

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("must be an http:// or https:// URL")
        return url

    def doubts(self) -> tuple[str, ...]:
        """Warn about a token that is sent unencrypted."""
        parts = urlsplit(self.url)
        if self.bearer is None or parts.scheme == "https" or Listen(parts.hostname or "", 0).is_loopback:
            return ()
        return (f"the bearer token goes to {parts.hostname} unencrypted: write an https:// URL",)


class WebhookContact(ContactSettings):
    """A recipient behind a webhook."""

    recipient: str = ""
    """A text that is passed on in the body, for a receiver that serves several people."""

    def contact(self, channel: str) -> Contact:
        """Return the contact. The channel's only destination is its URL."""
        return Contact(channel, "webhook", self.recipient)
