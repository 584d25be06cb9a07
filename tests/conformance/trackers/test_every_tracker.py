"""Promises that every kind of tracker keeps, each tested against its stand-in."""

import asyncio
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.trackers.tracker_rigs import HOSTILE, IMPATIENT, RIGS, SECRETS, Rig, about, said
from tocsin.channels.http import classify_status
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.outbox import TICKET_JOBS, Job
from tocsin.ports.channel import Outcome, Reason
from tocsin.ports.tracker import Tracker
from tocsin.testing.content import NOW, alert_line
from tocsin.testing.standin import Drop, ErrorStatus, Hang, Junk, StandIn
from tocsin.trackers.registry import KINDS

LIFE = (Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_UPDATE, Job.TICKET_CLOSE, Job.TICKET_UPDATE)
STATUSES = [status for status in range(300, 600) if status != 304]


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest) -> Rig:
    return RIGS[request.param]


@pytest.fixture
async def server(rig: Rig):
    async with rig.stand_in() as running:
        yield running


@pytest.fixture
async def tracker(rig: Rig, server: StandIn):
    async with rig.running(server.url) as running:
        yield running


@pytest.fixture
async def impatient(rig: Rig, server: StandIn):
    async with rig.running(server.url, IMPATIENT) as running:
        yield running


def test_every_kind_has_a_rig() -> None:
    assert {rig.kind for rig in RIGS.values()} == set(KINDS) - {"console"}


async def test_a_ticket_lives_its_whole_life(rig: Rig, server: StandIn, tracker: Tracker) -> None:
    ref = ""
    for number, job in enumerate(LIFE):
        state = "resolved" if job is Job.TICKET_CLOSE else "triggered"
        receipt = await tracker.send(about(job, ref, key=f"{number}" * 20, state=state, text=said(f"part {number}")))
        assert receipt.outcome is Outcome.SENT, (job, receipt)
        ref = ref or receipt.ref
    assert ref.split(" ")[0]
    assert rig.opened(server) == 1


async def test_it_may_be_closed_without_a_start_and_twice(rig: Rig) -> None:
    tracker = rig.build("http://127.0.0.1:1")
    await tracker.close()
    await tracker.start()
    await tracker.close()
    await tracker.close()


async def test_before_its_start_and_after_its_close_nothing_is_done_and_nothing_is_lost(rig: Rig) -> None:
    tracker = rig.build("http://127.0.0.1:1")
    before = await tracker.send(about(Job.TICKET_OPEN))
    await tracker.start()
    await tracker.close()
    after = await tracker.send(about(Job.TICKET_OPEN))
    assert before.outcome is after.outcome is Outcome.RETRY


async def test_every_status_is_classified_by_the_one_table(rig: Rig, server: StandIn, tracker: Tracker) -> None:
    for status in STATUSES:
        server.fail(ErrorStatus(status, body=b"{}"))
        receipt = await tracker.send(about(Job.TICKET_OPEN))
        table = classify_status(status)
        expected = table.outcome, table.reason
        if status == 420 and rig.kind == "statuspage":
            expected = Outcome.RETRY, Reason.RATE_LIMITED
        assert (receipt.outcome, receipt.reason) == expected, status
    assert server.requests == len(STATUSES), "each attempt was made exactly once"
    assert rig.opened(server) == 0


async def test_a_rate_limit_is_kept(server: StandIn, tracker: Tracker) -> None:
    server.fail(ErrorStatus(429, {"Retry-After": "45"}))
    receipt = await tracker.send(about(Job.TICKET_OPEN))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)
    assert receipt.retry_after == 45_000_000


async def test_nothing_listening_is_surely_not_done(rig: Rig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else can take it
        async with rig.running(f"http://127.0.0.1:{taken.getsockname()[1]}") as tracker:
            receipt = await tracker.send(about(Job.TICKET_OPEN))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.CONNECTION)


@pytest.mark.parametrize("fault", [Hang(accept=True), Drop(accept=True), Junk()], ids=str)
async def test_an_attempt_without_an_answer_opens_no_second_ticket(
    rig: Rig, server: StandIn, impatient: Tracker, fault: object
) -> None:
    server.fail(fault)
    lost = await impatient.send(about(Job.TICKET_OPEN))
    if rig.kind == "webhook" and isinstance(fault, Junk):
        assert lost.outcome is Outcome.SENT, "any 2xx is a yes"
        return
    assert lost.outcome is Outcome.AMBIGUOUS
    again = await impatient.send(about(Job.TICKET_OPEN, possible_duplicate=True))
    if again.outcome is Outcome.RETRY:
        assert again.retry_after, "its search may not know of the ticket yet: it is asked again later"
        rig.index(server)
        again = await impatient.send(about(Job.TICKET_OPEN, possible_duplicate=True, now=NOW + again.retry_after))
    assert again.outcome is Outcome.SENT
    assert again.ref
    if rig.finds:
        assert rig.opened(server) == 1
    else:
        assert len({entry["headers"]["Idempotency-Key"] for entry in server.accepted}) == 1


@pytest.mark.parametrize("job", [Job.TICKET_COMMENT, Job.TICKET_CLOSE])
async def test_what_was_said_without_an_answer_is_not_said_twice(
    rig: Rig, server: StandIn, impatient: Tracker, job: Job
) -> None:
    ref = (await impatient.send(about(Job.TICKET_OPEN))).ref
    before = len(server.accepted)
    words = {"key": "c" * 40, "text": said("half of it works"), "state": "resolved"}
    first = await impatient.send(about(job, ref, **words))
    assert first.outcome is Outcome.SENT
    done = len(server.accepted)
    again = await impatient.send(about(job, ref, possible_duplicate=True, **words))
    assert again.outcome is Outcome.SENT
    spoken = [entry for entry in server.accepted[before:] if "half of it works" in str(entry)]
    if rig.finds:
        assert len(spoken) == 1, server.accepted[done:]
    else:
        assert len({entry["headers"]["Idempotency-Key"] for entry in spoken}) == 1


async def test_a_redirect_is_not_followed(server: StandIn, tracker: Tracker) -> None:
    server.fail(ErrorStatus(307, {"Location": f"{server.url}/elsewhere"}))
    receipt = await tracker.send(about(Job.TICKET_OPEN))
    assert receipt.outcome is Outcome.PERMANENT
    assert server.requests == 1


async def test_a_receipt_holds_no_secret(rig: Rig, server: StandIn, tracker: Tracker) -> None:
    server.fail(ErrorStatus(400, body=" ".join((server.url, *SECRETS)).encode()), Drop())
    own = [secret for secret in SECRETS if secret in str(rig.settings(server.url)) or rig.kind != "webhook"]
    details = [(await tracker.send(about(Job.TICKET_OPEN))).detail for _ in range(2)]
    assert any(details)
    revealed = [value.reveal() for value in rig.settings(server.url).values() if hasattr(value, "reveal")]
    assert own
    for secret in revealed:
        assert not any(secret in detail for detail in details)


async def test_closing_while_a_call_hangs_does_not_hang(rig: Rig, server: StandIn) -> None:
    tracker = rig.build(server.url, IMPATIENT)
    await tracker.start()
    server.fail(Hang(accept=True))
    attempt = asyncio.create_task(tracker.send(about(Job.TICKET_OPEN)))
    await server.accepts(1)
    async with asyncio.timeout(10):
        await tracker.close()
        receipt = await attempt
    assert receipt.outcome is Outcome.AMBIGUOUS


TEXTS = st.text(st.characters(codec=None), max_size=60) | st.sampled_from([HOSTILE, "", "# x", "- y", "```", "**"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=4, max_size=4), swollen=st.sampled_from([1, 400]), worded=st.booleans())
async def test_a_ticket_is_opened_for_any_alert_content(
    rig: Rig, texts: list[str], swollen: int, *, worded: bool
) -> None:
    title, service, author, foreign = (text * swollen for text in texts)
    words = said(author or "x", foreign) if worded else None
    alert = alert_line(title, instance=service)
    async with rig.stand_in() as server, rig.running(server.url) as tracker:
        ref = ""
        for job in LIFE:
            # A subject has no space around it: `RenderedText.split_subject`.
            subject = texts[0].strip()
            told = about(job, ref, title=title, service=service, text=words, subject=subject, alerts=(alert,) * 10)
            receipt = await tracker.send(told)
            assert receipt.outcome is Outcome.SENT, (job, receipt)
            ref = ref or receipt.ref


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(service=TEXTS, job=st.sampled_from(sorted(TICKET_JOBS)))
def test_what_is_shown_before_a_person_confirms_it_is_what_goes_out(rig: Rig, service: str, job: Job) -> None:
    tracker = rig.build("http://127.0.0.1:1")
    shown = tracker.words(about(job, "1 #1", service=service))
    assert shown.text
    subject, text = RenderedText.written(
        f"Subject: {shown.title}\n\n{shown.text}" if shown.title else shown.text
    ).split_subject()
    confirmed = about(job, "1 #1", service=service, subject=subject, text=text)
    assert tracker.words(confirmed) == shown


def test_it_takes_every_job_that_there_is_for_trackers() -> None:
    assert set(LIFE) == TICKET_JOBS
