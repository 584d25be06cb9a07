"""A message asks its reader to do something, and names the people to ask."""

from msgspec import structs

from tocsin.channels import next_pages, next_steps, wording
from tocsin.core.content.page import Upcoming
from tocsin.core.duration import MINUTE
from tocsin.core.incident.outbox import DIGEST, Job
from tocsin.core.playbook.playbook import Until
from tocsin.testing.content import NOW, content

DIRECTOR = Upcoming(NOW + 10 * MINUTE, "Director", Until.RESOLVED)

HANDED_OVER = (
    "you are now on call (desk); bob has the incident; 7 more incidents (#13 to #19) are open from the last shift: "
    "#13 shop: Down (SEV-2) and 6 more"
)


def test_a_hand_over_of_several_has_their_number_as_its_headline_and_says_with_whom_to_decide() -> None:
    taken = {"state": "acknowledged", "acknowledged_by": "bob", "contacts": {"bob": "+4930123456"}}
    shift = content(Job.UPDATE, step="shifts:desk:1", because=HANDED_OVER, **taken)
    assert (wording.kind(shift), wording.headline(shift)) == ("HANDOVER:", "8 open incidents (#12 to #19)")
    assert wording.reason(shift) == (
        "You are now on call (desk). Open from the last shift: #12 checkout: HighLatency on checkout (SEV-1), "
        "#13 shop: Down (SEV-2) and 6 more."
    )
    assert next_steps.request(shift).splitlines() == [
        "bob (+4930123456) has them: decide together who takes which.",
        "List them: tocsin incidents list",
        "Take one over: tocsin incidents take NUMBER",
    ]
    assert wording.subject(shift) == "Handover: 8 open incidents (#12 to #19)"
    several = structs.replace(shift, because=HANDED_OVER.replace("(SEV-2)", "(SEV-2, cas has it)"))
    assert next_steps.request(several).startswith("The current responders have them: decide together who takes which.")
    assert not wording.has_state(shift)
    one = content(Job.UPDATE, step="shift:desk:1", because="you are now on call (desk)", **taken)
    assert next_steps.request(one) == (
        "bob (+4930123456) has it: decide together which of you keeps it.\nTo take it over: tocsin incidents take 12"
    )


def test_a_message_that_says_to_ask_the_responder_has_their_telephone_number() -> None:
    taken = {"state": "acknowledged", "acknowledged_by": "bob", "contacts": {"bob": "+4930123456"}}
    page = content(because="still open after 1 h", **taken)
    assert next_steps.help_wanted(page) == ("Ask bob (+4930123456) whether help is needed. You need not acknowledge.")
    due = content(Job.UPDATE, step="reminder.update.1", because="a status update is due", **taken)
    assert next_steps.request(due).startswith("bob (+4930123456) has the incident: ask how it stands.")
    by_mail = structs.replace(due, contacts={"bob": "bob@example.com"})
    assert next_steps.request(by_mail).startswith("bob (bob@example.com) has the incident:")


def test_a_page_that_asks_for_help_names_the_responder_twice_at_most() -> None:
    page = content(because="bob asks for your help", state="acknowledged", acknowledged_by="bob", taken_at=NOW)
    assert wording.reason(page) == "bob asks for your help."
    assert wording.why(page).count("bob") == 2


def test_a_summary_of_an_incident_that_flaps_says_what_an_acknowledgment_does() -> None:
    digest = content(step=DIGEST, because="it goes on and off")
    assert wording.reason(digest) == ("It goes on and off. Once you acknowledge, the summaries no longer page you.")
    assert wording.reason(structs.replace(digest, job=Job.UPDATE, state="acknowledged")) == "It goes on and off."


def test_a_draft_to_confirm_ends_the_command_before_its_text() -> None:
    because = "the draft update for jira waits for your confirmation: tocsin incidents confirm 12 1"
    draft = content(Job.UPDATE, step="reminder.draft-1", because=because, draft="Down")
    assert wording.why(draft).splitlines()[1:3] == ['Draft 1: "Down"', "Read all of it: tocsin incidents drafts 12"]


def test_a_postmortem_that_is_due_is_three_steps() -> None:
    due = content(Job.UPDATE, step="reminder.post-mortem.1", because="the postmortem is due now")
    assert next_steps.request(due) == (
        "1) Get a draft: tocsin postmortem 12\n2) Write it.\n"
        "3) Record its link: tocsin incidents reviewed 12 --link URL"
    )


def test_a_reminder_says_which_of_its_recipients_should_do_the_task() -> None:
    names = {"alice": "Alice Example", "bob": "Bob Example"}
    reminder = content(Job.UPDATE, is_reminder=True, because="due now", names=names, paged_with=("bob", "incidents"))
    assert next_steps.request(reminder).startswith(
        "You or Bob Example should do it.\nWhen it is done, close this reminder: "
    )
    place = structs.replace(reminder, target="incidents")
    assert next_steps.request(place).startswith("Bob Example should do it.\nWhen it is done, close this reminder: ")


def test_the_incidents_own_message_says_that_a_person_is_paged_again() -> None:
    director = structs.replace(DIRECTOR, people=("bob",))
    taken = {"state": "acknowledged", "acknowledged_by": "alice", "next_pages": (director,)}
    announcement = content(Job.ANNOUNCE, paged_already=("bob",), **taken)
    assert next_pages.unless_resolved(announcement).endswith("Director (bob) will be paged again.")
    assert not next_pages.unless_resolved(content(Job.ANNOUNCE, **taken)).endswith("again.")
