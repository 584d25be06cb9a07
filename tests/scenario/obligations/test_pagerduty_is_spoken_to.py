"""The playbooks that name PagerDuty page the person on call through it, as soon as that person's contact is there."""

import dataclasses

import pytest
from msgspec import structs

from scenario.obligations.shipped import story, tier, tocsin
from tocsin.channels.registry import KINDS, build
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.secrets import Secret
from tocsin.core.oncall.people import Contact
from tocsin.testing.pagerduty_server import ROUTING_KEY, PagerDutyServer


@pytest.mark.parametrize(
    ("playbook", "severity"), [("erlmcp", "P0"), ("ultimate-marketing", "P1"), ("mgmt-vibe", "SEV-0")]
)
async def test_a_page_is_an_event_in_pagerduty(playbook: str, severity: str) -> None:
    async with PagerDutyServer() as pagerduty, tocsin() as harness:
        given = {"routing_keys": {"primary": {"key": Secret(ROUTING_KEY)}}, "base_url": pagerduty.url}
        settings = KINDS["pagerduty"].settings.model_validate(given)
        duty = build(ConfiguredChannel("duty", "pagerduty", settings))
        await duty.start()
        policy = harness.live.policy
        [engineer] = tier(playbook, 1)
        moved = structs.replace(policy.people.persons[engineer], contact=Contact("duty", "primary"))
        people = structs.replace(policy.people, persons={**policy.people.persons, engineer: moved})
        channels = {**policy.channels, "duty": duty}
        harness.live.policy = dataclasses.replace(policy, people=people, channels=channels)
        await story(harness, playbook).fire(severity, automated_recovery="no")
        assert len(pagerduty.notified) == 1
        await duty.close()
