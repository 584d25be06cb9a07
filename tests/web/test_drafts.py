"""Drafts over the API: a confirmed text is sent whole; a person's own text has a limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import msgspec
import pytest

from tocsin.core.content.page import Content
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.ports.tracker import Words
from tocsin.testing.recording import RecordingTracker
from tocsin.web.api.drafts import TEXT_LIMIT
from web.frontdoor import PLAN, FrontDoor, front_door

INCIDENT = "/api/v1/incidents/1"


@dataclass
class LongTracker(RecordingTracker):
    """A tracker whose own words are longer than a person may write."""

    def words(self, content: Content) -> Words:
        return Words(content.target, "long " * TEXT_LIMIT)


@pytest.fixture
async def door() -> AsyncIterator[FrontDoor]:
    async with front_door() as opened:
        live = opened.engine.live
        ticket = msgspec.convert({"verb": "tracker", "what": "jira", "at": ["opened"], "confirm": True}, PlaybookAction)
        plan = msgspec.structs.replace(PLAN, actions=(ticket,))
        live.policy = replace(live.policy, playbooks={plan.name: plan}, trackers={"jira": LongTracker("jira")})
        await opened.engine.fire(alertname="Down")
        yield opened


async def draft(door: FrontDoor) -> str:
    async with door.call("GET", f"{INCIDENT}/drafts") as answer:
        [shown] = (await answer.json())["drafts"]
        return str(shown["text"])


async def test_the_drafts_of_all_incidents_are_listed_a_page_at_a_time_also_of_resolved_ones(door: FrontDoor) -> None:
    for name in ("Slow", "Full"):
        await door.engine.fire(alertname=name)

    async def page(**query: int) -> tuple[list[int], str | None]:
        async with door.call("GET", "/api/v1/drafts", params=query) as answer:
            found = await answer.json()
            return [draft["number"] for draft in found["drafts"]], found["next"]

    assert await page() == ([3, 2, 1], None)
    assert await page(limit=2) == ([3, 2], "2")
    assert await page(limit=2, cursor=2) == ([1], None)
    assert await door.status("POST", f"{INCIDENT}/drafts/1/discard", json={}) == 200
    assert await page() == ([3, 2], None)


async def test_a_draft_in_the_list_says_what_it_is_for_and_leaves_out_its_text(door: FrontDoor) -> None:
    async with door.call("GET", "/api/v1/drafts") as answer:
        [shown] = (await answer.json())["drafts"]
    assert (shown["verb"], shown["what"], shown["to"], shown["moment"]) == ("tracker", "jira", ["jira"], "opened")
    assert "text" not in shown


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=all", "cursor=0", "state=open"])
async def test_a_list_of_drafts_that_cannot_be_asked_for_is_refused(door: FrontDoor, query: str) -> None:
    assert await door.status("GET", f"/api/v1/drafts?{query}") == 400


async def test_a_long_draft_is_confirmed_as_it_is(door: FrontDoor) -> None:
    text = await draft(door)
    assert len(text) > TEXT_LIMIT
    confirm = f"{INCIDENT}/drafts/1/confirm"
    assert await door.status("POST", confirm, json={"text": text.strip()}) == 200


async def test_a_persons_own_text_has_a_limit_and_the_draft_keeps_waiting(door: FrontDoor) -> None:
    text = await draft(door)
    confirm = f"{INCIDENT}/drafts/1/confirm"
    assert await door.status("POST", confirm, json={"text": f"{text} and more"}) == 422
    assert await draft(door) == text
    assert await door.status("POST", confirm, json={"text": "x" * TEXT_LIMIT}) == 200
