"""The e-mail channel against a strict mail server: content, encryption, and the handling of each response."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.certificates import self_signed
from tocsin.channels.email.channel import EmailChannel
from tocsin.channels.email.payload import render
from tocsin.channels.email.settings import EmailContact, EmailSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.content import NOW, alert_line, content
from tocsin.testing.smtp_message import LONGEST_LINE, check_message
from tocsin.testing.smtp_server import PASSWORD, SIZE, USER, SmtpFault, SmtpServer

ALICE = "alice@example.com"
SECONDS = 1_000_000


def settings(port: int = 25, **more: Any) -> EmailSettings:
    given = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "tocsin@example.com", "timeout": "10s"}
    return EmailSettings.model_validate(given | more)


async def send(server: SmtpServer, job: Job = Job.PAGE, fields: dict[str, Any] | None = None, **more: Any) -> Receipt:
    channel = EmailChannel("mail", settings(server.port, **more))
    await channel.start()
    try:
        return await channel.send(content(job, destination=ALICE, **(fields or {})))
    finally:
        await channel.close()


def login(password: str = PASSWORD) -> dict[str, Any]:
    return {"username": USER, "password": Secret(password)}


@pytest.fixture
async def server():
    async with SmtpServer() as running:
        yield running


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


# What is sent.


async def test_a_page_has_the_problem_the_recipient_the_reason_and_the_next_step(server: SmtpServer):
    receipt = await send(server, fields={"summary": "Customers cannot pay.", "url": "https://tocsin.example.com/i/12"})
    assert receipt.outcome is Outcome.SENT
    assert "queued as" in receipt.ref
    (mail,) = server.accepted
    assert (mail["sender"], mail["recipients"]) == ("tocsin@example.com", [ALICE])
    assert mail["subject"] == "#12 checkout: HighLatency on checkout"
    assert mail["headers"]["From"] == "tocsin <tocsin@example.com>"
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert mail["headers"]["Importance"] == "high"
    assert mail["body"].splitlines() == [
        "PAGE [SEV-1] #12 checkout: HighLatency on checkout (not acknowledged)",
        "SEV-1: on-call engineer first.",
        "Customers cannot pay.",
        "Open since 2026-11-20 03:00 UTC (5 min); 1 alert firing.",
        "Acknowledge: tocsin incidents ack 12",
        "",
        "HighLatency: firing since 2026-11-20 02:59 UTC",
        "p99 above 2 s.",
        "- instance=web-1:9100, cluster=eu-1",
        "- https://runbooks.example.com/latency",
        "- https://prometheus.example.com/graph?g0.expr=up",
        "",
        "This message is for alice.",
        "Playbook: Emergency response",
        "Incident: https://tocsin.example.com/i/12",
    ]


async def test_a_subject_is_read_as_it_was_meant(server: SmtpServer):
    await send(server, fields={"title": "=?utf-8?q?=E2=80=AE?="})
    (mail,) = server.accepted
    assert mail["subject"] == "#12 checkout: = ?utf-8?q? =E2=80=AE? ="


async def test_all_of_an_incidents_mail_is_one_thread_of_one_subject_and_each_has_an_id_of_its_own(server: SmtpServer):
    await send(server, fields={"key": "a" * 64})
    await send(server, Job.ACKNOWLEDGE, {"key": f"{'a' * 64}:acknowledge", "acknowledged_by": "bob"})
    await send(server, Job.RESOLVE, {"key": f"{'a' * 64}:resolve", "resolved_at": NOW})
    await send(server, fields={"key": "b" * 64, "incident_id": "another"})
    page, taken, over, other = server.accepted
    assert page["message_id"] == f"<{'a' * 64}@example.com>"
    assert taken["message_id"] == f"<{'a' * 64}.acknowledge@example.com>"
    assert len({mail["message_id"] for mail in server.accepted}) == 4
    assert (
        page["references"]
        == taken["references"]
        == over["in_reply_to"]
        == "<01JD0000000000000000000000.incident@example.com>"
    )
    assert other["references"] != page["references"]
    assert {mail["subject"] for mail in (page, taken, over)} == {"#12 checkout: HighLatency on checkout"}
    assert "Acknowledged by bob" in taken["body"]
    assert "Resolved after 5 min" in over["body"]


async def test_a_messages_own_words_are_all_that_its_reader_gets(server: SmtpServer):
    words = RenderedText.written("Dear customers,\n\nsome payments fail.")
    fields = {"text": words, "subject": "Service disruption", "because": "as it was declared"}
    await send(server, Job.UPDATE, fields)
    [mail] = server.accepted
    assert mail["subject"] == "Service disruption"
    assert mail["body"].splitlines() == ["Dear customers,", "", "some payments fail."]


async def test_what_may_be_a_duplicate_says_so_and_has_the_same_id(server: SmtpServer):
    await send(server)
    await send(server, fields={"possible_duplicate": True})
    first, second = server.accepted
    assert second["message_id"] == first["message_id"]
    assert "You may have had this already" in second["body"]
    assert "You may have had this already" not in first["body"]


async def test_answers_go_where_the_settings_say(server: SmtpServer):
    await send(server, reply_to="ops@example.com")
    assert server.accepted[0]["reply_to"] == "ops@example.com"


HOSTILE = st.text(st.characters(codec=None), max_size=80) | st.sampled_from(
    [
        "a\r\nBcc: eve@example.com",
        "\n.\nMAIL FROM:<eve@example.com>",
        "\u2028Bcc: x",
        "=?utf-8?q?x?=",
        "\ud800",
        "\x00",
        ". .",
    ]
)


@given(texts=st.lists(HOSTILE, min_size=6, max_size=6), swollen=st.sampled_from([1, 500]), job=st.sampled_from(Job))
def test_nothing_from_outside_becomes_a_header_a_command_or_a_line_that_is_too_long(
    texts: list[str], swollen: int, job: Job
):
    title, service, because, name, value, key = (text * swollen for text in texts)
    alert = alert_line(name, odd=value)
    alert.annotations.update(summary=value, runbook_url=f"https://{value}")
    told = content(job, destination=ALICE, title=title, service=service, because=because, key=key, alerts=(alert,) * 20)
    raw = render(told, settings())
    said, wrong = check_message(raw)
    assert wrong == ""
    assert set(said["headers"]) <= {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Auto-Response-Suppress", "Importance", "X-Mailer", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
    }  # fmt: skip
    assert [address.addr_spec for address in said["headers"]["To"].addresses] == [ALICE]
    assert len(raw) < SIZE
    assert max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE


# How it is protected.


@pytest.mark.parametrize("way", ["starttls", "implicit"])
async def test_it_logs_in_once_the_line_is_encrypted(certificate: tuple[Path, Path], way: str):
    async with SmtpServer(certificate=certificate, implicit=way == "implicit", login=True) as server:
        receipt = await send(server, tls=way, ca_file=str(certificate[0]), **login())
        assert receipt.outcome is Outcome.SENT, receipt
        assert (server.accepted[0]["encrypted"], server.accepted[0]["user"]) == (True, USER)


@pytest.mark.parametrize("way", ["starttls", "implicit"])
async def test_a_server_with_an_untrusted_certificate_gets_neither_password_nor_page(
    certificate: tuple[Path, Path], way: str
):
    async with SmtpServer(certificate=certificate, implicit=way == "implicit", login=True) as server:
        receipt = await send(server, tls=way, **login())
        assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.CONNECTION)
        assert "CERTIFICATE_VERIFY_FAILED" in receipt.detail
        assert server.accepted == []


@pytest.mark.parametrize("way", ["starttls", "implicit"])
async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, way: str):
    other = self_signed(tmp_path, "DNS:mail.elsewhere.example")
    async with SmtpServer(certificate=other, implicit=way == "implicit") as server:
        receipt = await send(server, tls=way, ca_file=str(other[0]))
        assert (receipt.outcome, server.accepted) == (Outcome.RETRY, [])


async def test_a_server_without_starttls_never_gets_it_in_the_clear(server: SmtpServer):
    receipt = await send(server, tls="starttls")
    assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.BAD_ANSWER)
    assert "STARTTLS" in receipt.detail
    assert server.accepted == []


async def test_a_wrong_password_is_a_permanent_failure_and_is_not_logged():
    async with SmtpServer(login=True) as server:
        receipt = await send(server, **login("another-password-1"))
        assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.AUTH)
        assert "535" in receipt.detail
        assert "another-password-1" not in receipt.detail
        assert (await send(server)).reason is Reason.AUTH, "without any"


# What is made of each answer.

BEFORE = ("connect", "ehlo", "mail", "rcpt", "data")


@pytest.mark.parametrize("stage", [*BEFORE, "content"])
@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        ("421 4.3.2 too many connections", Outcome.RETRY, Reason.RATE_LIMITED),
        ("451 4.3.0 try again", Outcome.RETRY, Reason.SERVER_ERROR),
        ("452 4.2.2 no room", Outcome.RETRY, Reason.RATE_LIMITED),
        ("550 5.7.1 not from you", Outcome.PERMANENT, Reason.CLIENT_ERROR),
        ("554 5.7.1 no", Outcome.PERMANENT, Reason.CLIENT_ERROR),
    ],
)
async def test_4xx_is_retried_and_5xx_is_not_at_every_stage(
    server: SmtpServer, stage: str, reply: str, outcome: Outcome, reason: Reason
):
    server.faults.append(SmtpFault(stage, reply))
    receipt = await send(server)
    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    assert reply[:3] in receipt.detail
    assert server.accepted == []
    assert (await send(server)).outcome is Outcome.SENT


@pytest.mark.parametrize("stage", BEFORE[:-1])
async def test_a_connection_that_is_cut_before_the_message_has_delivered_nothing(server: SmtpServer, stage: str):
    server.faults.append(SmtpFault(stage))
    receipt = await send(server)
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.CONNECTION)


@pytest.mark.parametrize("accept", [True, False])
async def test_a_connection_that_is_cut_after_the_message_may_have_delivered_it(server: SmtpServer, accept: bool):
    server.faults.append(SmtpFault("content", accept=accept))
    receipt = await send(server)
    assert (receipt.outcome, receipt.reason) == (Outcome.AMBIGUOUS, Reason.CONNECTION)
    assert len(server.accepted) == accept


async def test_a_server_that_hangs_is_given_up_in_time_and_only_the_message_makes_it_ambiguous(server: SmtpServer):
    for stage, outcome in (("connect", Outcome.RETRY), ("rcpt", Outcome.RETRY), ("content", Outcome.AMBIGUOUS)):
        server.faults.append(SmtpFault(stage, hang=True))
        receipt = await send(server, timeout="300ms")
        assert (receipt.outcome, receipt.reason) == (outcome, Reason.TIMEOUT), stage


async def test_a_server_that_is_down_has_taken_nothing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        channel = EmailChannel("mail", settings(taken.getsockname()[1]))
        await channel.start()
        receipt = await channel.send(content(destination=ALICE))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.CONNECTION)
    assert "ECONNREFUSED" in receipt.detail


async def test_an_unknown_mailbox_is_a_permanent_failure():
    async with SmtpServer(known={"bob@example.com"}) as server:
        receipt = await send(server)
        assert (receipt.outcome, receipt.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
        assert "5.1.1" in receipt.detail


async def test_a_yes_counts_also_if_the_goodbye_hangs(server: SmtpServer):
    channel = EmailChannel("mail", settings(server.port))
    await channel.start()
    async with asyncio.timeout(5):
        receipts = await asyncio.gather(*(channel.send(content(destination=ALICE, key=f"{n}" * 64)) for n in range(8)))
    assert {receipt.outcome for receipt in receipts} == {Outcome.SENT}
    assert len({mail["message_id"] for mail in server.accepted}) == 8
    await channel.close()


# What may be written.


@pytest.mark.parametrize(
    "address", ["alice@example.com", "a.b+tag@mail.example.co.uk", "root@localhost", "x@xn--bcher-kva.example"]
)
def test_an_address_is_taken(address: str):
    assert EmailContact.model_validate({"address": address}).contact("mail") == Contact("mail", address)


@pytest.mark.parametrize(
    "address",
    [
        *("alice", "@example.com", "alice@", "Alice <alice@example.com>", "a@b@c", "a b@example.com"),
        *("a@exam ple.com", "a@example.com\nBcc: eve@example.com", "a@example.com,b@example.com"),
        *("a..b@example.com", "ä@example.com", "a@büro.example", "a@-example.com", '"a"@example.com'),
        *(f"{'a' * 65}@example.com", f"a@{'b' * 64}.example"),
    ],
)
def test_an_invalid_address_is_refused_in_the_configuration(address: str):
    with pytest.raises(ValidationError, match="no e-mail address"):
        EmailContact.model_validate({"address": address})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"username": USER}, "only one half"),
        ({"host": "mail.example.com", **login()}, "unencrypted"),
        ({"ca_file": "/nowhere/ca.pem"}, "cannot be read as certificates"),
    ],
)
def test_settings_that_cannot_work_or_give_the_password_away_are_refused(given: dict[str, Any], told: str):
    with pytest.raises(ValidationError, match=told):
        settings(**given)


def test_mail_that_goes_over_a_network_unencrypted_is_a_warning():
    assert settings().doubts() == ()
    assert "unencrypted" in settings(host="mail.example.com").doubts()[0]
    assert settings(host="mail.example.com", tls="starttls").doubts() == ()


@pytest.mark.parametrize(("way", "port"), [("starttls", 587), ("implicit", 465), ("none", 25)])
def test_each_way_to_encrypt_has_its_port(way: str, port: int):
    written = EmailSettings.model_validate({"host": "localhost", "tls": way, "from": "tocsin@example.com"})
    assert written.used_port == port
