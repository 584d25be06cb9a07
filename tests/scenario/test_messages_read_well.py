"""The exact text of every channel about three real alerts.

The texts stand in tests/fixtures/messages/, where they are read by people; ``make messages`` writes them anew.
"""

import difflib
import re

import pytest

from scenario import spoken

GLITCHES = ("..", " .", " ;", ". opened at", "of 1 alert", "experiencing Nobody", "None", "- 0 more", " unless ")


@pytest.mark.parametrize("story", spoken.STORIES)
async def test_every_channel_says_it_as_it_was_read_and_approved(story: str) -> None:
    scenes = await spoken.STORIES[story]()
    for channel in spoken.CHANNELS:
        path = spoken.FOLDER / story / f"{channel}.txt"
        approved, now = path.read_text().splitlines(), spoken.written(scenes, channel).splitlines()
        changed = "\n".join(difflib.unified_diff(approved, now, str(path), "now", lineterm=""))
        assert not changed, f"{changed}\n\nread it, and if it is better: make messages"


@pytest.mark.parametrize("story", spoken.STORIES)
async def test_no_text_has_a_glitch_that_a_reader_stumbles_over(story: str) -> None:
    scenes = await spoken.STORIES[story]()
    for channel in spoken.CHANNELS:
        text = spoken.written(scenes, channel)
        for glitch in GLITCHES:
            assert glitch not in text.replace("...", ""), f"{glitch!r} in {channel}"


@pytest.mark.parametrize("story", spoken.STORIES)
async def test_a_command_ends_its_line_so_that_it_can_be_copied(story: str) -> None:
    scenes = await spoken.STORIES[story]()
    for channel in ("sms", "email", "slack", "console", "webhook"):
        text = spoken.written(scenes, channel).replace("\\n", "\n").replace('",\n', "\n").replace('"\n', "\n")
        for line in text.splitlines():
            if line.startswith("notification: "):  # one line, and the message below it has the commands
                continue
            for command in re.findall(r"tocsin (?:incidents|postmortem) .*", line):
                assert re.fullmatch(
                    r"tocsin [a-z]+( [a-z]+)?( \d+| TEXT| NUMBER| [a-z]+-[a-z-]+)*"
                    r"( --(link URL|storm \d+|reason TEXT|at TIME))?",
                    command,
                ), f"{command!r} in {channel}"


async def test_pagerduty_says_what_its_acknowledge_does_where_that_is_not_plain() -> None:
    scenes = await spoken.STORIES["other"]()
    text = spoken.written(scenes, "pagerduty")
    assert text.count("The Acknowledge button only stops this notice: it does not acknowledge #1.") == 2, (
        "summary and details"
    )
    assert "The Acknowledge button acknowledges all 11 incidents." in text
    assert '"component": "shop-0, shop-1' in text.replace("\n", " ") or "shop-9" in text


async def test_what_tocsin_says_about_itself_names_no_command_that_cannot_work_and_no_person_who_declared_it() -> None:
    scenes = await spoken.STORIES["other"]()
    own = [scene for scene in scenes if scene[1].playbook == "tocsin" and not scene[1].is_reminder]
    alarms = [scene for scene in own if scene[1].is_alarm]
    assert len(own) > len(alarms) > 0
    for channel in spoken.CHANNELS:
        assert "declared" not in spoken.written(own, channel), channel
        text = spoken.written(alarms, channel).replace("number 1 ", "#1 ")  # a call says "number"
        for impossible in ("#0", "ack 0", "show 0", "Incident 0", "[Acknowledge]", "Press 1", "Acknowledge:"):
            assert impossible not in text, f"{impossible!r} in {channel}"
        if text:
            assert "pages no one" in text, f"{channel} says what does not work"
            assert "Tocsin is DOWN on tocsin-1" in text, f"{channel} names the host"
            assert "Alex Example has NOT been reached yet by SMS about #1 payments: Nobody can pay (SEV-2; " in text
            assert "Call Alex Example now at +4915555550100." in text, f"{channel} says how to reach the person"
            unwrapped = " ".join(text.split())
            copied = "2) copy tocsin.db.rescued-20261120T030000Z to tocsin.db; 3) remove tocsin.db-wal if it exists"
            steps = f"In /var/lib/tocsin: 1) stop tocsin; {copied}"
            by_ear = "Go to a computer: another message has the steps."
            assert (by_ear if channel == "call" else steps) in unwrapped, f"{channel} says what to do"
            assert "tocsin's log" not in text, f"{channel} sends no one to the log"
            assert "has stopped" not in text


async def test_what_tocsin_says_about_itself_names_who_misses_what_and_who_is_refused() -> None:
    scenes = await spoken.STORIES["other"]()
    own = [scene for scene in scenes if scene[1].playbook == "tocsin" and not scene[1].is_reminder]
    for channel in ("sms", "email", "slack", "console"):
        text = spoken.written(own, channel).replace("\r\n", "\n")
        assert "Alex Example was NOT reached by SMS about #1 payments: Nobody can pay (SEV-2; no one has it)" in text
        take = "reply ack 1\n" if channel == "sms" else "tocsin incidents ack 1\n"
        assert "Call Alex Example now at +4915555550100." in text, channel
        assert f"Or take #1 yourself: {take}" in text, f"{channel} ends the line after the command"
        assert "prometheus-eu (192.0.2.7) sends alerts without a valid token" in text, channel
        assert "(telephone)" not in text, channel
        assert "no alert may arrive" not in text, channel
        assert not re.search(r'reload"?\. [a-z]', text), channel


async def test_no_person_reads_labels_severities_or_names_that_only_the_code_has() -> None:
    scenes = await spoken.STORIES["other"]()
    own = [scene for scene in scenes if scene[1].playbook == "tocsin" and not scene[1].is_reminder]
    for channel in ("sms", "call", "email", "slack", "console"):
        text = spoken.written(own, channel)
        for raw in ("TocsinTrouble", "reason=", "fault=", "[self]", "self-notice", "those who", "New incident"):
            assert raw not in text.replace("notification: ", ""), f"{raw!r} in {channel}"
        if text:
            assert "you are paged again" in text, channel


async def test_a_notice_about_tocsin_looks_like_no_open_page() -> None:
    scenes = await spoken.STORIES["other"]()
    notices = [scene for scene in scenes if scene[1].is_notice]
    assert len(notices) == 1
    for channel in ("sms", "email", "slack", "console"):
        text = spoken.written(notices, channel)
        assert (
            "FYI #4: Tocsin refused requests from 192.0.2.7 that claim to come from Twilio, because they have" in text
        )
        assert "If phone or SMS acknowledgments do not arrive, check the Twilio token." in text, channel
        for state in ("UPDATE", "not acknowledged", "firing", "pen since", "paged again", "Now:", "now:"):
            assert state not in text, f"{state!r} in {channel}"
