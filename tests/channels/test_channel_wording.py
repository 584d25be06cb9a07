import re
from pathlib import Path

import pytest

from tocsin import core
from tocsin.channels import wording
from tocsin.core.event import Entry
from tocsin.testing.content import MINUTE, NOW, content

SECOND = 1_000_000


def test_the_headline_says_how_bad_which_and_where():
    assert wording.headline(content()) == "[SEV-1] #12 checkout: HighLatency on checkout"
    assert wording.headline(content(drill=True, service="")) == "DRILL [SEV-1] #12 HighLatency on checkout"


def test_an_ordinary_page_needs_no_remark():
    assert wording.remarks(content()) == []
    assert wording.remarks(content(late=9 * SECOND)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"drill": True}, "drill"),
        ({"stranded": True}, "alice has no working contact"),
        ({"possible_duplicate": True}, "had this already"),
        ({"late": 62 * MINUTE}, "1 h 2 m late"),
        ({"unrouted": True}, "No rule placed this alert"),
    ],
)
def test_what_is_out_of_the_ordinary_is_said(fields: dict, said: str):
    remarks = wording.remarks(content(**fields))
    assert len(remarks) == 1
    assert said in remarks[0]


def test_where_repeats_are_dropped_no_duplicate_is_spoken_of():
    assert wording.remarks(content(possible_duplicate=True), seen_once=True) == []


def test_the_end_says_how_who_and_whether_anybody_had_it():
    ended = {"state": "resolved", "resolved_at": NOW}
    healed = wording.ending(content(**ended))
    assert healed == "It is over after 5 m: its alerts have resolved. Nobody had acknowledged it."
    closed = wording.ending(content(**ended, resolved_by="bob", acknowledged_by="carol"))
    assert closed == "It is over after 5 m: resolved by bob. carol had acknowledged it."
    assert "opened again" in wording.ending(content())


def test_recovering_is_told_until_it_is_resolved():
    assert wording.condition(content(recovering=True)) == "recovering"
    assert wording.condition(content(recovering=True, state="resolved", resolved_at=NOW)) == "resolved"


def test_what_waits_says_why_nobody_is_paged():
    waiting = content(waits=("maintenance window db", "one of many in storm #7"))
    assert wording.condition(waiting) == "triggered, nobody is paged: maintenance window db; one of many in storm #7"
    assert wording.condition(content()) == "triggered"
    told = "triggered, not believed to be over without the Watchdog of eu"
    assert wording.condition(content(doubted="eu")) == told


def test_a_storm_counts_its_incidents_and_says_how_to_see_them():
    storm = content(members=137, number=12)
    assert wording.alerts(storm) == "137 incidents"
    assert wording.remarks(storm) == ["All its incidents: tocsin incidents list --storm 12"]


def _entry(kind: str, actor: str = "tocsin", via: str = "tocsin", **data: object) -> Entry:
    return Entry(incident_id="x", seq=1, at=NOW, kind=kind, actor=actor, via=via, data=data)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (_entry("acknowledged", "alice", "slack", severity="S1"), "03:05:09 UTC acknowledged, by alice (slack)"),
        (_entry("triggered", severity="SEV-1", alerts=2, occurrence=1), "03:05:09 UTC opened at SEV-1"),
        (
            _entry("escalated", step="1.1", tier=1, targets=["alice", "bob"], because="first"),
            "03:05:09 UTC paging alice, bob (tier 1: first)",
        ),
        (_entry("severity", **{"from": "S2", "to": "S1", "because": "x"}), "03:05:09 UTC severity S2 -> S1 (x)"),
        (_entry("something_new", reason="because", nothing=None), "03:05:09 UTC something new: reason because"),
        (_entry("joined"), "03:05:09 UTC joined"),
    ],
)
def test_a_timeline_entry_is_told_as_a_sentence(entry: Entry, said: str):
    assert wording.told(entry) == said


def test_every_kind_of_entry_that_the_core_records_has_its_words():
    sources = Path(core.__file__).parent.rglob("*.py")
    recorded = {kind for path in sources for kind in re.findall(r'\.record\(\s*"(\w+)"', path.read_text())}
    assert recorded, "the core records nothing: has its spelling changed?"
    assert recorded <= set(wording._PHRASES), "words are missing"
