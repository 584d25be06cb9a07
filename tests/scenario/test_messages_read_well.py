"""What people are told, word for word: every channel's text about three real alerts.

The texts stand in tests/fixtures/messages/, where they are read by people; ``make messages`` writes them anew.
"""

import difflib

import pytest

from scenario import spoken


@pytest.mark.parametrize("story", spoken.STORIES)
async def test_every_channel_says_it_as_it_was_read_and_approved(story: str) -> None:
    scenes = await spoken.STORIES[story]()
    for channel in spoken.CHANNELS:
        path = spoken.FOLDER / story / f"{channel}.txt"
        approved, now = path.read_text().splitlines(), spoken.written(scenes, channel).splitlines()
        changed = "\n".join(difflib.unified_diff(approved, now, str(path), "now", lineterm=""))
        assert not changed, f"{changed}\n\nread it, and if it is better: make messages"


@pytest.mark.parametrize("story", ["crash-looping-pods", "grafana", "without-annotations"])
async def test_no_text_has_a_glitch_that_a_reader_stumbles_over(story: str) -> None:
    scenes = await spoken.STORIES[story]()
    for channel in spoken.CHANNELS:
        text = spoken.written(scenes, channel)
        for glitch in ("..", " .", " ;", ". opened at", "of 1 alert", "experiencing Nobody", "None", "/api/v1/"):
            assert glitch not in text.replace("...", ""), f"{glitch!r} in {channel}"
