"""Where a playbook provides for a declaration, a page offers it until a person has declared the incident."""

import json
from email import message_from_bytes
from email.policy import default
from functools import cache
from pathlib import Path

import pytest
from msgspec import structs

from tocsin.app.kinds import KINDS
from tocsin.channels.console import payload as console
from tocsin.channels.email import payload as email
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.pagerduty import payload as pagerduty
from tocsin.channels.slack import buttons
from tocsin.channels.webhook import payload as webhook
from tocsin.conf.bundle import Bundle, load
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Actor, Declare
from tocsin.core.incident.outbox import Job
from tocsin.testing.harness import Harness

ROOT = Path(__file__).resolve().parents[2]
ALEX = Actor("alex", "api")
OFFER = "If the problem is real, declare the incident: tocsin incidents declare 1"
OFFERED_BY = {"emergency-response", "erlmcp", "ultimate-marketing"}


@cache
def shipped() -> Bundle:
    return load(ROOT / "config", ROOT / "rules", KINDS, {})


def labels(playbook: str) -> dict[str, str]:
    severity = shipped().playbooks[playbook].levels[0].name
    more = {"automated_recovery": "no"} if playbook == "ultimate-marketing" else {}
    return {"alertname": "Down", "service": "shop", "playbook": playbook, "severity": severity, **more}


def clickable(content: Content) -> list[str]:
    return [element["action_id"] for block in buttons.row(content) for element in block["elements"]]


@pytest.mark.parametrize("playbook", sorted(shipped().playbooks))
async def test_each_page_offers_it_where_the_playbook_provides_for_one(playbook: str) -> None:
    async with Harness.of(shipped()) as harness:
        await harness.fire(**labels(playbook))
        page = harness.sent(Job.PAGE)[0]
        is_offered = playbook in OFFERED_BY
        assert (OFFER in console.render(page, colour=False)) is is_offered
        assert (buttons.DECLARE in clickable(page)) is is_offered


async def test_every_channel_with_room_for_it_says_so() -> None:
    async with Harness.of(shipped()) as harness:
        await harness.fire(**labels("ultimate-marketing"))
        page = harness.sent(Job.PAGE)[0]
        mail = EmailSettings.model_validate({"host": "localhost", "from": "tocsin@example.com"})
        written = email.render(structs.replace(page, destination="alex@example.com"), mail)
        assert OFFER in message_from_bytes(written, policy=default).get_content()
        _, _, event = pagerduty.render(page)
        assert event["payload"]["custom_details"]["declaration"] == OFFER
        assert OFFER in json.loads(webhook.render(page))["remarks"]


async def test_the_button_stands_beside_acknowledge_and_goes_with_the_declaration() -> None:
    async with Harness.of(shipped()) as harness:
        await harness.fire(**labels("ultimate-marketing"))
        shown = harness.sent(Job.ANNOUNCE)
        assert clickable(shown[-1])[:2] == [buttons.ACKNOWLEDGE, buttons.DECLARE]
        await harness.acknowledge("alex")
        shown = harness.sent(Job.ANNOUNCE)
        assert clickable(shown[-1])[:2] == [buttons.TAKE_OVER, buttons.DECLARE]
        await harness.say(Declare(by=ALEX))
        shown = harness.sent(Job.ANNOUNCE)
        assert buttons.DECLARE not in clickable(shown[-1])
        assert all(OFFER not in console.render(page, colour=False) for page in harness.sent(Job.PAGE)[1:])


async def test_a_drill_and_what_is_over_offer_none() -> None:
    async with Harness.of(shipped()) as harness:
        await harness.fire(tocsin_drill="yes", **labels("erlmcp"))
        assert buttons.DECLARE not in clickable(harness.sent(Job.PAGE)[0])
        await harness.close("alex")
        assert clickable(harness.sent(Job.ANNOUNCE)[-1]) == []
