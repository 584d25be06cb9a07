"""``duties:`` of a playbook: what they are read as, and what is refused."""

import pytest

from conf.workbench import Workbench
from tocsin.conf.playbooks.duties import LONGEST_TEXT, MOST_AGENDA, MOST_DUTIES, MOST_INVITED
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.playbook.duties import Meeting, PlaybookDuty

PLAIN = "what: x, since: opened, within: 1h"


def with_duties(bench: Workbench, duties: str) -> list[str]:
    """The problems of a playbook whose own duties are replaced by these."""
    text = bench.text(bench.playbook)
    start = text.index("duties:\n")
    end = text.index("\n\n", start)
    bench.edit(bench.playbook, text[start:end], duties)
    return bench.problems()


def test_a_duty_and_a_meeting_are_read_with_their_defaults(bench: Workbench) -> None:
    found = with_duties(
        bench,
        "duties:\n"
        "  page: {what: Post it, since: declared, within: 15m, by: communications, remind: 5m, tracker: status}\n"
        "  talk: {what: Talk, since: resolved, within: 48h, severities: [SEV-1], when: [data_breach], meeting: {}}",
    )
    assert found == []
    [page, talk] = bench.load().playbooks["emergency-response"].duties.required
    assert page == PlaybookDuty(
        name="page",
        text="Post it",
        since="declared",
        within=15 * MINUTE,
        by="communications",
        remind=5 * MINUTE,
        tracker="status",
    )
    assert (talk.severities, talk.when, talk.meeting) == (("SEV-1",), ("data_breach",), Meeting(length=HOUR))


@pytest.mark.parametrize(
    ("duty", "told"),
    [
        ("page: {what: x, since: closed, within: 1h}", "'closed' is not allowed here"),
        ("page: {what: x, within: 1h}", "'since' is missing"),
        (f"page: {{{PLAIN}, by: comms}}", "'comms' is neither a person, a group nor a target of people.yaml"),
        (f"page: {{{PLAIN}, severities: [SEV1]}}", "there is no severity 'SEV1'; did you mean SEV-1?"),
        (f"page: {{{PLAIN}, when: [databreach]}}", "there is no flag 'databreach'; did you mean data_breach?"),
        (f"page: {{{PLAIN}, tracker: statsu}}", "no action of the playbook has tracker: statsu; did you mean status?"),
        (f"page: {{{PLAIN}, message: none}}", "no action of the playbook has message: none"),
        (f"page: {{{PLAIN}, tracker: status, update: true}}", "ends with tracker and with update"),
        (f"page: {{{PLAIN}, update: true, declared: true}}", "ends with update and with declared"),
        ("page: {what: x, since: declared, within: 1h, declared: true}", "counts from the declaration"),
        ("page: {what: x, since: resolved, within: 1h, declared: true}", "counts from the resolve"),
        (f"page: {{{PLAIN}, remind: 1h}}", "reminds before its time begins"),
        (f"page: {{{PLAIN}, meeting: {{length: 2h}}}}", "has no room for its meeting"),
        (f"page: {{{PLAIN}, fact: impact, meeting: {{}}}}", "is a meeting, and ends with fact"),
        (f"page: {{{PLAIN}, meeting: {{invite: [everbody]}}}}", "'everbody' is neither a person, a group nor a target"),
        (
            f"page: {{{PLAIN}, meeting: {{invite_when: {{databreach: [communications]}}}}}}",
            "there is no flag 'databreach'; did you mean data_breach?",
        ),
        (
            f"page: {{{PLAIN}, meeting: {{invite_when: {{data_breach: [everbody]}}}}}}",
            "'everbody' is neither a person, a group nor a target",
        ),
        (f"postmortem: {{{PLAIN}}}", "a duty cannot be called 'postmortem'"),
        (f"follow-up-1: {{{PLAIN}}}", "a duty cannot be called 'follow-up-1'"),
        (f"Page: {{{PLAIN}}}", "Page"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(bench: Workbench, duty: str, told: str) -> None:
    found = with_duties(bench, f"duties:\n  {duty}")
    assert len(found) == 1, found
    assert told in found[0]
    assert found[0].startswith(str(bench.playbook))


def test_a_playbook_has_so_many_duties(bench: Workbench) -> None:
    many = "".join(f"\n  duty-{number}: {{{PLAIN}}}" for number in range(MOST_DUTIES + 1))
    [problem] = with_duties(bench, f"duties:{many}")
    assert str(MOST_DUTIES) in problem


def test_the_texts_of_a_duty_are_short(bench: Workbench) -> None:
    [problem] = with_duties(bench, f"duties:\n  page: {{what: {'x' * (LONGEST_TEXT + 1)}, since: opened, within: 1h}}")
    assert str(LONGEST_TEXT) in problem


@pytest.mark.parametrize(
    ("key", "item", "most"), [("invite", "responders", MOST_INVITED), ("agenda", "talk", MOST_AGENDA)]
)
def test_a_meeting_has_so_many_guests_and_so_long_an_agenda(bench: Workbench, key: str, item: str, most: int) -> None:
    items = ", ".join([item] * (most + 1))
    [problem] = with_duties(bench, f"duties:\n  talk: {{{PLAIN}, meeting: {{length: 30m, {key}: [{items}]}}}}")
    assert str(most) in problem
