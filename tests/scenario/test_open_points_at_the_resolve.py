"""A person who resolves an incident hears which points of its checklists are open; nothing is refused for that."""

from scenario import emergency
from scenario.emergency import ON_CALL
from scenario.owing import ALICE, down, over
from tocsin.channels.outcomes import ending
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Actor, Ticked
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.unticked import Unticked, in_words
from tocsin.testing.harness import Harness

ELEVEN = 11
"""Number of points of the checklist of SEV-1 in emergency-response."""


async def tick(harness: Harness, *numbers: int) -> None:
    for number in numbers:
        await harness.say(Ticked(by=ALICE, checklist="sev-1", number=number, done=True))


def resolved(harness: Harness) -> dict[str, Content]:
    return {content.target: content for content in harness.sent(Job.RESOLVE)}


async def test_the_responder_hears_how_many_points_are_open_and_that_alerts_still_fire() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.advance(minutes=31)
        await harness.acknowledge(ON_CALL)
        await tick(harness, 1, 3)
        await harness.close(ON_CALL)
        messages = resolved(harness)
        assert len(messages) > 1
        text = ending(messages.pop(ON_CALL))
        assert "1 alert still fires." in text
        assert "Checklists: 9 of 11 points of sev-1 are not ticked.\nTo see them: tocsin incidents show 1" in text
        assert [who for who, content in messages.items() if "not ticked" in ending(content)] == []


async def test_nothing_is_said_when_all_is_ticked() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.acknowledge(ON_CALL)
        await tick(harness, *range(1, ELEVEN + 1))
        await harness.close(ON_CALL)
        assert "ticked" not in ending(resolved(harness)[ON_CALL])


async def test_nothing_is_said_when_no_person_resolves_it() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.acknowledge(ON_CALL)
        await over(harness)
        assert "ticked" not in ending(resolved(harness)[ON_CALL])


async def test_a_person_who_resolves_without_an_acknowledgment_is_the_responder() -> None:
    async with emergency.tocsin() as harness:
        await down(harness)
        await harness.close(ON_CALL)
        assert "11 of 11 points of sev-1" in ending(resolved(harness)[ON_CALL])


async def test_a_checklist_of_another_severity_is_none_of_this_incident() -> None:
    async with emergency.tocsin() as harness:
        await down(harness, "SEV-2")
        await harness.acknowledge(ON_CALL)
        await harness.say(Ticked(by=Actor(ON_CALL, "api"), checklist="sev-1", number=1, done=True))
        await harness.close(ON_CALL)
        assert "ticked" not in ending(resolved(harness)[ON_CALL])


def test_several_checklists_are_named_in_one_sentence() -> None:
    lists = [Unticked("declaration", 5, 5), Unticked("communication", 1, 4), Unticked("resolution", 3, 4)]
    assert in_words(lists, 7) == (
        "Checklists: 5 of 5 points of declaration, 1 of 4 points of communication and 3 of 4 points of resolution "
        "are not ticked.\nTo see them: tocsin incidents show 7"
    )
    assert in_words(lists[1:2], 7).startswith("Checklists: 1 of 4 points of communication is not ticked.")
    assert in_words([], 7) == ""
