"""Duties as data: rows of earlier versions are read as duties, and nothing that was told is told again."""

import msgspec
import pytest

from core.ladders import fresh
from tocsin.core.duration import DAY, HOUR
from tocsin.core.incident.effect import Notify
from tocsin.core.incident.escalation import next_due, step
from tocsin.core.incident.event import Actor, CompleteDuty, Due, PostMortemDone
from tocsin.core.incident.incident import Incident, State
from tocsin.core.incident.sla import Obligations, duties_of, next_follow_up, open_duties
from tocsin.core.measures.records import DutyKind, EndedDuty, duty_of_earlier_occurrence
from tocsin.core.measures.records import duties_of as measured

ALICE = Actor("alice", "api")
FORMER = {
    "post_mortem": {"severity": "high", "asked_at": 0, "due_at": 2 * DAY, "remind_at": DAY},
    "items": [
        {
            "number": 1,
            "text": "Find the cause",
            "kind": "follow-up",
            "severity": "high",
            "added_at": 0,
            "due_at": DAY,
            "remind_at": DAY,
        }
    ],
    "numbered": 1,
}
"""The row that an earlier version stored of a resolved incident."""


def stored(**post_mortem: object) -> Obligations:
    former = FORMER | {"post_mortem": FORMER["post_mortem"] | post_mortem}  # type: ignore[operator]
    return msgspec.convert(former, Obligations)


def resolved(obligations: Obligations) -> Incident:
    incident = msgspec.structs.replace(fresh(0), state=State.RESOLVED, occurrence=1, obligations=obligations)
    return msgspec.structs.replace(incident, severity="high", peak="high", resolved_at=0, acknowledged_by="alice")


def test_a_postmortem_of_an_earlier_version_is_a_duty_and_its_reminders_go_on() -> None:
    incident = resolved(stored())
    [duty] = duties_of(incident.obligations)
    assert (duty.name, duty.severity, duty.due_at, duty.outcome) == ("postmortem", "high", 2 * DAY, "open")
    assert (next_due(incident), open_duties(incident.obligations)) == (DAY, 2)
    after, effects = step(incident, Due(), DAY)
    told = [(effect.step, effect.targets) for effect in effects if isinstance(effect, Notify)]
    assert told == [("reminder.post-mortem.1", ("alice",)), ("reminder.item-1.1", ("alice",))]
    assert after.obligations is not None
    assert (after.obligations.post_mortem, len(after.obligations.duties)) == (None, 1), "rewritten as a duty"
    done, _ = step(after, PostMortemDone(by=ALICE, link="https://wiki.example.com/1"), DAY + HOUR)
    assert [duty.outcome for duty in duties_of(done.obligations)] == ["in_time"]
    assert open_duties(done.obligations) == 1, "the earlier version's follow-up is still to be done"


@pytest.mark.parametrize("remind_at", [3 * DAY, None])
def test_a_deadline_that_an_earlier_version_has_told_of_is_no_new_breach(remind_at: int | None) -> None:
    [duty] = duties_of(stored(remind_at=remind_at, reminded=2))
    assert duty.breached_at == 2 * DAY
    after, _ = step(resolved(stored(remind_at=remind_at)), CompleteDuty(by=ALICE, duty="postmortem"), 5 * DAY)
    assert [duty.outcome for duty in duties_of(after.obligations)] == ["late"]


def test_a_done_postmortem_of_an_earlier_version_stays_done() -> None:
    former = stored(remind_at=None, done_at=DAY, done_by="bob", waived=True)
    [duty] = duties_of(former)
    assert (duty.outcome, duty.done_by, duty.breached_at) == ("waived", "bob", None)
    assert next_follow_up(former) == DAY, "only the item is left"
    assert open_duties(former) == 1


def test_reports_count_an_earlier_versions_postmortem_as_one_and_its_follow_up_as_an_action_item() -> None:
    incident = resolved(stored(done_at=DAY, waived=True))
    found = [(each.kind, each.name, each.owner, each.due_at, each.waived) for each in measured(incident)]
    assert found == [
        (DutyKind.POST_MORTEM, "postmortem", "alice", 2 * DAY, True),
        (DutyKind.ACTION_ITEM, "", "", DAY, False),
    ]


@pytest.mark.parametrize(
    ("occurrence", "counts"), [(1, True), (2, False), (None, False)], ids=["before", "current", "of earlier versions"]
)
def test_reports_take_only_duties_of_former_occurrences_from_the_timeline(
    occurrence: int | None, *, counts: bool
) -> None:
    """An incident has those of its current occurrence itself, and entries of earlier versions name none."""
    incident = msgspec.structs.replace(resolved(Obligations()), occurrence=2)
    known = {} if occurrence is None else {"duty": "board", "severity": "high", "occurrence": occurrence, "due_at": DAY}
    ended = msgspec.convert({"late": 0, "reason": "", "link": "", **known}, EndedDuty)
    found = duty_of_earlier_occurrence(incident, ended, HOUR, is_waived=False)
    assert (found is not None) is counts
    if found is not None:
        assert (found.kind, found.name, found.due_at, found.done_at) == (DutyKind.DUTY, "board", DAY, HOUR)
