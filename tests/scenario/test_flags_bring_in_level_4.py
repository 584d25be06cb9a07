"""major_impact and data_breach page level 4 at once, regardless of acknowledgments, once per flag."""

from datetime import UTC, datetime

import pytest

from scenario.emergency import CEO, LEGAL, MANAGER, ON_CALL, SECURITY
from scenario.obligations.shipped import shipped
from tocsin.channels.wording import reason
from tocsin.core.errors import UnknownLevel
from tocsin.core.incident.outbox import Job
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

SEVERITIES = ["SEV-1", "SEV-2", "SEV-3", "SEV-4"]


def high(harness: Harness) -> list[tuple[float, str]]:
    return [page for page in harness.pages() if page[1] in (CEO, LEGAL, SECURITY)]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_major_impact_from_the_start_pages_ceo_and_legal_at_once(tocsin: Harness, severity: str) -> None:
    await tocsin.fire(alertname="Down", severity=severity, impact="major")
    await tocsin.advance(hours=3)
    assert high(tocsin) == [(0, CEO), (0, LEGAL)]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_a_data_breach_also_pages_security(tocsin: Harness, severity: str) -> None:
    await tocsin.fire(alertname="Leak", severity=severity, breach="yes")
    await tocsin.advance(hours=3)
    assert high(tocsin) == [(0, CEO), (0, LEGAL), (0, SECURITY)]


@pytest.mark.parametrize("severity", SEVERITIES)
async def test_a_suspected_breach_of_security_pages_security_and_legal(tocsin: Harness, severity: str) -> None:
    await tocsin.fire(alertname="Odd", severity=severity)
    await tocsin.flag("security_breach")
    await tocsin.advance(hours=3)
    assert high(tocsin) == [(0, SECURITY), (0, LEGAL)]


async def test_both_at_once_are_one_page_each_to_ceo_legal_and_security(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Leak", severity="SEV-1", breach="yes", impact="major")
    assert tocsin.pages() == [(0, ON_CALL), (0, CEO), (0, LEGAL), (0, SECURITY)]
    assert tocsin.sent(Job.PAGE)[1].because == "flagged major_impact, data_breach"


async def test_flagged_later_by_a_person_pages_at_that_moment(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=7)
    await tocsin.flag("major_impact")
    await tocsin.advance(minutes=4)
    await tocsin.flag("data_breach")
    assert high(tocsin) == [(7, CEO), (7, LEGAL), (11, CEO), (11, LEGAL), (11, SECURITY)]


async def test_flagged_later_by_an_alert_that_joins(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1", team="shop")
    await tocsin.advance(minutes=3)
    await tocsin.fire(alertname="Leak", severity="SEV-1", team="shop", breach="yes")
    assert high(tocsin) == [(3, CEO), (3, LEGAL), (3, SECURITY)]


async def test_an_acknowledgment_does_not_keep_level_4_out(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-2")
    await tocsin.acknowledge("alice")
    await tocsin.advance(minutes=40)
    await tocsin.flag("data_breach")
    assert tocsin.pages() == [(0, ON_CALL), (30, MANAGER), (40, CEO), (40, LEGAL), (40, SECURITY)]


async def test_a_flag_pages_once_however_often_it_is_set(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.flag("major_impact")
    await tocsin.flag("major_impact", by="bob")
    await tocsin.flag(remove=("major_impact",))
    await tocsin.flag("major_impact")
    await tocsin.advance(minutes=14)
    assert high(tocsin) == [(0, CEO), (0, LEGAL)]


async def test_a_rise_does_not_page_them_for_the_same_flag_again(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Leak", severity="SEV-4", breach="yes")
    await tocsin.advance(minutes=10)
    await tocsin.set_severity("SEV-1")
    assert high(tocsin) == [(0, CEO), (0, LEGAL), (0, SECURITY)]  # they have been paged for the flag


async def test_acknowledged_while_it_was_held_its_flags_page_all_the_same(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Leak", severity="SEV-1", breach="yes", heal="first")
    await tocsin.advance(minutes=1)
    assert tocsin.pages() == []
    await tocsin.acknowledge("alice")
    assert tocsin.pages() == [(1, CEO), (1, LEGAL), (1, SECURITY)]


async def test_a_flag_that_the_playbook_does_not_have_is_refused(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    with pytest.raises(UnknownLevel, match="no flag 'fire'; it has: major_impact, data_breach, security_breach"):
        await tocsin.flag("fire")


async def test_the_next_occurrence_starts_without_the_flags_of_the_last(tocsin: Harness) -> None:
    await tocsin.fire(alertname="Down", severity="SEV-1")
    await tocsin.flag("data_breach")
    await tocsin.resolve(alertname="Down", severity="SEV-1")
    await tocsin.advance(minutes=5)
    await tocsin.fire(alertname="Down", severity="SEV-1")
    assert (await tocsin.incident()).flags == ()
    assert [at for at, _ in high(tocsin)] == [0, 0, 0]


async def test_each_reader_is_paged_as_what_the_playbook_names_for_the_flag() -> None:
    async with Harness.of(shipped(), clock=VirtualClock(datetime(2026, 1, 5, 10, tzinfo=UTC))) as harness:
        await harness.fire(alertname="Leak", severity="SEV-1", service="shop", data_breach="true")
        reasons = {content.target: reason(content) for content in harness.sent(Job.PAGE) if content.role}
        assert reasons == {
            "charlie": "Flagged data_breach. You are paged as CEO / Legal, with Jordan Example.",
            "jordan": "Flagged data_breach. You are paged as CEO / Legal, with Charlie Example.",
            "sam": "Flagged data_breach. You are paged as security.",
        }
