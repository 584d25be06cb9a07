"""The text of an update is in the comment about it, however late that is sent, and without a template too."""

import msgspec

from scenario import emergency
from scenario.outside import ALEX, lines, outside
from tocsin.core.incident.event import NoteAdded, UpdatePosted
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.core.playbook.playbook import Playbook
from tocsin.engine.deliver.messages import ENTRIES, update_as_of
from tocsin.engine.deliver.preview import preview
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker
from tocsin.testing.standin import ErrorStatus
from tocsin.trackers import words

FIRING = {"alertname": "Down", "severity": "SEV-1"}


def tracked(**more: object) -> Playbook:
    written = {"at": ["opened", "updated", "resolved"], "verb": "tracker", "what": "jira", **more}
    return msgspec.structs.replace(emergency.shipped(), actions=(msgspec.convert(written, PlaybookAction),))


def comments(jira: RecordingTracker) -> list[str]:
    texts = [words.body(content) for content in jira.sent if content.job is Job.TICKET_COMMENT]
    return [text.plain for text in texts if text is not None]


async def post(harness: Harness, text: str) -> None:
    await harness.say(UpdatePosted(by=ALEX, text=text))
    await harness.advance(seconds=1)


async def test_without_a_template_a_comment_has_the_updates_text_and_the_state() -> None:
    jira = RecordingTracker("jira")
    async with emergency.tocsin(playbook=tracked(), trackers=(jira,)) as harness:
        await harness.fire(**FIRING)
        await post(harness, "Half of it works.\nWe go on.")
        assert comments(jira) == ["Half of it works.\nWe go on.\n\n[SEV-1] #1 shop: Down is not acknowledged."]


async def test_each_comment_has_its_own_update_however_late_it_is_sent() -> None:
    jira = RecordingTracker("jira")
    works, jira.answer = jira.answer, lambda _: Receipt(Outcome.RETRY, Reason.CONNECTION, "no answer")
    async with emergency.tocsin(playbook=tracked(), trackers=(jira,)) as harness:
        await harness.fire(**FIRING)
        for text in ("one", "two", "three"):
            await post(harness, text)
        jira.answer = works
        await harness.advance(minutes=30)
        assert [comment.partition("\n")[0] for comment in comments(jira)] == ["one", "two", "three"]


async def test_each_text_of_a_template_has_its_own_update_however_late_it_is_sent() -> None:
    async with outside() as house:
        await house.tocsin.fire(alertname="Down", service="api", severity="SEV-3", playbook="emergency-response")
        await house.tocsin.advance(seconds=1)
        house.jira.fail(*[ErrorStatus(503)] * 5)
        for text in ("one", "two"):
            await post(house.tocsin, text)
        await house.tocsin.advance(minutes=30)
        first, second = (lines(comment) for comment in house.jira_comments())
    assert (first[0][:18], first[2]) == ("📊 SEV-3 Update #1 ", "Actions Taken: one")
    assert (second[0][:18], second[2]) == ("📊 SEV-3 Update #2 ", "Actions Taken: two")


async def test_a_draft_for_a_ticket_without_a_template_shows_the_newest_update() -> None:
    jira = RecordingTracker("jira")
    async with emergency.tocsin(playbook=tracked(confirm=True), trackers=(jira,)) as harness:
        await harness.fire(**FIRING)
        for text in ("one", "two"):
            await post(harness, text)
        incident = await harness.incident()
        [draft] = incident.acting.drafts
        saying = await harness.store.read(lambda tx: preview(tx, harness.live.policy, incident, draft))
        assert "Down" in saying.text.plain, "it opens the ticket: there is none yet"


async def test_the_newest_update_of_a_very_long_incident_is_found() -> None:
    async with emergency.tocsin(playbook=tracked()) as harness:
        await harness.fire(**FIRING)
        for number in range(2 * ENTRIES + 100):
            await harness.respond.apply("1", NoteAdded(by=ALEX, text=f"note {number}"))
        await harness.respond.apply("1", UpdatePosted(by=ALEX, text="the newest"))
        incident = await harness.incident()
        assert await harness.store.read(lambda tx: update_as_of(tx, incident)) == "the newest"
