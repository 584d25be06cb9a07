"""The Statuspage tracker against a strict stand-in; its texts are public."""

import pytest

from conformance.trackers.tracker_rigs import RIGS, about, said
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Reason
from tocsin.ports.tracker import Tracker
from tocsin.testing.content import alert_line
from tocsin.testing.standin import ErrorStatus
from tocsin.testing.statuspage_server import StatuspageServer

RIG = RIGS["statuspage"]


@pytest.fixture
async def server():
    async with StatuspageServer() as running:
        yield running


@pytest.fixture
async def page(server: StatuspageServer):
    async with RIG.running(server.url) as running:
        yield running


async def test_without_words_it_says_nothing_of_what_is_inside(server: StatuspageServer, page: Tracker) -> None:
    inside = about(Job.TICKET_OPEN, title="db-7 is out of disk", summary="secret", alerts=(alert_line("DiskFull"),))
    receipt = await page.send(inside)
    assert receipt.ref.endswith(" http://stspg.io/p31zjtct2jer0")
    [incident] = server.accepted
    assert incident["name"] == "Incident affecting checkout"
    assert incident["body"] == "We are investigating this incident."
    shown = {name: value for name, value in incident.items() if name != "metadata"}
    assert not any(word in str(shown) for word in ("db-7", "secret", "DiskFull", "SEV-1"))


async def test_it_has_its_impact_its_component_and_wakes_no_subscriber(server: StatuspageServer, page: Tracker) -> None:
    await page.send(about(Job.TICKET_OPEN))
    [incident] = server.accepted
    assert incident["impact_override"] == "critical"
    assert incident["components"] == {"ftgks51sfs2d": "partial_outage"}
    assert incident["deliver_notifications"] is False


async def test_what_was_read_is_what_it_says(server: StatuspageServer, page: Tracker) -> None:
    await page.send(about(Job.TICKET_OPEN, text=said("Payments fail for some."), subject="Payments"))
    [incident] = server.accepted
    assert (incident["name"], incident["body"]) == ("Payments", "Payments fail for some.")


@pytest.mark.parametrize("job", [Job.TICKET_OPEN, Job.TICKET_COMMENT, Job.TICKET_CLOSE])
async def test_what_a_person_is_shown_before_is_what_customers_read(
    server: StatuspageServer, page: Tracker, job: Job
) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref if job is not Job.TICKET_OPEN else ""
    shown = page.words(about(job, ref))
    await page.send(about(job, ref))
    posted = server.accepted[-1]
    assert (posted.get("name", ""), posted["body"]) == (shown.title, shown.text)


async def test_the_text_of_an_update_is_shown_to_a_person_and_not_published_unread(
    server: StatuspageServer, page: Tracker
) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    comment = about(Job.TICKET_COMMENT, ref, update="db-3 is back")
    assert page.words(comment).text == "db-3 is back"
    await page.send(comment)
    assert "db-3" not in server.accepted[-1]["body"]


async def test_an_update_has_the_status_of_the_playbook(server: StatuspageServer, page: Tracker) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    for number, (status, shown) in enumerate([("Monitoring", "monitoring"), ("Mitigating", "investigating")]):
        await page.send(about(Job.TICKET_COMMENT, ref, status=status, text=said("news"), key=f"{number}" * 40))
        assert server.accepted[-1]["status"] == shown


async def test_an_open_incident_is_never_shown_as_resolved(server: StatuspageServer, page: Tracker) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    await page.send(about(Job.TICKET_COMMENT, ref, status="Resolved", text=said("news")))
    assert server.accepted[-1]["status"] == "investigating"


async def test_an_update_that_comes_after_the_end_opens_nothing_again(server: StatuspageServer, page: Tracker) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    await page.send(about(Job.TICKET_COMMENT, ref, state="resolved", status="Monitoring", text=said("what it was")))
    assert server.accepted[-1]["status"] == "resolved"


async def test_at_its_end_the_component_works_again(server: StatuspageServer, page: Tracker) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    await page.send(about(Job.TICKET_CLOSE, ref, state="resolved", text=said("It is over.")))
    last = server.accepted[-1]
    assert (last["status"], last["body"]) == ("resolved", "It is over.")
    assert last["components"] == {"ftgks51sfs2d": "operational"}


async def test_a_new_severity_changes_the_impact_and_is_no_news(server: StatuspageServer, page: Tracker) -> None:
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    await page.send(about(Job.TICKET_UPDATE, ref, severity="SEV-2", because="", text=None))
    update = {name: value for name, value in server.accepted[-1].items() if name not in ("at", "kind", "id")}
    assert update == {"impact_override": "major"}


async def test_its_own_status_for_too_many_is_one_of_them(server: StatuspageServer, page: Tracker) -> None:
    server.fail(ErrorStatus(420, {"Retry-After": "7"}))
    receipt = await page.send(about(Job.TICKET_OPEN))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)
    assert receipt.retry_after == 7_000_000


async def test_statuspages_rate_limit_is_no_refusal(server: StatuspageServer, page: Tracker) -> None:
    server.rate.calls = 1
    ref = (await page.send(about(Job.TICKET_OPEN))).ref
    receipt = await page.send(about(Job.TICKET_COMMENT, ref, text=said("news")))
    assert (receipt.outcome, receipt.reason) == (Outcome.RETRY, Reason.RATE_LIMITED)


async def test_a_blank_subject_does_not_make_a_blank_name(server: StatuspageServer, page: Tracker) -> None:
    await page.send(about(Job.TICKET_OPEN, subject=" \n", service=" "))
    assert server.accepted[0]["name"] == "Incident affecting our service"
