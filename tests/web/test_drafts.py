"""Drafts over the API: what a person has read goes out, however long it is; what a person writes has a limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import msgspec
import pytest

from tocsin.core.acting import PlaybookAction
from tocsin.core.page import Content
from tocsin.ports.tracker import Words
from tocsin.testing.recording import RecordingTracker
from tocsin.web.drafts import TEXT_LIMIT
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


async def test_a_long_draft_is_confirmed_as_it_is(door: FrontDoor) -> None:
    text = await draft(door)
    assert len(text) > TEXT_LIMIT
    confirm = f"{INCIDENT}/drafts/1/confirm"
    assert await door.status("POST", confirm, json={"text": text.strip()}) == 200


async def test_a_text_of_a_persons_own_has_a_limit_and_the_draft_goes_on_waiting(door: FrontDoor) -> None:
    text = await draft(door)
    confirm = f"{INCIDENT}/drafts/1/confirm"
    assert await door.status("POST", confirm, json={"text": f"{text} and more"}) == 422
    assert await draft(door) == text
    assert await door.status("POST", confirm, json={"text": "x" * TEXT_LIMIT}) == 200
