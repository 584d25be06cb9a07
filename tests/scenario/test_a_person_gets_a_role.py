"""A person to whom another one assigns a role is told; a person who takes it knows."""

import pytest

from scenario import emergency
from scenario.owing import ALICE, down, over
from tocsin.channels.next_steps import request
from tocsin.channels.wording import kind, reason
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Actor, RoleTaken
from tocsin.testing.harness import Harness

TAYLOR = "communication-lead"
"""A person of the scenario's configuration."""


def told(harness: Harness) -> list[Content]:
    return [content for content in harness.sent() if content.step.startswith("role.")]


async def test_a_person_is_told_of_a_role_that_another_one_assigns() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.say(RoleTaken(by=ALICE, role="technical-lead", person=TAYLOR))
        [content] = told(harness)
        assert content.target == TAYLOR
        assert reason(content) == "You are Technical Lead of this incident, assigned by alice."
        assert kind(content) == "YOUR ROLE"
        assert request(content) == (
            "Read what is known: tocsin incidents show 1\n"
            "To pass the role on: tocsin incidents role 1 technical-lead --person NAME"
        )


@pytest.mark.parametrize("person", [TAYLOR, ""])
async def test_a_person_who_takes_or_leaves_a_role_is_not_told(person: str) -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.say(RoleTaken(by=Actor(TAYLOR, "api"), role="technical-lead", person=TAYLOR))
        await harness.say(RoleTaken(by=ALICE, role="technical-lead", person=person))
        assert told(harness) == []


async def test_each_holder_is_told_once_also_after_the_resolve() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.say(RoleTaken(by=ALICE, role="technical-lead", person=TAYLOR))
        await harness.say(RoleTaken(by=ALICE, role="technical-lead", person=TAYLOR))
        await over(harness)
        await harness.say(RoleTaken(by=ALICE, role="technical-lead", person="incident-commander"))
        assert [content.target for content in told(harness)] == [TAYLOR, "incident-commander"]
        assert await emergency.wrong(harness) == []
