"""The webhook tracker's settings in ``trackers:``: those of a webhook channel, without announcements."""

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


class WebhookTrackerSettings(TrackerSettings):
    """An HTTP endpoint of your own that takes tocsin's JSON.

    `tocsin.channels.webhook.payload` has the form of the JSON.
    """

    url: Annotated[Text, AfterValidator(_url)]
    """The URL to which each job is posted, http or https."""
    timeout: Duration = 8_000_000
    """Maximum time of one request."""
    bearer: Secret | None = None
    """A token, sent as ``Authorization: Bearer``."""
    signing: Secret | None = None
    """The key that signs each body: ``X-Tocsin-Signature``."""

    def doubts(self) -> tuple[str, ...]:
        """Warn about a token that is sent unencrypted."""
        parts = urlsplit(self.url)
        if self.bearer is None or parts.scheme == "https" or Listen(parts.hostname or "", 0).is_loopback:
            return ()
        return (f"the bearer token goes to {parts.hostname} unencrypted: write an https:// URL",)
