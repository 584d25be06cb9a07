import errno
import io
import os
import unicodedata
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.console.channel import ConsoleChannel, _not_written, _NotWrittenError
from tocsin.channels.console.payload import render
from tocsin.channels.console.printed import KEPT, TOGETHER, Printed
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.content.page import Content
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Receipt
from tocsin.testing.content import NOW, alert_line, content
from tocsin.trackers.console.tracker import ConsoleTracker

any_text = st.text(st.characters(codec=None), max_size=300)


async def _printed(stream: io.TextIOBase, given_content: Content, **settings: object) -> Receipt:
    channel = ConsoleChannel("console", ConsoleSettings.model_validate(settings), stream)
    await channel.start()
    try:
        return await channel.send(given_content)
    finally:
        await channel.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_page_is_a_block_that_says_what_why_and_what_to_do():
    stream = io.StringIO()
    receipt = await _printed(stream, content(late=90_000_000))
    assert receipt.outcome is Outcome.SENT
    assert stream.getvalue().splitlines() == [
        "PAGE [SEV-1] #12 checkout: HighLatency on checkout",
        "  for alice: SEV-1: on-call engineer first.",
        "  ! This comes 1 min 30 s late.",
        "  1 alert firing, open since 2026-11-20 03:00 UTC (5 min)",
        "  - HighLatency instance=web-1:9100 cluster=eu-1",
        "    p99 above 2 s.",
        "  Acknowledge: tocsin incidents ack 12",
    ]


@pytest.mark.parametrize("job", [job for job in Job if job not in (Job.PAGE, Job.UPDATE)])
def test_everything_else_is_one_line(job: Job):
    entry = Entry(incident_id="x", seq=1, at=NOW, kind="acknowledged", actor="a", via="api")
    text = render(content(job, history=(entry,), acknowledged_by="alice", resolved_at=NOW), colour=False)
    assert text.count("\n") == 1
    assert "#12" in text


def test_an_update_says_what_it_is_about_why_it_comes_and_how_things_stand():
    told = content(Job.UPDATE, because="SEV-1 target missed: not resolved within 1 h", summary="Customers cannot pay.")
    assert render(told, colour=False).splitlines() == [
        "UPDATE [SEV-1] #12 checkout: HighLatency on checkout -- for alice",
        "  SEV-1 target missed: not resolved within 1 h.",
        "  Customers cannot pay.",
        "  now: not acknowledged; 1 alert firing",
    ]


@pytest.mark.parametrize(
    ("stream", "setting", "coloured"),
    [
        (io.StringIO(), "auto", False),
        (Terminal(), "auto", True),
        (Terminal(), "never", False),
        (io.StringIO(), "always", True),
    ],
)
async def test_colours_are_for_terminals(stream: io.StringIO, setting: str, coloured: bool):
    await _printed(stream, content(), colour=setting)
    assert ("\x1b[" in stream.getvalue()) is coloured


@given(st.sampled_from(Job), any_text, any_text)
def test_no_label_moves_the_cursor_or_adds_a_line(job: Job, one: str, other: str):
    alert = alert_line(one, label=other)
    alert.annotations["summary"] = other
    entry = Entry(incident_id="x", seq=1, at=NOW, kind=one, actor=other, via="api", data={"x": one})
    told = content(job, title=one, service=other, because=one, target=other, alerts=(alert,), history=(entry,))
    text = render(told, colour=False)
    assert not [char for char in text.replace("\n", "") if unicodedata.category(char) in ("Cc", "Cf", "Cs")]
    assert text.count("\n") in {Job.PAGE: (5, 6), Job.UPDATE: (2, 3)}.get(job, (1,))


async def test_a_console_that_is_not_utf8_gets_question_marks():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    assert (await _printed(stream, content(title="Störung 🔥"))).outcome is Outcome.SENT
    assert b"St?rung ?" in raw.getvalue()


async def test_a_reader_that_has_gone_is_no_exception():
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as stream:  # noqa: PTH123, ASYNC230 - a pipe has no path
        receipt = await _printed(stream, content())
        # What the stream could not write it would try again when it is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    assert (receipt.outcome, receipt.detail) == (Outcome.PERMANENT, "the console is closed: BrokenPipeError")


async def test_a_stream_that_we_have_closed_is_no_exception():
    stream = io.StringIO()
    stream.close()
    assert (await _printed(stream, content())).outcome is Outcome.PERMANENT


# A volume that is full.


def _full() -> TextIO:
    return open("/dev/full", "w")  # noqa: PTH123 - a device


async def test_a_page_to_a_full_disk_is_retried_and_printed_once_when_there_is_space(tmp_path: Path) -> None:
    with _full() as stream:
        channel = ConsoleChannel("console", ConsoleSettings(), stream)
        await channel.start()
        for _ in range(3):
            receipt = await channel.send(content())
            assert (receipt.outcome, receipt.detail) == (
                Outcome.RETRY,
                "the console cannot be written: No space left on device",
            )
        with (tmp_path / "room").open("w") as room:
            os.dup2(room.fileno(), stream.fileno())
        assert (await channel.send(content())).outcome is Outcome.SENT
        await channel.close()
    assert (tmp_path / "room").read_text().count("PAGE [SEV-1] #12") == 1


async def test_a_page_that_was_cut_off_may_have_been_read_and_the_next_one_begins_a_line() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.write(writing, b"x" * 60_000)  # a pipe holds 65,536
    with open(writing, "w") as stream:  # noqa: PTH123, ASYNC230 - a pipe has no path
        channel = ConsoleChannel("console", ConsoleSettings(), stream)
        await channel.start()
        with pytest.raises(_NotWrittenError) as cut:
            channel._write_all(writing, b"x" * 10_000)
        assert _not_written(cut.value).outcome is Outcome.AMBIGUOUS
        assert (await channel.send(content())).outcome is Outcome.RETRY
        os.read(reading, 65_536)
        assert (await channel.send(content())).outcome is Outcome.SENT
        await channel.close()
    assert os.read(reading, 65_536).startswith(b"\nPAGE [SEV-1] #12")
    os.close(reading)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_only_a_closed_stream_is_permanent(number: int) -> None:
    receipt = _not_written(_NotWrittenError(OSError(number, os.strerror(number)), is_begun=False))
    assert (receipt.outcome is Outcome.PERMANENT) == (number in (errno.EPIPE, errno.EBADF))


# One reader reads all of it.


async def _read(*messages: Content, printed: Printed | None = None) -> list[str]:
    """The text on one console after these messages."""
    stream = io.StringIO()
    channel = ConsoleChannel("console", ConsoleSettings(), stream, printed)
    await channel.start()
    for message in messages:
        assert (await channel.send(message)).outcome is Outcome.SENT
    await channel.close()
    return stream.getvalue().splitlines()


def _said(target: str, text: str = "Nobody can pay.", **fields: Any) -> Content:
    return content(Job.UPDATE, target=target, text=RenderedText.written(text), **fields)


async def test_a_text_for_several_recipients_is_printed_once():
    assert await _read(_said("ann"), _said("bob"), _said("cleo", "Something else.")) == [
        "MESSAGE [SEV-1] #12 checkout: HighLatency on checkout -- for ann",
        "  | Nobody can pay.",
        "MESSAGE [SEV-1] #12 checkout: HighLatency on checkout -- for bob: the same text as for ann",
        "",
        "MESSAGE [SEV-1] #12 checkout: HighLatency on checkout -- for cleo",
        "  | Something else.",
    ]


async def test_a_page_for_a_second_person_is_one_line_unless_it_says_something_else():
    lines = await _read(content(target="ann"), content(target="bob"), content(target="cleo", late=90_000_000))
    assert [line for line in lines if line.startswith("PAGE")] == [
        "PAGE [SEV-1] #12 checkout: HighLatency on checkout",
        "PAGE [SEV-1] #12 checkout: HighLatency on checkout -- for bob: the same text as for ann",
        "PAGE [SEV-1] #12 checkout: HighLatency on checkout",
    ]
    assert "  for cleo: SEV-1: on-call engineer first." in lines


@pytest.mark.parametrize("job", [Job.ACKNOWLEDGE, Job.RESOLVE])
async def test_acknowledgment_and_resolve_are_printed_once(job: Job):
    told = [content(job, target=who, acknowledged_by="dora", resolved_at=NOW) for who in ("ann", "bob", "dora")]
    first, second, own = await _read(*told)
    assert "-- for ann: " in first
    assert second.endswith("-- for bob: the same text as for ann")
    assert "-- for dora: " in own
    assert "You" in own


async def test_a_text_repeated_later_is_printed_again():
    assert len(await _read(_said("ann"), _said("bob", now=NOW + TOGETHER + 1))) == 5
    assert len(await _read(_said("ann"), _said("bob", incident_id="another"))) == 5


async def test_an_incident_is_introduced_once_and_its_history_tells_the_rest():
    def entry(kind: str, **data: object) -> Entry:
        return Entry(incident_id="x", seq=1, at=NOW, kind=kind, actor="tocsin", via="tocsin", data=data)

    delivered = {"job": "page", "target": "ann"}
    told = (
        entry("triggered", severity="SEV-1", alerts=1, occurrence=1),
        entry("escalated", targets=["ann"], tier=1, because="new incident"),
        entry("sent", channel="console", **delivered),
        entry("sent", channel="pager", **delivered),
    )
    taken = content(Job.ANNOUNCE, state="acknowledged", acknowledged_by="ann")
    history = content(Job.HISTORY, history=(*told, entry("resolved")))
    assert await _read(content(Job.ANNOUNCE), taken, history) == [
        "INCIDENT [SEV-1] #12 checkout: HighLatency on checkout -- not acknowledged; 1 alert firing",
        "HISTORY #12 03:05:09 UTC page sent to ann (pager)",
        "HISTORY #12 03:05:09 UTC resolved",
    ]


async def test_a_tracker_on_the_same_console_does_not_repeat_what_a_message_has_said():
    stream, printed = io.StringIO(), Printed()
    channel = ConsoleChannel("console", ConsoleSettings(), stream, printed)
    tracker = ConsoleTracker("status", stream, printed)
    for way in (channel, tracker):
        await way.start()
    await channel.send(_said("ann"))
    await tracker.send(content(Job.TICKET_OPEN, because="it was opened", text=RenderedText.written("Nobody can pay.")))
    for way in (channel, tracker):
        await way.close()
    assert stream.getvalue().splitlines()[2:] == [
        "TICKET OPEN [SEV-1] #12 checkout: HighLatency on checkout -- status: it was opened: the same text as for ann"
    ]


async def test_what_could_not_be_written_is_printed_in_full_later(tmp_path: Path):
    with _full() as stream:
        channel = ConsoleChannel("console", ConsoleSettings(), stream)
        await channel.start()
        assert (await channel.send(_said("ann"))).outcome is Outcome.RETRY
        with (tmp_path / "room").open("w") as room:
            os.dup2(room.fileno(), stream.fileno())
        assert (await channel.send(_said("bob"))).outcome is Outcome.SENT
        await channel.close()
    assert "Nobody can pay." in (tmp_path / "room").read_text()


async def test_what_is_remembered_is_bounded():
    printed = Printed()
    await _read(*(_said("ann", str(number)) for number in range(KEPT + 10)), printed=printed)
    assert len(printed._texts) == KEPT


async def test_a_playbooks_marks_are_not_printed_and_a_labels_are():
    text = RenderedText.marked("## Status\n**Impact**: \ue000**none**\ue001")
    assert (await _read(content(Job.UPDATE, text=text)))[1:] == ["  | Status", "  | Impact: **none**"]
