"""Open incidents keep their plan when their playbook changes, until a person replans them."""

import dataclasses

import msgspec
import pytest

from core.ladders import rich
from scenario.riches import fire, tocsin
from tocsin.core.duration import MINUTE
from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.event import Actor
from tocsin.core.playbook.playbook import Playbook
from tocsin.testing.harness import Harness


def quicker() -> Playbook:
    """Tier 2 of ``middle`` after 12 minutes in place of 20."""
    high, middle, low = rich().levels
    first, second, *others = middle.cells
    cells = (first, msgspec.structs.replace(second, after=12 * MINUTE), *others)
    return msgspec.structs.replace(rich(), levels=(high, msgspec.structs.replace(middle, cells=cells), low))


def edit(harness: Harness, playbook: Playbook) -> None:
    harness.live.policy = dataclasses.replace(harness.live.policy, playbooks={playbook.name: playbook})


async def test_an_incident_keeps_its_plan_until_it_is_replanned() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        edit(harness, quicker())
        await harness.advance(minutes=13)
        assert harness.pages() == [(0, "one")]
        answer = await harness.respond.replan("1", Actor("alice", "cli"))
        assert answer.changed
        await harness.settle()
        assert harness.pages() == [(0, "one"), (13, "two")]
        assert (await harness.respond.replan("1", Actor("alice", "cli"))).note == "it has the playbook as it is now"


async def test_a_playbook_that_has_lost_the_severity_changes_nothing() -> None:
    async with tocsin() as harness:
        await fire(harness, "middle")
        edit(harness, msgspec.structs.replace(rich(), levels=rich().levels[:1], unrouted="high"))
        with pytest.raises(IllegalTransition, match="no longer has a severity 'middle'"):
            await harness.respond.replan("1", Actor("alice", "cli"))
