"""Every message of one incident of each playbook: as printed in config/playbooks/, and in the words of its text."""

import asyncio
import difflib
from functools import cache

import pytest

from scenario.one_incident import page_of, told
from scenario.outside import WORDS, fits
from scenario.stories import STORIES

OF_OTHER_INCIDENTS = {
    "erlmcp": {"data correction", "customers P2 and P3"},
    "service-quick-reference": {"issue timeline"},
    "emergency-response": {"post-mortem"},
    "mgmt-vibe": {"post-mortem"},
}
"""Texts that this incident does not need, or that a person asks for; test_words_reach_where_they_are_meant has them."""


@cache
def shown(playbook: str) -> tuple[str, list[str]]:
    """The page of a playbook, and the playbook's own texts in it."""
    return asyncio.run(told(playbook))


@pytest.mark.parametrize("playbook", STORIES)
def test_every_message_is_as_printed(playbook: str) -> None:
    page, _ = shown(playbook)
    path = page_of(playbook)
    diff = difflib.unified_diff(path.read_text().splitlines(), page.splitlines(), str(path), "now", lineterm="")
    changed = "\n".join(diff)
    assert not changed, f"{changed}\n\nread it, and if it is better: make messages"


@pytest.mark.parametrize("playbook", STORIES)
def test_each_text_of_the_playbook_is_sent_line_by_line(playbook: str) -> None:
    _, texts = shown(playbook)
    wanted = WORDS[playbook].keys() - OF_OTHER_INCIDENTS.get(playbook, set())
    assert {name for name in wanted if not any(fits(playbook, name, text) for text in texts)} == set()


@pytest.mark.parametrize("playbook", STORIES)
def test_once_the_responders_have_recorded_what_they_know_no_message_has_a_blank(playbook: str) -> None:
    page, _ = shown(playbook)
    _, recorded, rest = page.partition("records what is known of the impact")
    assert recorded
    assert "to fill in" not in rest


@pytest.mark.parametrize("playbook", STORIES)
def test_no_one_gets_a_playbooks_message_twice_at_one_moment(playbook: str) -> None:
    page, _ = shown(playbook)
    text, repeated = "", list[tuple[str, str]]()
    for entry in page.split("\n+"):
        line, _, body = entry.partition("\n")
        if "  MESSAGE [" in line and ": the same text as for" in line:
            repeated.append((line, text))
        elif "  MESSAGE [" in line:
            text = body
    assert repeated
    assert len(repeated) == len(set(repeated))


@pytest.mark.parametrize("playbook", STORIES)
def test_those_who_follow_the_incident_are_told_that_its_record_is_closed(playbook: str) -> None:
    page, _ = shown(playbook)
    assert page.count("record closed: every duty is done or waived") == 1
