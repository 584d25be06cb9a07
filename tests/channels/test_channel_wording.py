import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tocsin import core
from tocsin.channels import timeline, wording
from tocsin.core.event import Entry
from tocsin.core.outbox import Job
from tocsin.core.page import AlertLine, Upcoming
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
        ({"stranded": True}, "no working contact for alice"),
        ({"possible_duplicate": True}, "had this already"),
        ({"late": 62 * MINUTE}, "1 h 2 min late"),
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
    assert healed == "Resolved after 5 min: all alerts have cleared. No action needed. Nobody had acknowledged it."
    closed = wording.ending(content(**ended, resolved_by="bob", acknowledged_by="carol"))
    assert closed == "Resolved by bob after 5 min. 1 of its alerts still fire. carol had it."
    assert "opened again" in wording.ending(content())


def test_recovering_is_told_until_it_is_resolved():
    assert wording.condition(content(recovering=True)) == "recovering"
    assert wording.condition(content(recovering=True, state="resolved", resolved_at=NOW)) == "resolved"


def test_what_waits_says_why_nobody_is_paged():
    waiting = content(waits=("maintenance window db", "one of many in storm #7"))
    assert wording.condition(waiting) == "not acknowledged: maintenance window db; one of many in storm #7"
    announced = wording.condition(structs.replace(waiting, job=Job.ANNOUNCE))
    assert announced == "not acknowledged, nobody is paged: maintenance window db; one of many in storm #7"
    assert wording.condition(content()) == "not acknowledged"
    told = "not acknowledged, not believed to be over without the Watchdog of eu"
    assert wording.condition(content(doubted="eu")) == told


def test_a_storm_counts_its_incidents_and_says_how_to_see_them():
    storm = content(members=137, number=12)
    assert wording.alerts(storm) == "137 incidents"
    assert wording.storm_list(storm) == "List them: tocsin incidents list --storm 12"


def _entry(kind: str, actor: str = "tocsin", via: str = "tocsin", **data: object) -> Entry:
    return Entry(incident_id="x", seq=1, at=NOW, kind=kind, actor=actor, via=via, data=data)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (_entry("acknowledged", "alice", "slack", severity="S1"), "03:05:09 UTC acknowledged by alice (slack)"),
        (_entry("triggered", severity="SEV-1", alerts=2, occurrence=1), "03:05:09 UTC opened at SEV-1"),
        (
            _entry("escalated", step="1.1", tier=1, targets=["alice", "bob"], because="first"),
            "03:05:09 UTC paging alice, bob (tier 1: first)",
        ),
        (
            _entry("severity", **{"from": "S2", "to": "S1", "because": "x"}),
            "03:05:09 UTC severity changed from S2 to S1 (x)",
        ),
        (_entry("something_new", reason="because", nothing=None), "03:05:09 UTC something new: reason because"),
        (_entry("joined"), "03:05:09 UTC joined"),
    ],
)
def test_a_timeline_entry_is_told_as_a_sentence(entry: Entry, said: str):
    assert timeline.told(entry) == said


def test_every_kind_of_entry_that_the_core_records_has_its_words():
    sources = Path(core.__file__).parent.rglob("*.py")
    recorded = {kind for path in sources for kind in re.findall(r'\.record\(\s*"(\w+)"', path.read_text())}
    assert recorded, "the core records nothing: has its spelling changed?"
    assert recorded <= set(timeline._PHRASES), "words are missing"


def _alerts(firing: int, resolved: int = 0) -> tuple[AlertLine, ...]:
    labels = {"alertname": "Down", "severity": "critical"}
    return tuple(
        AlertLine({**labels, "pod": f"api-{number}"}, {}, number < firing, None, "")
        for number in range(firing + resolved)
    )


def test_a_page_names_who_is_paged_next_and_when_as_long_as_nobody_has_it() -> None:
    upcoming = Upcoming(NOW + 10 * MINUTE, "Engineering manager")
    wanted = "If nobody acknowledges it by 03:15 UTC, Engineering manager will be paged."
    assert wording.following(content(next_page=upcoming)) == wanted
    assert wording.following(content()) == ""
    taken = content(next_page=upcoming, state="acknowledged", acknowledged_by="bob")
    assert wording.following(taken) == ""
    assert wording.unless_resolved(taken) == "Unless it is resolved by 03:15 UTC, Engineering manager will be paged."


def test_whoever_is_paged_for_what_somebody_has_is_asked_to_ask_them() -> None:
    taken = {"state": "acknowledged", "acknowledged_by": "bob", "taken_at": NOW - MINUTE}
    page = content(because="still open after 1 h", **taken)
    assert wording.reason(page) == "Still open after 1 h. bob has had it since 03:04 UTC."
    assert wording.request(page) == "Ask bob whether they need help. Details: tocsin incidents show 12"
    asked = content(because="bob asks for help from tier 2", **taken)
    assert wording.help_wanted(asked) == "Contact bob."
    own = content(because="still open after 1 h", target="bob", **taken)
    assert wording.reason(own) == "Still open after 1 h. You have had it since 03:04 UTC."
    assert wording.help_wanted(own) == ""


def test_an_acknowledgment_that_no_longer_counts_is_said_to_whoever_gave_it_and_to_others() -> None:
    risen = {"because": "raised from SEV-2 to SEV-1", "acknowledged_by": "alice"}
    assert wording.reason(content(**risen)) == (
        "Raised from SEV-2 to SEV-1. Your acknowledgment no longer counts: please acknowledge again."
    )
    others = wording.reason(content(target="bob", **risen))
    assert others == "Raised from SEV-2 to SEV-1. alice's acknowledgment no longer counts."


def test_what_reaches_somebody_else_speaks_of_nobody_as_you() -> None:
    stranded = content(Job.UPDATE, stranded=True, state="acknowledged", acknowledged_by="alice")
    assert wording.standing(stranded).startswith("alice has it; ")
    assert wording.stranded(stranded) == "Tocsin has no working contact for alice. Please pass this on."


@pytest.mark.parametrize(
    ("step", "kind", "request_"),
    [
        ("breach.resolve", "TARGET MISSED", "For your information only."),
        ("breach.update", "UPDATE OVERDUE", "Post one: tocsin incidents update 12 TEXT"),
        ("reminder.update.1", "UPDATE DUE", "Post one: tocsin incidents update 12 TEXT"),
        ("reminder.post-mortem.1", "POSTMORTEM DUE", "Then record it: tocsin incidents reviewed 12 --link URL"),
        ("reminder.item-3.1", "ACTION ITEM DUE", "When it is done: tocsin incidents done 12 3"),
        ("shift:desk:1", "HANDOVER", ""),
        ("2.1", "UPDATE", ""),
    ],
)
def test_an_update_says_what_it_is_and_what_it_asks_for(step: str, kind: str, request_: str) -> None:
    update = content(Job.UPDATE, step=step)
    assert (wording.kind(update), wording.request(update)) == (kind, request_)


def test_alerts_that_have_resolved_are_not_counted_among_those_that_fire() -> None:
    some = content(alerts=_alerts(3), alerts_firing=3, alerts_total=7)
    [(group, unseen)], more = wording.Shown.of(some, 5)
    assert (wording.count(group, unseen, some), more) == ("3 firing", "4 resolved")
    many = content(alerts=_alerts(3), alerts_firing=5, alerts_total=7)
    [(group, unseen)], more = wording.Shown.of(many, 5)
    assert (wording.count(group, unseen, many), more) == ("5 firing", "2 resolved")
    assert group.labels_in_words(unseen) == [], "an alert that is not shown may have another severity"
    both = wording.Shown.of(content(alerts=_alerts(3, 2), alerts_firing=3, alerts_total=9), 5)
    assert ([unseen for _, unseen in both.groups], both.more) == ([0, 0], "4 resolved")


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 40), st.integers(0, 40), st.integers(1, 3))
def test_each_alert_is_counted_once(firing: int, resolved: int, more: int, over: int, most: int) -> None:
    total = firing + resolved + more + over
    told = content(
        alerts=_alerts(firing, resolved), alerts_firing=firing + (0 if resolved else more), alerts_total=total
    )
    shown = wording.Shown.of(told, most)
    counted = sum(len(group.members) + unseen for group, unseen in shown.groups)
    counted += sum(int(number) for number in re.findall(r"\d+", shown.more))
    assert counted == total
