"""Messages about tasks: the owner's own duty is "your task", and everyone else learns who should do it."""

import pytest
from msgspec import structs

from tocsin.channels import next_steps, wording
from tocsin.channels.email.payload import render
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.slack import payload as slack
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.testing.content import content

PEOPLE = {"names": {"drew": "Drew Example", "morgan": "Morgan Example"}, "places": ("incidents",)}
DUE = "Post it by 2026-11-20 03:10 UTC (in 5 min)"
OVERDUE = "overdue: post it (it was due 10 min after the incident was opened)"
OLDER = "overdue for 1 d: post it. This reminder comes daily until it is done"


def task(step: str, because: str, target: str = "drew", owner: str = "drew") -> Content:
    return content(Job.UPDATE, step=step, because=because, target=target, assignees=(owner,), **PEOPLE)


@pytest.mark.parametrize(
    ("step", "because", "kind", "own", "others"),
    [
        ("reminder.duty-status-page.1", DUE, "TASK DUE", f"{DUE}.", f"{DUE}. Drew Example should do it."),
        (
            *("breach.duty-status-page", OVERDUE, "TASK OVERDUE"),
            *(f"Your task is {OVERDUE}.", f"O{OVERDUE[1:]}. Drew Example should do it."),
        ),
        (
            *("reminder.duty-status-page.2", OLDER, "TASK OVERDUE"),
            *(f"Your task has been {OLDER}.", f"O{OLDER[1:]}. Drew Example should do it."),
        ),
        (
            *("reminder.duty-late.1", "due now: say what is overdue.", "TASK DUE"),
            "Your task is due now: say what is overdue.",
            "Due now: say what is overdue. Drew Example should do it.",
        ),
        (
            *("breach.duty-postmortem", "the postmortem is overdue (it was due by 2026)", "POSTMORTEM OVERDUE"),
            "Your postmortem is overdue (it was due by 2026).",
            "The postmortem is overdue (it was due by 2026). Drew Example should write it.",
        ),
        (
            *("reminder.post-mortem.1", "write the postmortem by 2026 (1 d left)", "POSTMORTEM DUE SOON"),
            "Write the postmortem by 2026 (1 d left).",
            "Write the postmortem by 2026 (1 d left). Drew Example should write it.",
        ),
        (
            *("reminder.item-3.1", "action item 3 has been overdue for 1 d: Fix it", "ACTION ITEM OVERDUE"),
            "Your action item 3 has been overdue for 1 d: Fix it.",
            "The action item 3 has been overdue for 1 d: Fix it. Drew Example should do it.",
        ),
        (
            *("reminder.unconfirmed-1", "the draft message was not confirmed, and still waits", "DRAFT NOT CONFIRMED"),
            "The draft message was not confirmed, and still waits.",
            "The draft message was not confirmed, and still waits. Drew Example should send or discard it.",
        ),
    ],
)
def test_a_task_is_the_readers_own_or_names_who_should_do_it(
    step: str, because: str, kind: str, own: str, others: str
) -> None:
    told = task(step, because)
    assert (wording.kind(told), wording.reason(told)) == (kind, own)
    assert wording.reason(structs.replace(told, target="incidents")) == others
    assert wording.reason(structs.replace(told, stranded=True)) == others, "a substitute is not the owner"


def test_a_reason_that_an_earlier_version_has_stored_still_says_who_should_act() -> None:
    older = task("breach.duty-status-page", "SEV-1 duty status-page not done within 15 min of the opening: Post it")
    assert wording.kind(older) == "TASK OVERDUE"
    assert wording.reason(structs.replace(older, target="incidents")) == (
        "SEV-1 duty status-page not done within 15 min of the opening: Post it. Drew Example should do it."
    )


def test_an_invitation_says_to_what_when_and_who_holds_it() -> None:
    because = "you are invited to review-meeting on Fri 2026-11-20 11:00 EST, for 1 h. Purpose: Learn. Agenda: a; b"
    invited = "You are invited to review-meeting on Fri 2026-11-20 11:00 EST, for 1 h."
    guest = task("meeting.review-meeting.1", because, owner="morgan")
    assert wording.reason(guest) == f"{invited} Morgan Example holds it. Purpose: Learn. Agenda: a; b."
    host = structs.replace(guest, target="morgan")
    assert wording.reason(host) == f"{invited} You hold it. Purpose: Learn. Agenda: a; b."
    unknown = structs.replace(guest, assignees=())
    assert wording.reason(unknown) == f"{invited} Purpose: Learn. Agenda: a; b."
    older = structs.replace(guest, because="you are invited on 2026-11-20 11:00 UTC, for 1 h: Hold it; agenda: a")
    assert wording.reason(older) == (
        "You are invited on 2026-11-20 11:00 UTC, for 1 h: Hold it; agenda: a. Morgan Example holds it."
    )


def test_a_place_is_called_a_channel_and_in_slack_is_not_addressed_at_all() -> None:
    told = content(Job.UPDATE, step="breach.resolve", because="not resolved", target="incidents", **PEOPLE)
    assert wording.addressee(told) == "for the channel incidents"
    mail = render(
        structs.replace(told, destination="incidents@example.com"),
        EmailSettings.model_validate({"host": "mail.example.com", "from": "tocsin@example.com"}),
    )
    assert b"This message is for the channel incidents." in mail
    message = slack.render(told)
    assert message.text.startswith("TARGET MISSED [SEV-1] #12 ")
    assert message.blocks[0]["text"]["text"].startswith(":information_source: TARGET MISSED ")


def test_a_mail_says_its_state_once() -> None:
    told = content(Job.UPDATE, step="2.1", because="not resolved for 1 h", destination="a@example.com")
    settings = EmailSettings.model_validate({"host": "mail.example.com", "from": "tocsin@example.com"})
    assert render(told, settings).count(b"not acknowledged") == 1
    held = structs.replace(told, waits=("maintenance window db",))
    assert b"not acknowledged, no one is paged: maintenance window db" in render(held, settings).replace(b"=\r\n", b"")


def test_a_message_that_is_to_be_passed_on_is_not_for_information_only() -> None:
    missed = content(Job.UPDATE, step="breach.resolve", because="not resolved")
    assert next_steps.request(missed) == "For your information only."
    assert next_steps.request(structs.replace(missed, stranded=True)) == ""
