"""A playbook's messages are rendered from the incident's current state and sent once, to their recipients."""

import msgspec
import pytest

from scenario import emergency
from scenario.conftest import NewStore
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.incident.event import Actor, Declare, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction, Verb
from tocsin.core.playbook.playbook import Playbook, StormLimits
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ALICE = Actor("alice", "api")


def saying(*messages: PlaybookAction) -> Playbook:
    return msgspec.structs.replace(emergency.shipped(), actions=messages)


def message(at: str, **more: object) -> PlaybookAction:
    given = {"at": [at], "verb": Verb.MESSAGE, "what": f"{at}-text", "to": ["incidents"], **more}
    return msgspec.convert(given, PlaybookAction)


def moments(harness: Harness) -> list[str]:
    return [text.partition("template ")[2].partition("-text")[0] for _, _, text in harness.messages()]


async def test_each_moment_is_told_once_when_it_comes() -> None:
    told = [message(at) for at in ("opened", "declared", "acknowledged", "updated", "resolved")]
    async with emergency.tocsin(playbook=saying(*told)) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.advance(minutes=16)
        assert moments(tocsin) == ["opened"]
        await tocsin.say(Declare(by=ALICE))
        await tocsin.acknowledge()
        await tocsin.say(UpdatePosted(by=ALICE, text="half of it works"))
        await tocsin.say(UpdatePosted(by=ALICE, text="all of it works"))
        await tocsin.resolve(alertname="Down", severity="SEV-1")
        await tocsin.advance(minutes=5)
        assert moments(tocsin) == ["opened", "declared", "acknowledged", "updated", "updated", "resolved"]
        assert ["half of it works" in text for _, _, text in tocsin.messages()].count(True) >= 1


async def test_only_at_its_severities_and_while_one_of_its_flags_is_set() -> None:
    told = (message("declared", severities=["SEV-1"]), message("updated", when=["data_breach"]))
    async with emergency.tocsin(playbook=saying(*told)) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-2")
        await tocsin.say(Declare(by=ALICE))
        await tocsin.say(UpdatePosted(by=ALICE, text="so it goes"))
        assert moments(tocsin) == []
        await tocsin.flag("data_breach")
        await tocsin.say(UpdatePosted(by=ALICE, text="so it goes"))
        assert moments(tocsin) == ["updated"]


@pytest.mark.parametrize("labels", [{"tocsin_drill": "true"}, {"heal": "first"}])
async def test_a_drill_or_an_incident_healed_before_any_page_is_not_announced(labels: dict[str, str]) -> None:
    async with emergency.tocsin(playbook=saying(message("opened"), message("resolved"))) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1", **labels)
        await tocsin.advance(minutes=1)
        await tocsin.resolve(alertname="Down", severity="SEV-1", **labels)
        await tocsin.advance(minutes=10)
        assert moments(tocsin) == []


async def test_a_template_that_is_gone_holds_nothing_up_and_its_people_hear_of_it() -> None:
    async with emergency.tocsin(playbook=saying(message("updated"))) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        await tocsin.say(UpdatePosted(by=ALICE, text="half of it works"))
        [(_, who, text)] = tocsin.messages()
        assert who == "incidents"
        assert "half of it works" in text
        assert "This plain text takes its place" in text
        await tocsin.advance(minutes=1)
        assert any(one.playbook == "tocsin" for one in tocsin.sent(Job.PAGE))


async def test_no_one_is_paged_later_because_others_are_informed(new_store: NewStore) -> None:
    """Forty incidents at once, of which sixteen can be told of at a time."""
    clock = VirtualClock()
    telling = saying(message("opened"), message("opened", to=["stakeholders"]))
    playbook = msgspec.structs.replace(telling, storm=StormLimits(more_than=100))
    async with emergency.tocsin(playbook=playbook, store=new_store(clock), clock=clock) as tocsin:
        labels = [{"alertname": "Down", "severity": "SEV-1", "service": f"shop-{number}"} for number in range(40)]
        await tocsin.take(*(tocsin.alert(AlertStatus.FIRING, each) for each in labels))
        sent = (content for content in tocsin.console.sent if content.playbook == playbook.name)
        told = [content.job for content in sent if content.job in (Job.PAGE, Job.UPDATE)]
        assert told == [Job.PAGE] * 40 + [Job.UPDATE] * 80
