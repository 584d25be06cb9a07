"""``sources:`` of tocsin.yaml: where to query the sources of alerts."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from tocsin.conf.duration import AtLeastASecond
from tocsin.conf.schema import Section, Text, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.alerts.alert import OWN_SOURCES
from tocsin.core.duration import parse_duration


def _alertmanager_url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not is_plain:
        raise mistake(
            "is not an address of an Alertmanager", "write http://host:9093, with its --web.route-prefix if any"
        )
    return value.rstrip("/")


AlertmanagerUrl = Annotated[str, AfterValidator(_alertmanager_url)]
"""The URL of an Alertmanager, without a trailing slash and without credentials."""


class SourceSettings(Section):
    """One of ``sources:``: where to query the source for firing alerts."""

    alertmanager: Annotated[tuple[AlertmanagerUrl, ...], Field(min_length=1)]
    """A list: each replica, such as ``http://alertmanager-1:9093``, with its ``--web.route-prefix`` if it has one."""
    look_every: AtLeastASecond = parse_duration("1m")
    """The interval at which the replicas are polled; at least ``1s``."""
    bearer: Secret | None = None
    """A token, sent as ``Authorization: Bearer``."""
    username: Text | None = None
    """The user name for basic authentication, with ``password_file``."""
    password: Secret | None = None
    """The password for basic authentication."""

    @model_validator(mode="after")
    def _one_way_in(self) -> "SourceSettings":
        if (self.username is None) != (self.password is None):
            raise mistake("has only one half of a user name and password", "write username: and password_file:")
        if self.bearer is not None and self.username is not None:
            raise mistake("has two ways to authenticate", "write bearer_file:, or username: and password_file:")
        return self


def without_own_source(sources: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
    """Return the sources; refuse one with the name of the source of tocsin's own alerts."""
    for name in OWN_SOURCES & sources.keys():
        raise mistake(f"{name!r} is the source of tocsin's own alerts", "no Alertmanager knows them: remove it")
    return sources
