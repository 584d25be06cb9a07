"""Emergency response: the on-call engineer and the channel get what to do first, and the steps of the scenario."""

import pytest

from scenario.obligations.shipped import expect_in_order, story, tocsin

EMERGENCY = "emergency-response"


@pytest.mark.parametrize("severity", ["SEV-1", "SEV-2"])
async def test_the_acknowledgment_brings_the_priorities_and_when_to_roll_back(severity: str) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire(severity)
        assert not [text for text in emergency.texts("incidents") if "mitigate first" in text]
        await harness.acknowledge("alex")
        for target in ("on-call-engineer", "incidents"):
            [guide] = [text for text in emergency.texts(target) if "mitigate first" in text]
            expect_in_order(
                guide,
                [
                    *("Protect data integrity", "Restore service availability", "Fix underlying issue"),
                    *("feature flag", "rollback", "scale", "circuit breaker", "traffic routing"),
                    *("Immediate Rollback", "Error rate > 10%", "Consider Rollback", "Performance degradation > 50%"),
                    *("Hotfix Instead", "Already partially mitigated", "fix in < 30 min", "is rollback safe"),
                ],
            )


SCENARIOS = [
    ("database-down", "Production Database Down", ["Try restart (if safe)", "Failover to replica if needed"]),
    ("rate-limit-exceeded", "API Rate Limit Exceeded", ["Disable non-critical features", "limit increase"]),
    ("security-breach", "Security Breach Suspected", ["Isolate affected", "Preserve evidence", "DO NOT destroy"]),
    ("data-breach", "Security Breach Suspected", ["Isolate affected", "Preserve evidence", "DO NOT destroy"]),
    ("payment-processing-failed", "Payment Processing Failed", ["maintenance mode", "provider status", "retry logic"]),
]


@pytest.mark.parametrize(("scenario", "title", "steps"), SCENARIOS)
async def test_each_scenario_of_the_text_brings_its_steps_at_once(scenario: str, title: str, steps: list[str]) -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1", scenario=scenario)
        for target in ("on-call-engineer", "incidents"):
            [brought] = [text for text in emergency.texts(target) if title in text]
            expect_in_order(brought, steps)


async def test_a_scenario_that_a_responder_recognizes_later_brings_its_steps_then_and_pages_no_one() -> None:
    async with tocsin() as harness:
        emergency = story(harness, EMERGENCY)
        await emergency.fire("SEV-1")
        paged = harness.pages()
        await harness.advance(minutes=3)
        await harness.flag("database_down")
        assert emergency.at("on-call-engineer", "📋 SEV-1") == [3]
        assert harness.pages() == paged
