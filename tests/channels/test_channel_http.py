import errno
import re
import ssl

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels import http
from tocsin.core.duration import SECOND
from tocsin.ports.channel import Outcome, Reason

NOW = 1_795_143_909_000_000


PROMISED = [
    ({401, 403, 404, 407}, Outcome.PERMANENT, Reason.AUTH),
    ({408}, Outcome.RETRY, Reason.TIMEOUT),
    ({425}, Outcome.RETRY, Reason.CLIENT_ERROR),
    ({429}, Outcome.RETRY, Reason.RATE_LIMITED),
    ({502, 504}, Outcome.AMBIGUOUS, Reason.SERVER_ERROR),
    (range(200, 300), Outcome.SENT, Reason.NONE),
    (range(300, 400), Outcome.PERMANENT, Reason.BAD_ANSWER),
    (range(400, 500), Outcome.PERMANENT, Reason.CLIENT_ERROR),
    (range(500, 600), Outcome.RETRY, Reason.SERVER_ERROR),
    (range(1000), Outcome.AMBIGUOUS, Reason.BAD_ANSWER),
]
"""The outcome of each status; the first row that holds it counts."""


def test_every_status_has_its_outcome():
    for status in range(100, 1000):
        outcome, reason = next((outcome, reason) for statuses, outcome, reason in PROMISED if status in statuses)
        receipt = http.classify_status(status, "why", 5 * SECOND)
        assert (receipt.outcome, receipt.reason, receipt.http_status) == (outcome, reason, status)
        assert receipt.detail == ("" if outcome is Outcome.SENT else "why")
        assert receipt.retry_after == (5 * SECOND if outcome is Outcome.RETRY else None)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": " 30 "}, 30 * SECOND),
        ({"Retry-After": "99999999999999999999"}, http.LONGEST_WAIT),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "\u0663"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 03:05:39 GMT"}, 30 * SECOND),
        ({"Retry-After": "Fri, 20 Nov 2026 03:05:39"}, 30 * SECOND),
        ({"Retry-After": "Fri, 20 Nov 2026 03:04:00 GMT"}, 0),
        ({"Retry-After": "Fri, 20 Nov 2099 03:04:00 GMT"}, http.LONGEST_WAIT),
        ({"Retry-After": "Fri, 99 Nov 2026 03:04:00 GMT"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 04:00:10 GMT", "Date": "Fri, 20 Nov 2026 04:00:00 GMT"}, 10 * SECOND),
        ({"Retry-After": "Fri, 20 Nov 2026 03:05:39 GMT", "Date": "yesterday"}, 30 * SECOND),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_answers_own_clock(headers: dict[str, str], wait: int | None):
    assert http.retry_after(headers, NOW) == wait


@given(st.text(), st.text())
def test_retry_after_never_raises_and_is_bounded(value: str, date: str):
    wait = http.retry_after({"Retry-After": value, "Date": date}, NOW)
    assert wait is None or 0 <= wait <= http.LONGEST_WAIT


def _connector_error(error: OSError) -> aiohttp.ClientConnectorError:
    class Key:
        host, port, ssl, is_ssl = "secret-host", 443, True, True

    return aiohttp.ClientConnectorError(Key(), error)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (_connector_error(ConnectionRefusedError(errno.ECONNREFUSED, "x")), Outcome.RETRY, Reason.CONNECTION),
        (_connector_error(OSError(-2, "Name or service not known")), Outcome.RETRY, Reason.CONNECTION),
        (_connector_error(ssl.SSLError(1, "CERTIFICATE_VERIFY_FAILED")), Outcome.RETRY, Reason.CONNECTION),
        (aiohttp.ConnectionTimeoutError("x"), Outcome.RETRY, Reason.CONNECTION),
        (aiohttp.SocketTimeoutError("x"), Outcome.AMBIGUOUS, Reason.TIMEOUT),
        (TimeoutError(), Outcome.AMBIGUOUS, Reason.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), Outcome.AMBIGUOUS, Reason.CONNECTION),
        (aiohttp.ClientOSError(errno.EPIPE, "Broken pipe"), Outcome.AMBIGUOUS, Reason.CONNECTION),
        (aiohttp.ClientPayloadError(), Outcome.AMBIGUOUS, Reason.CONNECTION),
        (aiohttp.InvalidURL("nonsense"), Outcome.PERMANENT, Reason.CLIENT_ERROR),
        (http.Redirected(302), Outcome.PERMANENT, Reason.BAD_ANSWER),
        (http.AnswerTooLong(200), Outcome.AMBIGUOUS, Reason.BAD_ANSWER),
        (http.AnswerTooLong(503), Outcome.RETRY, Reason.SERVER_ERROR),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_has_its_outcome_and_names_no_host(error: Exception, outcome: Outcome, reason: Reason):
    receipt = http.classify_error(error)
    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    assert receipt.detail
    assert "secret-host" not in receipt.detail
    assert not re.search(r"[a-z][A-Z]|Error", receipt.detail), "no name of a class"


@pytest.mark.parametrize(
    "url",
    [
        "https://events.pagerduty.com",
        "https://host/api/",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:9",
    ],
)
def test_a_base_url_is_https_or_on_loopback(url: str):
    assert http.check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://events.pagerduty.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "https://",
        "events.pagerduty.com",
        "https://user:secret@host",
        "https://host?x=1",
        "https://host#x",
        "",
    ],
)
def test_a_base_url_that_would_send_keys_in_the_clear_is_refused(url: str):
    with pytest.raises(ValueError, match="https://"):
        http.check_base_url(url)


def test_what_a_provider_said_is_one_short_line_without_secrets():
    said = http.error_text(b"no\r\n\x1b[31m key s3cret \xff" + b"x" * 9999, ["s3cret", ""])
    assert said.startswith("no \ufffd[31m key <secret> \ufffdxxx")
    assert len(said) == http.DETAIL_LIMIT
