"""The e-mail settings in ``channels:`` and ``contact:``."""

import re
import ssl
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tocsin.conf.channels import ChannelSettings, ContactSettings
from tocsin.conf.duration import Duration
from tocsin.conf.schema import Text, Whole, mistake
from tocsin.conf.secrets import Secret
from tocsin.conf.settings import Listen
from tocsin.core.oncall.people import Contact

PORTS = {"starttls": 587, "implicit": 465, "none": 25}
"""The usual port of each way to encrypt (RFC 8314, RFC 6409)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        hint = "write alex@example.com, without a name; a domain in its ASCII form (xn--...)"
        raise mistake("is no e-mail address", hint)
    return value


def _ca_file(value: str) -> str:
    try:
        ssl.create_default_context(cafile=value)
    except (OSError, ssl.SSLError) as error:
        problem = f"cannot be read as certificates: {error.strerror or type(error).__name__}"
        raise mistake(problem, f"{Path(value).name} must hold CA certificates in PEM form") from None
    return value


Address = Annotated[Text, AfterValidator(_address)]
"""An e-mail address in ASCII, alone."""


class EmailSettings(ChannelSettings):
    """A mail server (SMTP submission).

    The daemon never uses less encryption than is configured.
    """

    host: Text
    """The server's name; its certificate must be valid for it."""
    port: Annotated[Whole, Field(ge=1, le=65535)] | None = None
    """The port; by default 587 with ``starttls``, 465 with ``implicit``, 25 with ``none``."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """``starttls``, ``implicit``, or ``none`` for a relay on this machine or in a network of your own. tocsin never
    falls back to a weaker setting.
    """
    ca_file: Annotated[Text, AfterValidator(_ca_file)] | None = None
    """A PEM file of CA certificates to trust instead of the system's."""
    username: Text | None = None
    """The user name at the server, with ``password_file``."""
    password: Secret | None = None
    """The password at the server; only sent encrypted, or on this machine."""
    sender: Annotated[Address, Field(alias="from")]
    """The sender's address; its domain is also used in ``EHLO``."""
    reply_to: Address | None = None
    """The address for replies."""
    timeout: Duration = 8_000_000
    """Maximum time of one message."""

    @property
    def used_port(self) -> int:
        """Return the port to connect to."""
        return self.port or PORTS[self.tls]

    @model_validator(mode="after")
    def _whole(self) -> "EmailSettings":
        if (self.username is None) != (self.password is None):
            raise mistake("has only one half of a user name and password", "write username: and password_file:")
        if self.tls == "none" and self.password is not None and not Listen(self.host, 0).is_loopback:
            raise mistake("would send the password unencrypted", "write tls: starttls, or tls: implicit")
        return self

    def doubts(self) -> tuple[str, ...]:
        """Warn about an unencrypted connection: anyone on the network can read all pages."""
        if self.tls != "none" or Listen(self.host, 0).is_loopback:
            return ()
        return (f"mail goes to {self.host} unencrypted: write tls: starttls, if the server offers it",)


class EmailContact(ContactSettings):
    """A contact with an e-mail address."""

    address: Address
    """The address, such as ``alex@example.com``."""

    def contact(self, channel: str) -> Contact:
        """Return the contact. The destination is the address, so one person's messages keep their order."""
        return Contact(channel, self.address)
