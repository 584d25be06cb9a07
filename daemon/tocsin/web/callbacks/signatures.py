"""Verification of the signatures of callbacks, over the raw request bodies."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

SLACK_WINDOW = 300 * 1_000_000
"""Maximum difference between Slack's signed time and ours, in microseconds (docs.slack.dev, verifying requests)."""


def pagerduty_signed(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Return whether one of the signatures matches one of the secrets.

    ``X-PagerDuty-Signature: v1=<hex>,v1=<hex>`` holds a signature for each active
    secret in PagerDuty. During the rotation of a secret, both sides have several.
    """
    parts = [part.strip() for part in header.split(",")]
    received = [part[3:].encode(errors="surrogateescape") for part in parts if part.startswith("v1=")]
    expected = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    # All pairs are compared, so that the duration does not reveal which pair matches.
    return any([hmac.compare_digest(ours, others) for ours in expected for others in received])  # noqa: C419


def slack_signed(body: bytes, timestamp: str, signature: str, secrets: Sequence[str], now: int) -> bool:
    """Return whether Slack signed this request within the last five minutes.

    ``X-Slack-Signature: v0=<hex>`` is over ``v0:<timestamp>:<body>``; ``now`` is
    in microseconds.
    """
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    if abs(now - int(timestamp) * 1_000_000) > SLACK_WINDOW:
        return False
    message = b"v0:" + timestamp.encode() + b":" + body
    expected = [b"v0=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode() for secret in secrets]
    received = signature.encode(errors="surrogateescape")
    return any([hmac.compare_digest(ours, received) for ours in expected])  # noqa: C419 - as above


def twilio_signed(url: str, fields: Mapping[str, Sequence[str]], signature: str, tokens: Sequence[str]) -> bool:
    """Return whether Twilio signed this request to ``url``.

    ``X-Twilio-Signature`` is the base64 of HMAC-SHA1, with the account's auth
    token, over the URL followed by each form field and its value, sorted by name.
    Twilio may sign the URL with or without its port, regardless of the configured
    URL. Twilio's own validators accept both, and so does this one. The signature
    covers no time, so a repeated request must be harmless.
    """
    form = "".join(f"{name}{value}" for name in sorted(fields) for value in sorted(set(fields[name])))
    messages = [f"{address}{form}".encode(errors="surrogateescape") for address in _with_and_without_port(url)]
    expected = [
        base64.b64encode(hmac.new(token.encode(), message, hashlib.sha1).digest())
        for token in tokens
        for message in messages
    ]
    received = signature.encode(errors="surrogateescape")
    return any([hmac.compare_digest(ours, received) for ours in expected])  # noqa: C419 - as above


_DEFAULT_PORTS = {"https": 443, "http": 80}


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """Return the URL unchanged, without its port, and with its port (by default the scheme's)."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return (url,)
    written, host = f"{parts.scheme}://{parts.netloc}", parts.netloc
    if parts.scheme not in _DEFAULT_PORTS or not parts.netloc:
        return (url,)
    if port is not None:
        host = host.rpartition(":")[0]
    head, tail = url[: len(parts.scheme) + 3], url[len(written) :]
    return tuple(
        dict.fromkeys((url, f"{head}{host}{tail}", f"{head}{host}:{port or _DEFAULT_PORTS[parts.scheme]}{tail}"))
    )
