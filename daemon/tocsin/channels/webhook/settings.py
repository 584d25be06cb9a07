"""What stands under ``channels:`` for a webhook, and under ``contact:`` for somebody reached by one."""

from urllib.parse import urlsplit

from pydantic import field_validator

from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, YesNo
from tocsin.conf.secrets import Secret
from tocsin.conf.settings import Listen
from tocsin.core.people import Contact


class WebhookSettings(ChannelSettings):
    """A URL that takes tocsin's own JSON (see `tocsin.channels.webhook.payload`)."""

    url: Text
    """Where to POST. http or https; a secret in it is kept out of logs and receipts."""
    timeout: Duration = 8_000_000
    """Bounds one call, from connecting to the answer's status."""
    bearer: Secret | None = None
    """Sent as ``Authorization: Bearer``."""
    signing: Secret | None = None
    """Signs each body: ``X-Tocsin-Signature``."""
    announce: YesNo = False
    """Also POST the incident's state whenever it changes, and what its timeline gains."""

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError("must be an http:// or https:// URL")
        return url

    def doubts(self) -> tuple[str, ...]:
        """A token that goes over a network in the clear is everybody's."""
        parts = urlsplit(self.url)
        if self.bearer is None or parts.scheme == "https" or Listen(parts.hostname or "", 0).is_loopback:
            return ()
        return (f"the bearer token goes to {parts.hostname} unencrypted: write an https:// URL",)


class WebhookContact(ContactSettings):
    """Somebody behind a webhook."""

    recipient: str = ""
    """Handed on in the body, for a receiver that serves several people."""

    def contact(self, channel: str) -> Contact:
        """The channel's one destination: its URL."""
        return Contact(channel, "webhook", self.recipient)
