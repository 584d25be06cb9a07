"""Requests without a valid token are limited per sender, and reported without a page unless the sender is known."""

import hashlib
import hmac
from ipaddress import ip_network

import pytest

from tocsin.conf.settings import LimitSettings, Scope
from tocsin.core.incident.outbox import Job
from tocsin.engine.intake.senders import MOST, REMEMBERED_DAYS, KnownSenders
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.recording import RecordingObserver
from tocsin.web.edge import EDGE
from tocsin.web.server.bodies import SMALL
from tocsin.web.server.sender_limits import MOST_SENDERS, FailedLogins
from web.frontdoor import SETTINGS, SLACK_SECRET, TOKENS, FrontDoor, front_door, inbound

PATH = "/webhooks/alertmanager"
DOWN = {"alerts": [{"labels": {"alertname": "Down", "severity": "SEV-1"}}]}
LIMIT = 3
LIMITED = SETTINGS.model_copy(update={"limits": LimitSettings(failed_logins=LIMIT)})
INGEST = TOKENS[Scope.INGEST]


async def told(door: FrontDoor) -> list[tuple[Job, str]]:
    """Return the messages to tocsin's own people about the reported faults."""
    for reason, source, detail in door.intake.reports:
        door.engine.ingest.report(reason, source, detail)
    await door.engine.settle()
    return [(one.job, one.title) for one in door.engine.console.sent if one.playbook == "tocsin"]


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_after_so_many_failures_in_a_minute_a_sender_is_answered_429(token: str | None) -> None:
    async with front_door(LIMITED) as door:
        answers = [await door.status("GET", "/api/v1/incidents", token=token) for _ in range(LIMIT + 2)]
        assert answers == [401] * LIMIT + [429] * 2
        assert door.figure("inbound_rejected_total", edge="api", reason="rate_limited") == 2
        async with door.call("GET", "/api/v1/incidents", token=token) as answer:
            assert (answer.headers["Retry-After"], answer.headers["Connection"]) == ("60", "close")


async def test_a_valid_token_is_never_refused_for_the_failures_of_others_at_its_address() -> None:
    async with front_door(LIMITED) as door:
        for _ in range(5 * LIMIT):
            await door.status("POST", PATH, token="wrong", json=DOWN)
            assert await door.status("POST", PATH, token=INGEST, json=DOWN) == 200


async def test_the_limit_resets_every_minute() -> None:
    async with front_door(LIMITED) as door:
        for _ in range(LIMIT + 1):
            last = await door.status("GET", "/api/v1/incidents", token="wrong")
        assert last == 429
        door.engine.clock.advance(minutes=1)
        assert await door.status("GET", "/api/v1/incidents", token="wrong") == 401


async def test_wrong_signatures_count_as_failures_too() -> None:
    async with front_door(LIMITED) as door:
        answers = [await door.status("POST", "/webhooks/pagerduty", token=None, data=b"{}") for _ in range(LIMIT + 1)]
        assert answers == [403] * LIMIT + [429]


async def test_a_token_without_the_scope_is_no_failed_login() -> None:
    async with front_door(LIMITED) as door:
        answers = {await door.status("POST", PATH, token=TOKENS[Scope.READ], json=DOWN) for _ in range(LIMIT + 2)}
        assert answers == {403}
        assert door.intake.reports[0][:2] == ("forbidden", "alertmanager")


async def test_strangers_inform_and_page_no_one() -> None:
    async with front_door() as door:
        for path in (PATH, f"{PATH}/eu", "/webhooks/pagerduty"):
            await door.status("POST", path, token="wrong", json=DOWN)
        assert {job for job, _ in await told(door)} == {Job.UPDATE}
        assert door.figure("senders_refused_total", edge="alertmanager", known="no") == 2


UNREADABLE = [
    ("/webhooks/pagerduty", {"data": b"{}", "headers": {"Content-Encoding": "gzip"}}, 415),
    ("/webhooks/slack", {"data": b"x" * (SMALL + 1)}, 413),
    ("/webhooks/twilio", {"data": b"Body=\xff"}, 400),
]
"""Requests that are refused before their signature can be checked."""


@pytest.mark.parametrize(("path", "how", "status"), UNREADABLE)
async def test_what_cannot_be_read_and_is_not_signed_is_of_a_stranger(
    path: str, how: dict[str, object], status: int
) -> None:
    twilio = SETTINGS.inbound.model_copy(update={"twilio": inbound("twilio-token")})
    async with front_door(LIMITED.model_copy(update={"inbound": twilio})) as door:
        answers = [await door.status("POST", path, token=None, **how) for _ in range(LIMIT + 1)]
        assert answers == [status] * LIMIT + [429]
        assert {job for job, _ in await told(door)} == {Job.UPDATE}


@pytest.mark.parametrize(("path", "how", "status"), UNREADABLE)
async def test_what_cannot_be_read_of_a_provider_that_was_accepted_before_pages(
    path: str, how: dict[str, object], status: int
) -> None:
    twilio = SETTINGS.inbound.model_copy(update={"twilio": inbound("twilio-token")})
    async with front_door(SETTINGS.model_copy(update={"inbound": twilio})) as door:
        door.app[EDGE].senders.accept(path.rpartition("/")[2], "127.0.0.1")
        assert await door.status("POST", path, token=None, **how) == status
        assert {job for job, _ in await told(door)} == {Job.PAGE}


async def test_what_is_signed_and_makes_no_sense_is_no_failed_login() -> None:
    secret = SLACK_SECRET.encode()
    async with front_door(LIMITED) as door:
        timestamp = str(door.engine.clock.now() // 1_000_000)
        digest = hmac.new(secret, f"v0:{timestamp}:payload=no".encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        how = {"data": b"payload=no", "headers": headers}
        answers = {await door.status("POST", "/webhooks/slack", token=None, **how) for _ in range(LIMIT + 2)}
        assert answers == {400}
        assert door.intake.reports[0][:2] == ("malformed", "slack")


async def test_the_refusal_of_a_sender_that_was_accepted_before_pages() -> None:
    async with front_door() as door:
        assert await door.status("POST", f"{PATH}/eu", token=INGEST, json=DOWN) == 200
        assert await door.status("POST", f"{PATH}/eu", token="expired", json=DOWN) == 401
        assert door.intake.reports[0][:2] == ("unauthorized", "eu")
        assert door.figure("senders_refused_total", edge="alertmanager", known="yes") == 1
        assert [job for job, _ in await told(door)] == [Job.PAGE]


async def test_a_sender_is_known_only_where_it_was_accepted() -> None:
    async with front_door() as door:
        assert await door.status("POST", f"{PATH}/eu", token=INGEST, json=DOWN) == 200
        assert await door.status("POST", f"{PATH}/us", token="expired", json=DOWN) == 401
        assert door.intake.reports[0][:2] == ("strangers", "alertmanager")


async def test_behind_a_proxy_that_is_not_listed_a_bad_token_pages_no_one() -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    async with front_door() as door:
        assert await door.status("POST", PATH, token=INGEST, json=DOWN, headers=forwarded) == 200
        assert await door.status("POST", PATH, token="wrong", json=DOWN, headers=forwarded) == 401
        assert {job for job, _ in await told(door)} == {Job.UPDATE}


async def test_behind_a_listed_proxy_a_sender_that_was_accepted_before_is_known() -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7"}
    listed = SETTINGS.model_copy(update={"trusted_proxies": (ip_network("127.0.0.1"),)})
    async with front_door(listed) as door:
        assert await door.status("POST", PATH, token=INGEST, json=DOWN, headers=forwarded) == 200
        assert await door.status("POST", PATH, token="expired", json=DOWN, headers=forwarded) == 401
        assert {job for job, _ in await told(door)} == {Job.PAGE}


# Who was accepted before.


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore(VirtualClock())
    await store.open()
    return store


async def test_a_sender_is_known_after_a_restart_for_a_week(store: MemoryStore) -> None:
    clock = store._clock
    assert isinstance(clock, VirtualClock)
    before = KnownSenders(store, clock, RecordingObserver())
    before.accept("alertmanager/eu", "10.0.0.1")
    await before.close()
    assert await KnownSenders(store, clock, RecordingObserver()).is_known("alertmanager/eu", "10.0.0.1")
    assert not await KnownSenders(store, clock, RecordingObserver()).is_known("alertmanager/eu", "10.0.0.2")
    clock.advance(days=REMEMBERED_DAYS)
    assert await KnownSenders(store, clock, RecordingObserver()).is_known("alertmanager/eu", "10.0.0.1")
    clock.advance(days=1)
    assert not await KnownSenders(store, clock, RecordingObserver()).is_known("alertmanager/eu", "10.0.0.1")


async def test_without_a_restart_a_sender_is_known_for_a_week_too(store: MemoryStore) -> None:
    clock = store._clock
    assert isinstance(clock, VirtualClock)
    senders = KnownSenders(store, clock, RecordingObserver())
    senders.accept("alertmanager/eu", "10.0.0.1")
    await senders.close()
    clock.advance(days=REMEMBERED_DAYS)
    assert await senders.is_known("alertmanager/eu", "10.0.0.1")
    clock.advance(days=1)
    assert not await senders.is_known("alertmanager/eu", "10.0.0.1")


async def test_looking_for_a_sender_makes_no_one_known(store: MemoryStore) -> None:
    for _ in range(3):
        assert not await KnownSenders(store, store._clock, RecordingObserver()).is_known("pagerduty", "10.0.0.1")


async def test_a_stranger_that_is_accepted_is_known_at_once(store: MemoryStore) -> None:
    senders = KnownSenders(store, store._clock, RecordingObserver())
    assert not await senders.is_known("pagerduty", "10.0.0.1")
    senders.accept("pagerduty", "10.0.0.1")
    assert await senders.is_known("pagerduty", "10.0.0.1")
    await senders.close()


async def test_however_many_senders_there_are_memory_is_bounded(store: MemoryStore) -> None:
    observer = RecordingObserver()
    senders = KnownSenders(store, store._clock, observer)
    failures = FailedLogins(lambda: LIMITED, store._clock.now, observer)
    for number in range(MOST + 10):
        senders._refused[str(number), ""] = (0, False)
    await senders.is_known("x", "y")
    assert len(senders._refused) <= MOST
    for number in range(MOST_SENDERS + 10):
        failures.is_one_too_many(str(number))
    assert len(failures._failures) <= MOST_SENDERS
