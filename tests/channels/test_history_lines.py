"""Lines of the history: the date of a later day, the task in place of a duty's name; and who is told to declare."""

from msgspec import structs

from tocsin.channels import next_steps, timeline
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job
from tocsin.testing.content import NOW, content


def _entry(kind: str, **data: object) -> Entry:
    return Entry(incident_id="x", seq=1, at=NOW, kind=kind, actor="tocsin", via="tocsin", data=data)


def test_only_a_person_who_may_have_to_act_reads_how_to_declare() -> None:
    page = content(Job.PAGE, can_declare=True)
    assert "declare the incident" in next_steps.declaration(page)
    taken = structs.replace(page, state="acknowledged", acknowledged_by="bob")
    assert next_steps.declaration(taken) == "", "bob has it"
    assert "declare the incident" in next_steps.declaration(structs.replace(taken, target="bob"))


def test_an_entry_of_another_day_than_the_first_has_its_date() -> None:
    entry = _entry("joined")
    assert timeline.describe(entry, titles=timeline.Titles(opened_at=NOW)) == "03:05:09 UTC joined"
    earlier = timeline.Titles(opened_at=NOW - 24 * HOUR)
    assert timeline.describe(entry, titles=earlier).endswith("-20 03:05:09 UTC joined")


def test_the_timeline_says_the_task_in_place_of_the_duty_s_name() -> None:
    titles = timeline.Titles(
        {"comms": "Communications"}, tasks={"page": "Post to the page", "review": "Hold the review"}
    )
    late = "overdue for 1 d: post to the page. This reminder comes daily until it is done"
    cases = [
        (
            _entry("reminded", targets=["comms"], because=late),
            "reminded Communications (overdue for 1 d): post to the page",
        ),
        (
            _entry("reminded", targets=["comms"], because="Post to the page by 03:10 UTC (in 5 min)"),
            "reminded Communications: post to the page by 03:10 UTC (in 5 min)",
        ),
        (
            _entry("meeting_proposed", targets=["comms"], duty="review", starts_at=NOW // MINUTE * MINUTE),
            "invited Communications to the review on 2026-11-20 03:05 UTC",
        ),
        (_entry("duty_done", duty="page", reason=""), "task done: post to the page"),
    ]
    assert [timeline.phrase(entry, titles=titles) for entry, _ in cases] == [said for _, said in cases]
