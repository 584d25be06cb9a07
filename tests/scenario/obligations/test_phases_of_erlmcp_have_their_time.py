"""erlmcp: the phases of an incident end in the time of the text, and their names are the status that people read."""

import pytest

from scenario.obligations.shipped import ALEX, story, tocsin
from scenario.owing import duties, outcomes
from tocsin.core.duration import DAY, HOUR
from tocsin.core.incident.event import Declare, ItemAdded, UpdatePosted

ERLMCP = "erlmcp"
SEVERITIES = ("P0", "P1", "P2", "P3")


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize(
    ("duty", "hours", "fact"), [("investigation", 2, "root_cause"), ("resolution", 4, "resolution")]
)
async def test_investigation_and_resolution_end_in_their_time(severity: str, duty: str, hours: int, fact: str) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire(severity)
        assert duty not in await duties(harness)
        await harness.say(Declare(by=ALEX))
        owed = (await duties(harness))[duty]
        assert owed.due_at - owed.asked_at == hours * HOUR
        await erlmcp.facts(**{fact: "found"})
        assert (await outcomes(harness))[duty] == "in_time"


@pytest.mark.parametrize(("scenario", "is_owed"), [("regional-outage", True), ("data-corruption", False)])
async def test_after_a_fail_over_the_restoration_is_planned(scenario: str, *, is_owed: bool) -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1", scenario=scenario)
        owed = (await duties(harness)).get("restoration-plan")
        assert (owed is not None) is is_owed
        if owed is not None:
            assert owed.due_at - owed.asked_at == DAY
            await erlmcp.facts(restoration_plan="back to eu-west on Sunday")
            assert (await outcomes(harness))["restoration-plan"] == "in_time"


async def test_customers_and_the_standup_read_the_status_that_a_responder_has_set() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await harness.say(UpdatePosted(by=ALEX, text="the link is replaced", status="Fixing"))
        await harness.say(Declare(by=ALEX))
        assert "Current Status: Fixing" in erlmcp.texts("incidents")[0]
        assert "Current Status: Fixing" in await erlmcp.draft("erlmcp-customer-p0-p1")


@pytest.mark.parametrize("kind", ["technical-debt", "process-change", "training"])
async def test_action_items_have_the_kinds_of_the_text(kind: str) -> None:
    async with tocsin() as harness:
        await story(harness, ERLMCP).fire("P1")
        await harness.say(ItemAdded(by=ALEX, text="renew the links", kind=kind, owner="alex"))
        owed = (await harness.incident()).obligations
        assert owed is not None
        assert [(item.kind, item.due_at - harness.clock.now()) for item in owed.items] == [(kind, 30 * DAY)]


async def test_the_draft_asks_for_the_data_loss_which_the_report_compares_with_the_target() -> None:
    async with tocsin() as harness:
        erlmcp = story(harness, ERLMCP)
        await erlmcp.fire("P1")
        await erlmcp.resolve()
        assert "[to fill in: the time for which data was lost" in (await erlmcp.post_mortem()).text.plain
        await erlmcp.facts(data_loss="5m")
        draft = (await erlmcp.post_mortem()).text.plain
        assert "**Data loss (RPO)**: 5m" in draft
        assert "rto_rpo" not in draft
