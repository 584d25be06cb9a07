import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tocsin.channels import counts, next_pages, next_steps, outcomes, timeline, wording
from tocsin.core.content.page import AlertLine, Paged, Upcoming
from tocsin.core.duration import MINUTE, SECOND
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job
from tocsin.core.incident.sla import DRAFT_STEP
from tocsin.core.playbook.playbook import Until
from tocsin.testing.content import NOW, content


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
        ({"unrouted": True}, "The rules could not classify this alert: tocsin gave it a default severity."),
    ],
)
def test_remarks_mention_what_is_unusual(fields: dict, said: str):
    remarks = wording.remarks(content(**fields))
    assert len(remarks) == 1
    assert said in remarks[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"add": ["data_breach"], "remove": []}, "flags changed: +data_breach"),
        ({"add": [], "remove": ["a", "b"]}, "flags changed: -a, -b"),
        ({"add": ["a", "b"], "remove": ["c"]}, "flags changed: +a, +b, -c"),
    ],
)
def test_flags_say_what_has_changed_and_nothing_else(data: dict, said: str):
    entry = Entry(incident_id="x", seq=1, at=NOW, kind="flags", actor="tocsin", via="", data=data)
    assert timeline.phrase(entry) == said


def test_where_repeats_are_dropped_no_duplicate_is_spoken_of():
    assert wording.remarks(content(possible_duplicate=True), seen_once=True) == []


def test_the_resolve_says_how_it_ended_and_who_had_acknowledged():
    ended = {"state": "resolved", "resolved_at": NOW}
    healed = outcomes.ending(content(**ended))
    assert healed == "Resolved after 5 min: all alerts have cleared. No action needed. No one had acknowledged it."
    closed = outcomes.ending(content(**ended, resolved_by="bob", acknowledged_by="carol"))
    assert closed == "Resolved by bob after 5 min. 1 alert still fires. carol was the responder."
    assert "opened again" in outcomes.ending(content())


def test_what_is_held_says_for_what() -> None:
    assert wording.condition(content(state="pending")) == "no one is paged yet: automation has time to heal it"


def test_recovering_is_shown_until_the_incident_is_resolved():
    assert wording.condition(content(recovering=True)) == "recovering"
    assert wording.condition(content(recovering=True, state="resolved", resolved_at=NOW)) == "resolved"


def test_a_waiting_incident_says_why_no_one_is_paged():
    waiting = content(waits=("maintenance window db", "one of many in storm #7"))
    assert wording.condition(waiting) == "not acknowledged: maintenance window db; one of many in storm #7"
    announced = wording.condition(structs.replace(waiting, job=Job.ANNOUNCE))
    assert announced == "not acknowledged, no one is paged: maintenance window db; one of many in storm #7"
    assert wording.condition(content()) == "not acknowledged"
    told = "not acknowledged; its alerts have ended, but without a heartbeat from eu that is not certain"
    assert wording.condition(content(doubted="eu")) == told


def test_a_storm_counts_its_incidents_and_says_how_to_see_them():
    storm = content(members=137, number=12)
    assert counts.alerts(storm) == "137 incidents"
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
            "03:05:09 UTC paging alice, bob (tier 1): first",
        ),
        (
            _entry("severity", **{"from": "S2", "to": "S1", "because": "x"}),
            "03:05:09 UTC severity changed from S2 to S1 (x)",
        ),
        (_entry("something_new", reason="because", nothing=None), "03:05:09 UTC something new: reason because"),
        (_entry("joined"), "03:05:09 UTC joined"),
    ],
)
def test_a_timeline_entry_is_shown_as_a_sentence(entry: Entry, said: str):
    assert timeline.describe(entry) == said


def _sent(target: str, step: str) -> Entry:
    return _entry("sent", job="update", target=target, channel="chat", step=step, detail="", late=0)


def test_the_timeline_has_the_names_of_people_and_tiers_and_says_what_was_sent() -> None:
    titles = timeline.Titles({"alice": "Alice Example"}, {"1": "On-call engineer", "4": "CEO / Legal"}, ("room",))
    raised = "raised from S2 to S1: 2 alerts fire at S1"
    cases: list[tuple[Entry, str]] = [
        (
            _entry("escalated", tier=1, targets=["alice", "on-call-engineer"], because=raised),
            "paging On-call engineer (Alice Example): raised from S2 to S1",
        ),
        (_entry("escalated", tier=4, targets=["security"], because="x"), "paging CEO / Legal (security): x"),
        (_entry("escalated", tier=4, targets=["ceo", "legal"], because="x"), "paging CEO / Legal: x"),
        (_sent("alice", "reminder.update.1"), "reminded Alice Example of the status update (chat)"),
        (_sent("alice", "breach.resolve"), "told Alice Example: a target was missed (chat)"),
        (_sent("room", "breach.duty-status-page"), "told the channel room that a task is overdue (chat)"),
        (_sent("room", "2.1"), "message sent to the channel room (chat)"),
        (
            _entry("escalated", tier=4, targets=["ceo"], because="alice asks for your help (you are paged as Legal)"),
            "paging CEO / Legal: Alice Example asks for help",
        ),
        (
            _entry(
                "reminded",
                targets=["alice"],
                because="draft x waits for your confirmation: tocsin incidents confirm 1 1",
            ),
            "reminded Alice Example: draft x waits for confirmation",
        ),
        (
            _entry("informed", tier=1, targets=["alice"], because="you are now on call (desk); bob has the incident"),
            "informing On-call engineer (Alice Example): now on call (desk); bob has the incident",
        ),
        (_entry("escalation_asked", "alice", "api"), "Alice Example asked the next tier for help (API)"),
        (_entry("acknowledged", "alice", "slack", severity="S1"), "acknowledged by Alice Example (slack)"),
    ]
    for entry, said in cases:
        assert timeline.happened(entry, titles=titles) == said


def _alerts(firing: int, resolved: int = 0) -> tuple[AlertLine, ...]:
    labels = {"alertname": "Down", "severity": "critical"}
    return tuple(
        AlertLine({**labels, "pod": f"api-{number}"}, {}, number < firing, None, "")
        for number in range(firing + resolved)
    )


AT = NOW + 10 * MINUTE
MANAGER = Upcoming(AT, "Engineering manager", Until.ACKNOWLEDGED)
DIRECTOR = Upcoming(AT, "Director", Until.RESOLVED)


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ((), ""),
        ((MANAGER,), "If no one acknowledges it by 03:15 UTC, Engineering manager will be paged."),
        ((DIRECTOR,), "If it is not resolved by 03:15 UTC, Director will be paged, even if it is acknowledged."),
        (
            (MANAGER, DIRECTOR),
            (
                "If no one acknowledges it by 03:15 UTC, Engineering manager will be paged. "
                "If it is not resolved by then, Director will be paged."
            ),
        ),
    ],
)
def test_a_page_names_who_is_paged_next_when_and_what_prevents_it(pages: tuple[Upcoming, ...], said: str) -> None:
    assert next_pages.following(content(next_pages=pages)) == said


def test_the_next_page_names_the_persons_and_the_reader_as_you() -> None:
    manager = structs.replace(MANAGER, people=("morgan",))
    assert "Engineering manager (morgan) will be paged" in next_pages.following(content(next_pages=(manager,)))
    own = next_pages.following(content(next_pages=(manager,), target="morgan"))
    assert own.endswith(", you will be paged again.")
    assert next_pages.next_in_short(content(next_pages=(manager,))) == (
        "If no one acknowledges by 03:15 UTC, Engineering manager is paged."
    )
    assert next_pages.next_in_short(content()) == ""


def test_a_declared_incident_names_the_person_to_ask() -> None:
    declared = {"alerts": (), "alerts_firing": 0, "alerts_total": 0, "because": "new incident", "declared_by": "bob"}
    assert wording.reason(content(**declared)) == ("New incident. bob declared it: ask what is broken, and since when.")
    assert wording.reason(content(target="bob", **declared)) == "New incident."


def test_an_acknowledged_incident_names_only_the_steps_that_its_resolution_would_prevent() -> None:
    taken = content(next_pages=(DIRECTOR,), state="acknowledged", acknowledged_by="bob")
    assert next_pages.following(taken) == ""
    assert next_pages.unless_resolved(taken) == "If it is not resolved by 03:15 UTC, Director will be paged."


def test_a_later_page_says_who_was_paged_before_but_for_the_one_who_has_it() -> None:
    paged = (Paged("bob", NOW - 20 * MINUTE), Paged("carol", NOW - 4 * 60 * MINUTE))
    later = content(paged_before=paged, time_zone="Europe/Berlin")
    times = "bob was paged at 03:45 CET, carol at 00:05 CET"
    assert wording.paged_before(later) == f"{times}; none of them has acknowledged it."
    taken = structs.replace(later, state="acknowledged", acknowledged_by="bob")
    assert wording.paged_before(taken) == "carol was paged at 00:05 CET."
    many = content(paged_before=tuple(Paged(f"p{number}", NOW) for number in range(9)))
    assert wording.paged_before(many).endswith("03:05 UTC, and 5 more; none of them has acknowledged it.")
    assert wording.paged_before(content()) == ""


def test_alerts_at_other_severities_than_the_incidents_are_counted_apart() -> None:
    mixed = {"alerts": (), "alerts_firing": 60, "alerts_total": 60, "severity": "SEV-1"}
    both = content(firing=(("SEV-1", 20), ("SEV-2", 40)), **mixed)
    assert counts.alerts(both) == "60 alerts firing (20 SEV-1, 40 SEV-2)"
    assert counts.alerts(content(firing=(("SEV-1", 60),), **mixed)) == "60 alerts firing"
    assert counts.alerts(content(firing=(("SEV-2", 60),), **mixed)) == "60 alerts firing (60 SEV-2)"


def test_only_what_a_person_has_declared_is_called_declared() -> None:
    bare = {"alerts": (), "alerts_firing": 0, "alerts_total": 0}
    assert counts.alerts(content(Job.ANNOUNCE, declared_by="bob", **bare)) == "declared by bob"
    assert counts.alerts(content(**bare)) == ""


@pytest.mark.parametrize("step", ["reminder.update.1", "breach.update"])
@pytest.mark.parametrize(
    ("reader", "holder", "said"),
    [
        ("ann", None, "Post the status update: COMMAND"),
        ("ann", "ann", "Post the status update: COMMAND"),
        ("ann", "bob", "bob has the incident: ask how it stands.\nThen post the status update: COMMAND"),
        ("bob", "bob", "ann should post it: tell ann how things stand.\nOr post one yourself: COMMAND"),
        ("room", "bob", "ann should post it; anyone may post it. bob has the incident.\nTo post one: COMMAND"),
        ("room", None, "ann should post it; anyone may post it.\nTo post one: COMMAND"),
    ],
)
def test_an_update_that_is_due_says_whose_job_it_is_and_what_to_type(
    step: str, reader: str, holder: str | None, said: str
) -> None:
    state = "acknowledged" if holder else "triggered"
    told = content(
        Job.UPDATE, step=step, target=reader, assignees=("ann",), state=state, acknowledged_by=holder, number=7
    )
    assert next_steps.request(told) == said.replace("COMMAND", "tocsin incidents update 7 TEXT")


def test_a_page_about_an_acknowledged_incident_says_to_ask_the_acknowledger() -> None:
    taken = {"state": "acknowledged", "acknowledged_by": "bob", "taken_at": NOW - MINUTE}
    page = content(because="still open after 1 h", **taken)
    assert wording.reason(page) == "Still open after 1 h. bob has been the responder since 03:04 UTC."
    assert next_steps.request(page) == (
        "Ask bob whether help is needed. You need not acknowledge.\nDetails: tocsin incidents show 12"
    )
    asked = content(because="bob asks for your help (you are paged as Manager)", **taken)
    assert next_steps.help_wanted(asked) == "Contact bob. You need not acknowledge."
    own = content(because="still open after 1 h", target="bob", **taken)
    assert wording.reason(own) == "Still open after 1 h. You have been the responder since 03:04 UTC."
    assert next_steps.help_wanted(own) == ""


def test_an_expired_acknowledgment_is_mentioned_to_the_acknowledger_and_to_others() -> None:
    risen = {"because": "raised from SEV-2 to SEV-1", "acknowledged_by": "alice"}
    assert wording.reason(content(**risen)) == (
        "Raised from SEV-2 to SEV-1. Your acknowledgment no longer counts: please acknowledge again."
    )
    others = wording.reason(content(target="bob", **risen))
    assert others == "Raised from SEV-2 to SEV-1. alice's acknowledgment no longer counts."


def test_a_message_to_a_fallback_recipient_addresses_no_one_as_you() -> None:
    stranded = content(Job.UPDATE, stranded=True, state="acknowledged", acknowledged_by="alice")
    assert wording.standing(stranded).startswith("alice is the responder; ")
    assert wording.stranded(stranded) == "Tocsin has no working contact for alice: please tell alice."
    page = structs.replace(stranded, job=Job.PAGE)
    assert wording.stranded(page).endswith(
        "Please tell alice. You need not acknowledge. Tocsin has no working contact for alice."
    )


@pytest.mark.parametrize(
    ("step", "kind", "request_"),
    [
        ("breach.resolve", "TARGET MISSED", "For your information only."),
        ("breach.update", "UPDATE OVERDUE", "Post the status update: tocsin incidents update 12 TEXT"),
        ("reminder.update.1", "UPDATE DUE", "Post the status update: tocsin incidents update 12 TEXT"),
        ("reminder.post-mortem.1", "POSTMORTEM DUE", "tocsin incidents reviewed 12 --link URL"),
        ("reminder.item-3.1", "ACTION ITEM DUE", "When it is done: tocsin incidents done 12 3"),
        ("shift:desk:1", "HANDOVER", ""),
        (
            "shifts:desk:1",
            "HANDOVER:",
            "List them: tocsin incidents list\nTake one over: tocsin incidents take NUMBER",
        ),
        ("2.1", "UPDATE", ""),
    ],
)
def test_an_update_says_what_it_is_and_what_it_asks_for(step: str, kind: str, request_: str) -> None:
    update = content(Job.UPDATE, step=step)
    assert wording.kind(update) == kind
    assert next_steps.request(update).endswith(request_)
    assert bool(next_steps.request(update)) == bool(request_)


def test_alerts_that_have_resolved_are_not_counted_among_those_that_fire() -> None:
    some = content(alerts=_alerts(3), alerts_firing=3, alerts_total=7)
    [(group, unseen)], more = counts.Shown.of(some, 5)
    assert (counts.count(group, unseen, some), more) == ("3 firing", "4 resolved alerts")
    many = content(alerts=_alerts(3), alerts_firing=5, alerts_total=7)
    [(group, unseen)], more = counts.Shown.of(many, 5)
    assert (counts.count(group, unseen, many), more) == ("5 firing", "2 resolved alerts")
    assert group.labels_in_words(unseen) == [], "an alert that is not shown may have another severity"
    both = counts.Shown.of(content(alerts=_alerts(3, 2), alerts_firing=3, alerts_total=9), 5)
    assert ([unseen for _, unseen in both.groups], both.more) == ([0, 0], "4 resolved alerts")


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 40), st.integers(0, 40), st.integers(1, 3))
def test_each_alert_is_counted_once(firing: int, resolved: int, more: int, over: int, most: int) -> None:
    total = firing + resolved + more + over
    told = content(
        alerts=_alerts(firing, resolved), alerts_firing=firing + (0 if resolved else more), alerts_total=total
    )
    shown = counts.Shown.of(told, most)
    counted = sum(len(group.members) + unseen for group, unseen in shown.groups)
    counted += sum(int(number) for number in re.findall(r"\d+", shown.more))
    assert counted == total


def test_the_short_channels_name_each_next_page_with_its_own_condition() -> None:
    own = structs.replace(MANAGER, people=("alice",))
    assert next_pages.next_in_short(content(next_pages=(own, DIRECTOR))) == (
        "If you do not acknowledge by 03:15 UTC, you are paged again. If not resolved by then, Director is paged."
    )


def test_a_person_who_has_been_paged_will_be_paged_again() -> None:
    manager = structs.replace(MANAGER, people=("bob",))
    later = content(next_pages=(manager,), paged_before=(Paged("bob", NOW - MINUTE),))
    assert next_pages.following(later).endswith("Engineering manager (bob) will be paged again.")
    assert next_pages.next_in_short(later).endswith(", bob is paged again.")


def test_a_page_to_a_later_tier_names_the_role_of_the_reader_and_who_is_paged_with_them() -> None:
    later = content(because="not resolved for 30 min", role="Manager", paged_with=("bob",))
    assert wording.reason(later) == "Not resolved for 30 min. You are paged as Manager, with bob."


def test_a_storm_has_one_title_with_the_numbers_of_its_incidents_and_a_subject_that_stays() -> None:
    labels = ({"alertname": "Down", "incident": f"#{number} shop"} for number in (1, 2))
    members = tuple(AlertLine(each, {}, True, None, "") for each in labels)
    storm = content(members=2, alerts=members, title="Storm for desk: 2 incidents")
    assert wording.headline(storm) == "[SEV-1] Storm #12: 2 incidents at once (#1 to #2): Down"
    assert wording.headline(structs.replace(storm, members=3)) == "[SEV-1] Storm #12: 3 incidents at once: Down"
    assert (
        wording.subject(storm)
        == wording.subject(structs.replace(storm, members=3))
        == ("Storm #12: many incidents at once")
    )


def test_the_headline_names_the_place_where_no_text_of_an_alert_does() -> None:
    labels = {"alertname": "NodeFilesystemFull", "instance": "db-3:9100", "mountpoint": "/var"}
    bare = content(title="NodeFilesystemFull", service="db-3:9100", alerts=(AlertLine(labels, {}, True, None, ""),))
    assert wording.headline(bare) == "[SEV-1] #12 db-3:9100: NodeFilesystemFull, mountpoint /var"
    assert wording.subject(bare) == "#12 db-3:9100: NodeFilesystemFull"
    resolved = AlertLine({**labels, "severity": "warning"}, {}, False, None, "")
    both = structs.replace(bare, alerts=(*bare.alerts, resolved))
    assert wording.headline(both) == wording.headline(bare), "it keeps its title when an alert resolves"


def test_a_reader_who_must_acknowledge_to_stop_pages_learns_that_it_changes_nothing_else() -> None:
    taken = content(state="acknowledged", acknowledged_by="bob")
    assert next_steps.help_wanted(taken, is_answered_here=True) == (
        "Ask bob whether help is needed. The Acknowledge button only stops these pages: bob stays the responder."
    )


def test_a_draft_is_shown_and_a_place_learns_who_has_to_confirm_it() -> None:
    because = "the draft update for the status page waits for your confirmation: tocsin incidents confirm 12 1"
    fields = {
        "step": f"{DRAFT_STEP}1",
        "because": because,
        "draft": "We are\nsorry.",
        "names": {"drew": "Drew Example"},
    }
    told = content(Job.UPDATE, target="room", assignees=("drew",), **fields)
    assert wording.reason(told) == (
        "The draft update for the status page waits for confirmation. Drew Example should confirm or discard it."
    )
    assert next_steps.request(told).splitlines() == [
        'Draft 1: "We are sorry."',
        "Read all of it: tocsin incidents drafts 12",
        "Publish it: tocsin incidents confirm 12 1",
        "Discard it: tocsin incidents discard 12 1",
    ]
    own = content(Job.UPDATE, target="drew", assignees=("drew",), **fields)
    assert wording.reason(own) == "The draft update for the status page waits for your confirmation."


def test_a_message_to_tocsins_console_is_for_no_person() -> None:
    assert wording.addressee(content(target="console")) == ""
    assert wording.addressee(content()) == "for alice"
    assert wording.addressee(content(stranded=True)) == "in place of alice"
