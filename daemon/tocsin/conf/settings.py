"""config/tocsin.yaml: the daemon's own settings."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tocsin.conf.duration import Duration, DurationOrNever, Size, parse_duration
from tocsin.conf.schema import Name, Section, Text, Whole, mistake
from tocsin.conf.secrets import Secret
from tocsin.core.alert import SELF_SOURCE

CONSOLE = "console"
"""The channel, and the target on it, that always exist."""


class Scope(StrEnum):
    """What a token's bearer may do. Each stands for itself: none includes another."""

    INGEST = "ingest"
    """Send alerts."""
    READ = "read"
    RESPOND = "respond"
    """Acknowledge, resolve, escalate, change severity and flags."""
    ADMIN = "admin"
    """Reload."""


@dataclass(frozen=True)
class Listen:
    """An address to listen on. An empty host means every interface; port 0 any free port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> Listen:
    """An address written as ``host:port``, ``[ipv6]:port`` or ``:port``."""
    if isinstance(value, Listen):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    host_is_clear = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if not colon or not host_is_clear or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise mistake("is no address to listen on", "write host:port, for example 127.0.0.1:9099 or [::1]:9099")
    return Listen(host.strip("[]"), int(port))


def _base_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise mistake("is no URL", "write for example https://tocsin.example.com")
    return value.rstrip("/")


def _store_url(value: str) -> str:
    if value != "memory:" and not (value.startswith("sqlite:///") and len(value) > len("sqlite:///")):
        raise mistake("is no store", "write sqlite:///var/tocsin.db, sqlite:////an/absolute/path or memory:")
    return value


def _network(value: object) -> object:
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) else value
    except ValueError:
        raise mistake("is no address or network", "write for example 10.0.0.7 or 10.0.0.0/24") from None


def _at_least_a_millisecond(value: int) -> int:
    if value < 1_000:
        raise mistake("must be longer than nothing", "write for example 10s")
    return value


def _at_least_a_second(value: int) -> int:
    if value < 1_000_000:
        raise mistake("must not be shorter than a second", "write for example 1m")
    return value


Span = Annotated[Duration, AfterValidator(_at_least_a_millisecond)]
"""A duration that is not zero."""
Address = Annotated[
    Listen,
    BeforeValidator(parse_listen),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^([^:]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"}),
]
"""Where to listen: ``host:port``."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""``http://`` or ``https://`` and a host, without the slash at the end; or nothing."""


Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    BeforeValidator(_network),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"}),
]
"""An IP address, or a network of them."""


class StoreSettings(Section):
    """``store:``."""

    url: Annotated[str, AfterValidator(_store_url)] = "sqlite:///var/tocsin.db"
    commit_process: bool = True


class WebhookSettings(Section):
    """``webhook:`` what is taken from Alertmanager, and how much at a time."""

    max_body: Size = 16 << 20
    max_queue: Annotated[Whole, Field(ge=200)] = 20_000
    commit_alerts: Annotated[Whole, Field(ge=1, le=10_000)] = 300
    max_large: Annotated[Whole, Field(ge=1, le=100)] = 4
    max_rejected: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    max_quarantine: Annotated[Whole, Field(ge=1, le=100_000)] = 1_000


class LimitSettings(Section):
    """``limits:`` what peers of the HTTP server may use up."""

    connections: Annotated[Whole, Field(ge=16, le=100_000)] = 1024
    connections_per_peer: Annotated[Whole, Field(ge=1, le=100_000)] = 256
    request_head: Annotated[Duration, AfterValidator(_at_least_a_second)] = parse_duration("10s")
    failed_logins: Annotated[Whole, Field(ge=1, le=1_000_000)] = 20


class TokenSettings(Section):
    """One of ``tokens:``."""

    name: Name
    token: Secret
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    person: Name | None = None
    username: Text | None = None

    @property
    def basic_username(self) -> str:
        """The user name that goes with the token as its password in basic authentication."""
        return self.username or self.name


class ChannelEntry(Section):
    """One of ``channels:``; what stands beside ``kind`` is the kind's own."""

    model_config = ConfigDict(extra="allow")

    kind: Text


class TrackerEntry(Section):
    """One of ``trackers:``; what stands beside ``kind`` is the kind's own."""

    model_config = ConfigDict(extra="allow")

    kind: Text


class SelfSettings(Section):
    """``self:`` whom tocsin tells about itself."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] = (CONSOLE,)


class SharedSecret(Section):
    """One of several secrets, so that one can be replaced while both are valid."""

    secret: Secret


def _alertmanager_url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not is_plain:
        raise mistake("is no address of an Alertmanager", "write http://host:9093, with its --web.route-prefix if any")
    return value.rstrip("/")


AlertmanagerUrl = Annotated[str, AfterValidator(_alertmanager_url)]
"""Where an Alertmanager is, without the slash at the end and without credentials."""


class SourceSettings(Section):
    """One of ``sources:``: where a source itself can be asked what fires."""

    alertmanager: Annotated[tuple[AlertmanagerUrl, ...], Field(min_length=1)]
    look_every: Annotated[Duration, AfterValidator(_at_least_a_second)] = parse_duration("1m")
    bearer: Secret | None = None
    username: Text | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> "SourceSettings":
        if (self.username is None) != (self.password is None):
            raise mistake("has only one half of a user name and password", "write username: and password_file:")
        if self.bearer is not None and self.username is not None:
            raise mistake("has two ways to authenticate", "write bearer_file:, or username: and password_file:")
        return self


def _no_own_source(sources: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
    if SELF_SOURCE in sources:
        raise mistake(f"{SELF_SOURCE!r} is the source of tocsin's own alerts", "no Alertmanager knows them: remove it")
    return sources


class Inbound(Section):
    """What a provider signs its requests to tocsin with; without one, they are refused."""

    secrets: tuple[SharedSecret, ...] = ()


def _rest_url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = parts.hostname and not (parts.query or parts.fragment or parts.username or parts.password)
    is_private = parts.scheme == "http" and Listen(parts.hostname or "", 0).is_loopback
    if not is_plain or (parts.scheme != "https" and not is_private):
        raise mistake("is not the address of PagerDuty's REST API", "write https://api.pagerduty.com")
    return value.rstrip("/")


class PagerDutyInbound(Inbound):
    """``inbound.pagerduty:`` with a key to ask PagerDuty which alerts an incident holds."""

    rest_key: Secret | None = None
    rest_url: Annotated[str, AfterValidator(_rest_url)] = "https://api.pagerduty.com"


class InboundSettings(Section):
    """``inbound:``."""

    pagerduty: PagerDutyInbound = PagerDutyInbound()
    slack: Inbound = Inbound()
    twilio: Inbound = Inbound()


class LogSettings(Section):
    """``log:``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class DeliverySettings(Section):
    """``delivery:`` how the outbox is emptied."""

    timeout: Span = parse_duration("10s")
    lease: Span = parse_duration("30s")
    give_up_after: Span = parse_duration("48h")
    concurrency: Annotated[Whole, Field(ge=1, le=1000)] = 16

    @field_validator("lease")
    @classmethod
    def _outlives_an_attempt(cls, lease: int, info: Any) -> int:
        if lease <= info.data.get("timeout", 0):
            raise mistake("must be longer than delivery.timeout", "a lease that ends during an attempt sends twice")
        return lease


class StormSettings(Section):
    """``storm:`` from when on many incidents for one target are told in one page."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] = 10
    within: Span = parse_duration("5m")
    again_after: Span = parse_duration("10m")


class FlappingSettings(Section):
    """``flapping:`` from when on an incident that comes and goes is told in digests."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] = 4
    within: Span = parse_duration("30m")
    digest_every: Span = parse_duration("30m")


class Times(Section):
    """``defaults:`` what bounds an incident, where its playbook does not say otherwise."""

    resolve_after: Duration = parse_duration("2m")
    reopen_within: Duration = parse_duration("10m")
    fallback_after: Duration = parse_duration("2m")
    resolved_by_hand_grace: Span = parse_duration("1h")
    fallback_at_least: Span = parse_duration("15m")
    ack_timeout: DurationOrNever = None
    storm: StormSettings = StormSettings()
    flapping: FlappingSettings = FlappingSettings()


class Settings(Section):
    """config/tocsin.yaml, with what the environment overrides."""

    instance: Name = "tocsin"
    listen: Address = Listen("127.0.0.1", 9099)
    external_url: BaseUrl = ""
    shutdown_grace: Span = parse_duration("20s")
    playbook: Name = "emergency-response"
    store: StoreSettings = StoreSettings()
    webhook: WebhookSettings = WebhookSettings()
    limits: LimitSettings = LimitSettings()
    trusted_proxies: tuple[Network, ...] = ()
    tokens: tuple[TokenSettings, ...] = ()
    channels: dict[Name, ChannelEntry] = Field(default_factory=dict)
    trackers: dict[Name, TrackerEntry] = Field(default_factory=dict)
    self_: Annotated[SelfSettings, Field(alias="self")] = SelfSettings()
    inbound: InboundSettings = InboundSettings()
    sources: Annotated[dict[Name, SourceSettings], AfterValidator(_no_own_source)] = Field(default_factory=dict)
    log: LogSettings = LogSettings()
    delivery: DeliverySettings = DeliverySettings()
    defaults: Times = Times()
