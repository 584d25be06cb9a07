"""The number of tocsin's own incidents and faults is bounded, however many are caused."""

from scenario import emergency
from tocsin.engine.selfwatch.troubles import KNOWN_TROUBLES


async def test_whoever_invents_sources_is_told_of_as_one() -> None:
    async with emergency.tocsin() as tocsin:
        for number in range(KNOWN_TROUBLES + 50):
            tocsin.ingest.report("malformed", f"invented-{number}", "no JSON")
        await tocsin.settle()
        numbers = [content.number for content in tocsin.console.sent if content.playbook == "tocsin"]
        assert len(set(numbers)) == KNOWN_TROUBLES + 1
        assert len(tocsin.ingest._reported) == KNOWN_TROUBLES + 1
