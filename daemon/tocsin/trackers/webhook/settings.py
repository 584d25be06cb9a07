"""What stands under ``trackers:`` for a webhook: what a webhook channel has, without its announcements."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from tocsin.conf.channels import TrackerSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, mistake
from tocsin.conf.secrets import Secret
from tocsin.conf.settings import Listen


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise mistake("is no URL to POST to", "write https://host/path")
    return url


class WebhookSettings(TrackerSettings):
    """A URL that takes tocsin's own JSON (see `tocsin.channels.webhook.payload`)."""

    url: Annotated[Text, AfterValidator(_url)]
    """Where to POST. http or https; a secret in it is kept out of logs and receipts."""
    timeout: Duration = 8_000_000
    """Bounds one call."""
    bearer: Secret | None = None
    """Sent as ``Authorization: Bearer``."""
    signing: Secret | None = None
    """Signs each body: ``X-Tocsin-Signature``."""

    def doubts(self) -> tuple[str, ...]:
        """A token that goes over a network in the clear is everybody's."""
        parts = urlsplit(self.url)
        if self.bearer is None or parts.scheme == "https" or Listen(parts.hostname or "", 0).is_loopback:
            return ()
        return (f"the bearer token goes to {parts.hostname} unencrypted: write an https:// URL",)
