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
)

from tocsin.conf.duration import AtLeastASecond, Duration, DurationOrNever, Size
from tocsin.conf.report_settings import ReportSettings
from tocsin.conf.schema import Name, Section, Text, Whole, mistake
from tocsin.conf.secrets import Secret
from tocsin.conf.source_settings import SourceSettings, without_own_source
from tocsin.core.duration import parse_duration

CONSOLE = "console"
"""The channel, and the target on it, that always exist."""


class Scope(StrEnum):
    """A permission of a token. No scope includes another."""

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
        """Return whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> Listen:
    """Return the address of ``host:port``, ``[ipv6]:port`` or ``:port``."""
    if isinstance(value, Listen):
        return value
    host, colon, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    host_is_clear = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if not colon or not host_is_clear or not port.isascii() or not port.isdigit() or int(port[:6]) > 65535:
        raise mistake("is not an address to listen on", "write host:port, for example 127.0.0.1:9099 or [::1]:9099")
    return Listen(host.strip("[]"), int(port))


def _base_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise mistake("is not a URL", "write for example https://tocsin.example.com")
    return value.rstrip("/")


def _store_url(value: str) -> str:
    if value != "memory:" and not (value.startswith("sqlite:///") and len(value) > len("sqlite:///")):
        raise mistake("is not a store", "write sqlite:///var/tocsin.db, sqlite:////an/absolute/path or memory:")
    return value


def _network(value: object) -> object:
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) else value
    except ValueError:
        raise mistake("is not an address or network", "write for example 10.0.0.7 or 10.0.0.0/24") from None


def _at_least_a_millisecond(value: int) -> int:
    if value < 1_000:
        raise mistake("must be longer than nothing", "write for example 10s")
    return value


Span = Annotated[Duration, AfterValidator(_at_least_a_millisecond)]
"""A duration that is not zero."""
Address = Annotated[
    Listen,
    BeforeValidator(parse_listen),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^([^:]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"}),
]
"""An address to listen on: ``host:port``."""
BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""``http://`` or ``https://`` and a host, without a trailing slash; or empty."""


Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    BeforeValidator(_network),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"}),
]
"""An IP address, or a network of them."""


class StoreSettings(Section):
    """``store:``."""

    url: Annotated[str, AfterValidator(_store_url)] = "sqlite:///var/tocsin.db"
    """``sqlite:///relative/path`` (to the working directory), ``sqlite:////absolute/path``, or ``memory:`` (all data is
    lost when the daemon stops). Beside the file, tocsin keeps ``.lock``, ``.reserve`` (8 MB, released when the disk is
    full), and ``.marker``, which prevents tocsin from replacing a lost database by an empty one.
    """
    commit_process: bool = True
    """Store batches of alerts in a second process, if the store is a SQLite file and the machine has a second
    processor. This accepts a storm of alerts faster, and uses some 60 MB of memory. The daemon itself stores the
    batches that the process cannot. Takes effect after a restart.
    """


class WebhookSettings(Section):
    """``webhook:`` what is accepted from Alertmanager, and how much at a time."""

    max_body: Size = 16 << 20
    """Maximum size of a webhook; above it, the answer is 413."""
    max_queue: Annotated[Whole, Field(ge=200)] = 20_000
    """Maximum number of alerts that wait to be stored; above it, the answer is 503, and Alertmanager retries. At least
    200.
    """
    commit_alerts: Annotated[Whole, Field(ge=1, le=10_000)] = 300
    """Maximum number of alerts stored in one commit."""
    max_large: Annotated[Whole, Field(ge=1, le=100)] = 4
    """Maximum number of large webhooks (more than 256 KiB, or 32 KiB with unreadable parts) processed at the same time;
    above it, the answer is 503, and Alertmanager retries. Each needs up to six times its size in memory.
    """
    max_rejected: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    """Maximum number of alerts without labels in one webhook that are examined; further ones are only counted."""
    max_quarantine: Annotated[Whole, Field(ge=1, le=100_000)] = 1_000
    """Maximum number of entries in the quarantine (``GET /api/v1/quarantine``); the oldest are deleted first."""


class LimitSettings(Section):
    """``limits:`` the resources that clients of the HTTP server may use, and what people may create through it."""

    connections: Annotated[Whole, Field(ge=16, le=100_000)] = 1024
    """Maximum number of open connections to the daemon. At the limit, tocsin closes the connection that has been idle
    longest, or that has been sending a request without a valid token longest; if all of them are being answered, a new
    one gets 503. The limit of open files (``LimitNOFILE=``) can lower this number, because the store and the channels
    keep the files they need. At least 16.
    """
    connections_per_peer: Annotated[Whole, Field(ge=1, le=100_000)] = 256
    """Maximum number of open connections of one peer: an IPv4 address, or an IPv6 /64. Behind a proxy of
    ``trusted_proxies``: maximum number of requests of one sender in progress; above it, the answer is 503.
    """
    request_head: AtLeastASecond = parse_duration("10s")
    """Maximum time for a request's headers to arrive; then the answer is 408 and the connection is closed. At least
    ``1s``.
    """
    failed_logins: Annotated[Whole, Field(ge=1, le=1_000_000)] = 20
    """Maximum number of requests of one sender in a minute that may fail because of a wrong or missing token or
    signature; above it, such requests get 429. A request with a valid token is always accepted.
    """
    windows: Annotated[Whole, Field(ge=1, le=10_000)] = 200
    """Maximum number of current and future maintenance windows that people or programs have created
    (``tocsin windows add``, the API); above it, the answer is 409. Those of windows.yaml do not count.
    """
    overrides: Annotated[Whole, Field(ge=1, le=10_000)] = 500
    """Maximum number of current and future overrides and swaps that people or programs have created
    (``tocsin oncall override``, the API); above it, the answer is 409. Those of people.yaml do not count.
    """


class TokenSettings(Section):
    """One of ``tokens:``."""

    name: Name
    """The name of the token's bearer in logs and timelines."""
    token: Secret
    """The token; at least 16 characters, or there is a warning."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    """The allowed operations: ``ingest`` (send alerts), ``read``, ``respond`` (acknowledge, resolve, escalate, change
    severity and flags), ``admin`` (``tocsin reload``). No scope includes another.
    """
    person: Name | None = None
    """A person of people.yaml; actions with this token are recorded as that person's."""
    username: Text | None = None
    """The user name in basic authentication; by default the token's ``name``."""

    @property
    def basic_username(self) -> str:
        """Return the user name for basic authentication with the token as the password."""
        return self.username or self.name


class ChannelEntry(Section):
    """One of ``channels:``; the keys beside ``kind`` depend on the kind."""

    model_config = ConfigDict(extra="allow")

    kind: Text


class TrackerEntry(Section):
    """One of ``trackers:``; the keys beside ``kind`` depend on the kind."""

    model_config = ConfigDict(extra="allow")

    kind: Text


class SelfSettings(Section):
    """``self:`` the recipients of incidents about tocsin itself."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] = (CONSOLE,)
    """The recipients of incidents about tocsin itself: refused requests, unroutable alerts and failures. Names of
    people.yaml. Refused requests of unknown senders cause a notice; refused requests of a sender that was accepted
    within the last week cause a page. After a person has resolved such an incident, a new fault pages again at once,
    and the same fault after ``defaults.resolved_by_hand_grace``.
    """


class SharedSecret(Section):
    """One of several secrets, so that one can be replaced while both are valid."""

    secret: Secret


class Inbound(Section):
    """The secrets with which a provider signs its requests to tocsin; without one, they are refused."""

    secrets: tuple[SharedSecret, ...] = ()


def _rest_url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = parts.hostname and not (parts.query or parts.fragment or parts.username or parts.password)
    is_private = parts.scheme == "http" and Listen(parts.hostname or "", 0).is_loopback
    if not is_plain or (parts.scheme != "https" and not is_private):
        raise mistake("is not the address of PagerDuty's REST API", "write https://api.pagerduty.com")
    return value.rstrip("/")


class PagerDutyInbound(Inbound):
    """``inbound.pagerduty:`` with an API key to look up the alerts of a PagerDuty incident."""

    secrets: tuple[SharedSecret, ...] = ()
    """A list of ``{secret_file: ...}``: the signing secrets of PagerDuty's webhook subscriptions. Several may be valid
    at once. Without one, PagerDuty's webhooks are refused.
    """
    rest_key: Secret | None = None
    """A REST API key, with which tocsin asks PagerDuty for the alerts of an incident; a read-only key is enough."""
    rest_url: Annotated[str, AfterValidator(_rest_url)] = "https://api.pagerduty.com"
    """The address of PagerDuty's REST API. EU service region: ``https://api.eu.pagerduty.com``. Plain http for loopback
    only.
    """


class InboundSettings(Section):
    """``inbound:``."""

    pagerduty: PagerDutyInbound = PagerDutyInbound()
    slack: Inbound = Inbound()
    """A list of ``{secret_file: ...}``: the signing secret of the Slack app. Without one, buttons in Slack do nothing.
    """
    twilio: Inbound = Inbound()
    """A list of ``{secret_file: ...}``: the auth token of the Twilio account, which signs Twilio's callbacks. Without
    one, no one can acknowledge by phone.
    """


class LogSettings(Section):
    """``log:``."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""
    format: Literal["auto", "json", "console"] = "auto"
    """``json``, ``console``, or ``auto``: console on a terminal, JSON elsewhere."""


class DeliverySettings(Section):
    """``delivery:`` how the outbox is emptied."""

    timeout: Span = parse_duration("10s")
    """Maximum time of one attempt at sending."""
    lease: Span = parse_duration("30s")
    """Time for which a notification is reserved for one attempt; longer than ``delivery.timeout``."""
    give_up_after: Span = parse_duration("48h")
    """Time for which a failed notification is retried."""
    concurrency: Annotated[Whole, Field(ge=1, le=1000)] = 16
    """Maximum number of notifications that each channel sends at the same time, 1 to 1000; a channel that hangs does
    not delay the others.
    """

    @field_validator("lease")
    @classmethod
    def _outlives_an_attempt(cls, lease: int, info: Any) -> int:
        if lease <= info.data.get("timeout", 0):
            raise mistake("must be longer than delivery.timeout", "a lease that ends during an attempt sends twice")
        return lease


class StormSettings(Section):
    """``storm:`` the threshold above which incidents for one target are paged as one."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] = 10
    """If more incidents than this begin to notify one target within ``defaults.storm.within``, they are a storm. At
    least 1; 1000000 disables storms.
    """
    within: Span = parse_duration("5m")
    """The period for ``defaults.storm.more_than``."""
    again_after: Span = parse_duration("10m")
    """The minimum time between two pages about the growth of a storm."""


class FlappingSettings(Section):
    """``flapping:`` the threshold above which a recurring incident is reported in digests."""

    more_than: Annotated[Whole, Field(ge=1, le=1_000_000)] = 4
    """An incident flaps if it starts or stops firing more often than this within ``defaults.flapping.within``. At least
    1; 1000000 disables this.
    """
    within: Span = parse_duration("30m")
    """The period for ``defaults.flapping.more_than``."""
    digest_every: Span = parse_duration("30m")
    """The interval of the digests that replace the pages of a flapping incident."""


class Times(Section):
    """``defaults:`` the times of an incident, unless its playbook sets its own."""

    resolve_after: Duration = parse_duration("2m")
    """Time for which all alerts of an incident must stay resolved before the incident is resolved. ``0s``: at once."""
    reopen_within: Duration = parse_duration("10m")
    """An alert that fires again within this time after the resolve reopens the incident. Later, it opens a new one."""
    fallback_after: Duration = parse_duration("2m")
    """A page that is still undelivered after this time is also sent through another contact."""
    resolved_by_hand_grace: Span = parse_duration("1h")
    """An incident that a person has resolved and that still fires after this time opens again. A new alert, or one that
    has become worse, opens the incident at once.
    """
    fallback_at_least: Span = parse_duration("15m")
    """When no one is left to escalate to, the last tier reached and tier 1 are paged again; this is the minimum time
    between two such pages.
    """
    ack_timeout: DurationOrNever = None
    """If an acknowledged incident still fires and no person has responded for this long, the acknowledger is paged, 5
    min later tier 1; then the escalation continues. ``never``: an acknowledgment does not expire.
    """
    storm: StormSettings = StormSettings()
    flapping: FlappingSettings = FlappingSettings()


class Settings(Section):
    """config/tocsin.yaml, with the environment's overrides."""

    instance: Name = "tocsin"
    """A name for this installation. It is part of the keys by which pages are deduplicated, so each installation needs
    its own.
    """
    listen: Address = Listen("127.0.0.1", 9099)
    """``host:port``, ``[::1]:port`` or ``:port`` (every interface). Without a token only loopback is allowed."""
    external_url: BaseUrl = ""
    """The address of tocsin as seen from outside, such as ``https://tocsin.example.com``; Twilio sends answers there.
    Messages do not link to it, because there is no web page yet.
    """
    shutdown_grace: Span = parse_duration("20s")
    """Maximum time of a stop."""
    playbook: Name = "emergency-response"
    """The default playbook, for alerts whose rules set none."""
    store: StoreSettings = StoreSettings()
    webhook: WebhookSettings = WebhookSettings()
    limits: LimitSettings = LimitSettings()
    trusted_proxies: tuple[Network, ...] = ()
    """A list of addresses and networks (``10.0.0.0/24``) of reverse proxies whose ``X-Forwarded-For`` header names the
    sender of a request. Limits then apply to each sender. List every reverse proxy in front of tocsin; otherwise all
    senders count as one, and a bad token of any of them causes a notice, not a page. List only proxies that set this
    header themselves.
    """
    tokens: tuple[TokenSettings, ...] = ()
    """The callers that may use the API, each with a token."""
    channels: dict[Name, ChannelEntry] = Field(default_factory=dict)
    """The channels to people, by name. The channel ``console`` always exists."""
    trackers: dict[Name, TrackerEntry] = Field(default_factory=dict)
    """The issue trackers and status pages, by name."""
    self_: Annotated[SelfSettings, Field(alias="self")] = SelfSettings()
    inbound: InboundSettings = InboundSettings()
    sources: Annotated[dict[Name, SourceSettings], AfterValidator(without_own_source)] = Field(default_factory=dict)
    """The Alertmanagers of each source, which tocsin polls for firing alerts."""
    log: LogSettings = LogSettings()
    delivery: DeliverySettings = DeliverySettings()
    defaults: Times = Times()
    reports: ReportSettings = ReportSettings()
