import json
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels import http
from tocsin.channels.slack import buttons
from tocsin.channels.slack.channel import SlackChannel
from tocsin.channels.slack.errors import MESSAGE_GONE, THREAD_GONE
from tocsin.channels.slack.mrkdwn import escape, link, mention
from tocsin.channels.slack.payload import SlackMessage, render
from tocsin.channels.slack.settings import SlackSettings
from tocsin.conf.secrets import Secret
from tocsin.core.content.page import Content
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import ROOM_JOBS, Job
from tocsin.ports.channel import Outcome, Reason, Receipt
from tocsin.testing.content import NOW, alert_line
from tocsin.testing.content import content as any_content
from tocsin.testing.slack_blocks import check_blocks
from tocsin.testing.slack_channels import SlackChannelMade
from tocsin.testing.slack_markup import notified
from tocsin.testing.slack_server import BOT, CHANNEL, TOKEN, SlackServer
from tocsin.testing.standin import Drop, ErrorStatus, Junk

ALICE = "U0ALICE"
EVERYBODY = "<!channel> <!here> <!everyone> <!subteam^S1> <@U0BOB> <https://evil.example.com|click> @channel"


def content(job: Job = Job.PAGE, **fields: object) -> Content:
    return any_content(job, **({"destination": CHANNEL, "recipient": ALICE} | fields))


def entry(kind: str = "acknowledged", seq: int = 1, **data: object) -> Entry:
    return Entry(incident_id="x", seq=seq, at=NOW, kind=kind, actor="alice", via="slack", data=data)


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
async def channel(server: SlackServer) -> AsyncIterator[SlackChannel]:
    settings = {"token": Secret(TOKEN), "base_url": server.api_url}
    made = SlackChannel("chat", SlackSettings.model_validate(settings))
    await made.start()
    yield made
    await made.close()


async def announced(channel: SlackChannel) -> str:
    return (await channel.send(content(Job.ANNOUNCE))).ref


async def test_the_incidents_message_is_posted_once_and_then_kept_up_to_date(channel, server):
    first = await channel.send(content(Job.ANNOUNCE))
    assert first.ref == f"{CHANNEL}:{server.messages[0].ts}"
    taken = content(Job.ANNOUNCE, ref=first.ref, state="acknowledged", acknowledged_by="alice", acknowledged_at=NOW)
    second = await channel.send(taken)
    assert (second.outcome, second.ref) == (Outcome.SENT, first.ref)
    (message,) = server.messages
    assert message.edits == 1
    assert "acknowledged" in message.text
    assert "alice" in json.dumps(message.blocks)
    assert message.notified.users == (), "an announcement calls nobody"


@pytest.mark.parametrize("error", sorted(MESSAGE_GONE))
async def test_a_message_that_cannot_be_edited_is_posted_again(channel, server, error: str):
    ref = await announced(channel)
    server.fail(Junk(json.dumps({"ok": False, "error": error}).encode()))
    receipt = await channel.send(content(Job.ANNOUNCE, ref=ref))
    assert receipt.outcome is Outcome.SENT
    assert receipt.ref == f"{CHANNEL}:{server.messages[1].ts}" != ref


async def test_a_deleted_message_is_posted_again(channel, server):
    ref = await announced(channel)
    server.delete(server.messages[0])
    receipt = await channel.send(content(Job.ANNOUNCE, ref=ref))
    assert receipt.ref == f"{CHANNEL}:{server.messages[0].ts}" != ref


async def test_a_page_is_a_broadcast_reply_in_the_thread_that_mentions_the_person(channel, server):
    ref = await announced(channel)
    assert (await channel.send(content(key="page-1", ref=ref))).outcome is Outcome.SENT
    parent, page = server.messages
    assert (page.thread_ts, page.broadcast) == (parent.ts, True)
    assert page.notified.users == (ALICE,)
    assert page.metadata == {"event_type": "tocsin_page", "event_payload": {"key": "page-1"}}
    assert list(page.buttons) == ["tocsin_acknowledge", "tocsin_resolve", "tocsin_escalate"]


async def test_a_page_goes_out_without_an_incidents_message_and_when_the_thread_is_gone(channel, server):
    assert (await channel.send(content())).outcome is Outcome.SENT
    assert (await channel.send(content(ref=f"{CHANNEL}:1.000001"))).outcome is Outcome.SENT
    assert [message.thread_ts for message in server.messages] == [None, None]
    assert all(message.notified.users == (ALICE,) for message in server.messages)


@pytest.mark.parametrize("error", sorted(THREAD_GONE))
async def test_no_error_of_a_thread_stops_a_page(channel, server, error: str):
    ref = await announced(channel)
    server.fail(ErrorStatus(200, {"Content-Type": "application/json"}, f'{{"ok": false, "error": "{error}"}}'.encode()))
    assert (await channel.send(content(ref=ref))).outcome is Outcome.SENT
    assert [message.thread_ts for message in server.messages] == [None, None]


async def test_an_update_informs_and_asks_nothing(channel, server):
    ref = await announced(channel)
    await channel.send(content(Job.UPDATE, ref=ref))
    update = server.messages[1]
    assert update.notified.users == (ALICE,)
    assert update.buttons == {}
    assert update.text.endswith("HighLatency on checkout. SEV-1: on-call engineer first.")


async def test_paged_people_are_notified_of_the_resolve_and_that_no_one_had_acknowledged(channel, server):
    ref = await announced(channel)
    await channel.send(content(Job.RESOLVE, ref=ref, state="resolved", resolved_at=NOW))
    told = server.messages[1]
    assert told.notified.users == (ALICE,)
    assert "No one had acknowledged it" in told.text
    assert told.broadcast is False


async def test_history_is_one_reply_that_mentions_no_one(channel, server):
    ref = await announced(channel)
    entries = (entry("escalated", 1, tier=1, targets=["alice"], because="first", step="1.1"), entry(seq=2))
    await channel.send(content(Job.HISTORY, ref=ref, history=entries))
    reply = server.messages[1]
    assert reply.thread_ts == server.messages[0].ts
    (block,) = reply.blocks
    when = f"<!date^{NOW // 1_000_000}^{{time_secs}}|03:05:09 UTC>"
    assert block["elements"][0]["text"].splitlines() == [
        f"{when} paging alice (tier 1): first, by alice (slack)",
        f"{when} acknowledged by alice (slack)",
    ]
    assert reply.notified.users == ()


async def test_a_moment_names_its_zone_where_a_client_cannot_show_it_in_the_readers(channel, server):
    await channel.send(content(time_zone="Europe/Berlin"))
    opened = NOW // 1_000_000 - 300
    fallback = f"open since <!date^{opened}^{{date_short_pretty}} {{time}}|2026-11-20 04:00 CET>"
    assert fallback in server.messages[0].blocks[0]["text"]["text"]


async def test_history_without_news_or_without_a_thread_posts_nothing(channel, server):
    ref = await announced(channel)
    assert (await channel.send(content(Job.HISTORY, ref=ref))).outcome is Outcome.SENT
    lost = await channel.send(content(Job.HISTORY, history=(entry(),)))
    assert (lost.outcome, lost.reason) == (Outcome.PERMANENT, Reason.CLIENT_ERROR)
    assert len(server.messages) == 1


@pytest.mark.parametrize("job", [Job.ANNOUNCE, Job.PAGE, Job.UPDATE, Job.RESOLVE, Job.HISTORY])
async def test_a_label_mentions_no_one(channel, server, job: Job):
    ref = await announced(channel)
    alert = alert_line(EVERYBODY, **{"team": EVERYBODY, EVERYBODY: "x"})
    alert.annotations.update(summary=EVERYBODY, runbook_url=f"https://x/{EVERYBODY}")
    told = content(
        job,
        title=EVERYBODY,
        service=EVERYBODY,
        because=EVERYBODY,
        target=EVERYBODY,
        recipient="",
        severity=EVERYBODY,
        flags=(EVERYBODY,),
        acknowledged_by=EVERYBODY,
        stranded=True,
        alerts=(alert,),
        history=(entry("late", why=EVERYBODY),),
        ref=ref if job is not Job.ANNOUNCE else "",
    )
    assert (await channel.send(told)).outcome is Outcome.SENT
    accepted = server.accepted[-1]
    assert (accepted["users"], accepted["everybody"], accepted["stray"]) == ([], [], [])
    assert "channel&gt;" in json.dumps(server.messages[-1].blocks), "it is shown, not dropped"


def error(name: str, **more: object) -> ErrorStatus:
    body = json.dumps({"ok": False, "error": name, **more}).encode()
    return ErrorStatus(200, {"Content-Type": "application/json"}, body)


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("ratelimited", Outcome.RETRY, Reason.RATE_LIMITED),
        ("message_limit_exceeded", Outcome.RETRY, Reason.RATE_LIMITED),
        ("invalid_auth", Outcome.PERMANENT, Reason.AUTH),
        ("token_revoked", Outcome.PERMANENT, Reason.AUTH),
        ("missing_scope", Outcome.PERMANENT, Reason.AUTH),
        ("channel_not_found", Outcome.PERMANENT, Reason.CLIENT_ERROR),
        ("is_archived", Outcome.PERMANENT, Reason.CLIENT_ERROR),
        ("invalid_blocks", Outcome.PERMANENT, Reason.CLIENT_ERROR),
        ("an_error_of_tomorrow", Outcome.PERMANENT, Reason.CLIENT_ERROR),
        ("service_unavailable", Outcome.RETRY, Reason.SERVER_ERROR),
        ("request_timeout", Outcome.RETRY, Reason.TIMEOUT),
        ("internal_error", Outcome.AMBIGUOUS, Reason.SERVER_ERROR),
        ("fatal_error", Outcome.AMBIGUOUS, Reason.SERVER_ERROR),
    ],
)
async def test_an_error_is_classified_by_its_name(channel, server, name: str, outcome: Outcome, reason: Reason):
    server.fail(error(name))
    receipt = await channel.send(content())
    assert receipt == Receipt(outcome, reason, name, 200)
    assert server.requests == 1


async def test_what_slack_adds_to_an_error_is_in_the_receipt(channel, server):
    server.fail(
        error("missing_scope", needed="chat:write"),
        error("invalid_blocks", response_metadata={"messages": ["[ERROR] too long [json-pointer:/blocks/0]"]}),
    )
    assert (await channel.send(content())).detail == "missing_scope: chat:write"
    assert (await channel.send(content())).detail == "invalid_blocks: [ERROR] too long [json-pointer:/blocks/0]"


async def test_an_answer_longer_than_it_may_be_is_not_believed(channel, server):
    padded = b'{"ok": true, "channel": "C1", "ts": "1.000001"' + b" " * http.ANSWER_LIMIT + b"}"
    server.fail(Junk(padded))
    receipt = await channel.send(content())
    assert (receipt.outcome, receipt.reason, receipt.http_status) == (Outcome.AMBIGUOUS, Reason.BAD_ANSWER, 200)


async def test_slacks_own_rate_limit_is_heeded(channel, server):
    server.limits.posts.calls = 1
    await channel.send(content())
    receipt = await channel.send(content())
    assert (receipt.outcome, receipt.reason, receipt.retry_after) == (Outcome.RETRY, Reason.RATE_LIMITED, 8_000_000)


async def test_in_an_archived_channel_the_message_is_given_up_with_slacks_word(channel, server):
    ref = (await channel.send(content(Job.ANNOUNCE, destination=CHANNEL))).ref
    server.channels.made[CHANNEL].archived = True
    update = await channel.send(content(Job.ANNOUNCE, destination=CHANNEL, ref=ref))
    assert (update.outcome, update.detail) == (Outcome.PERMANENT, "is_inactive")
    page = await channel.send(content(destination=CHANNEL, ref=ref))
    assert (page.outcome, page.detail) == (Outcome.PERMANENT, "is_archived")


async def test_while_slack_asks_to_wait_it_is_not_asked_again_there_and_is_elsewhere(channel, server):
    server.channels.made["C0OTHER"] = SlackChannelMade("C0OTHER", "other", members={BOT["user_id"]})
    server.fail(ErrorStatus(429, {"Retry-After": "30"}))
    await channel.send(content())
    held = await channel.send(content(now=NOW + 29_000_000))
    assert (held.outcome, held.reason, held.retry_after) == (Outcome.RETRY, Reason.RATE_LIMITED, 1_000_000)
    assert server.requests == 1
    assert (await channel.send(content(destination="C0OTHER"))).outcome is Outcome.SENT
    assert (await channel.send(content(now=NOW + 30_000_000))).outcome is Outcome.SENT


async def test_a_wrong_retry_after_silences_a_channel_for_a_minute_at_most(channel, server):
    server.fail(ErrorStatus(429, {"Retry-After": "86400"}))
    await channel.send(content())
    assert (await channel.send(content(now=NOW + 60_000_000))).outcome is Outcome.SENT


async def test_a_wrong_token_is_permanent(server):
    settings = SlackSettings.model_validate({"token": Secret("xoxb-wrong"), "base_url": server.api_url})
    channel = SlackChannel("chat", settings)
    await channel.start()
    receipt = await channel.send(content())
    await channel.close()
    assert (receipt.outcome, receipt.reason, receipt.detail) == (Outcome.PERMANENT, Reason.AUTH, "invalid_auth")


async def test_a_retried_post_after_a_lost_response_is_marked_as_a_possible_duplicate(channel, server):
    server.fail(Drop(accept=True))
    assert (await channel.send(content())).outcome is Outcome.AMBIGUOUS
    await channel.send(content(possible_duplicate=True))
    first, second = server.messages
    assert "had this already" not in json.dumps(first.blocks)
    assert "had this already" in json.dumps(second.blocks)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("pending", ["tocsin_acknowledge", "tocsin_resolve"]),
        ("triggered", ["tocsin_acknowledge", "tocsin_resolve", "tocsin_escalate"]),
        ("acknowledged", ["tocsin_take_over", "tocsin_resolve", "tocsin_escalate"]),
        ("resolved", []),
    ],
)
def test_there_are_only_buttons_that_make_sense(state: str, expected: list[str]):
    rows = buttons.row(content(state=state))
    assert [element["action_id"] for row in rows for element in row["elements"]] == expected
    assert set(expected) <= buttons.ACTIONS


@given(st.text(min_size=1), st.integers(0, 10**9 - 1))
def test_a_buttons_value_comes_back_as_its_subject(incident_id: str, occurrence: int):
    subject = buttons.OccurrenceRef(incident_id, occurrence)
    assert buttons.read_value(buttons.value_of(subject)) == subject


@pytest.mark.parametrize("value", ["", ":", "x", "x:", ":1", "x:-1", "x:1.0", "x:\u0663", "x:" + "9" * 30])
def test_a_value_that_is_none_of_ours_has_no_subject(value: str):
    assert buttons.read_value(value) is None


@given(st.text(st.characters(codec=None)), st.integers(1, 60))
def test_escaped_text_is_harmless_and_fits(text: str, limit: int):
    escaped = escape(text, limit)
    assert len(escaped) <= limit
    assert "<" not in escaped
    assert ">" not in escaped
    rest = escaped.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in rest, "no entity is cut in two"


def test_text_that_fits_is_shown_in_full():
    assert escape("a<b>&c", 100) == "a&lt;b&gt;&amp;c"
    assert escape("<<<<", 11) == "&lt;&lt;…"


@pytest.mark.parametrize("user", ["", "channel", "!channel", "U1>", "u0alice", "<@U0ALICE>", "S0TEAM"])
def test_only_a_user_id_is_mentioned(user: str):
    assert mention(user) == ""
    assert mention(ALICE) == "<@U0ALICE>"


def test_a_link_holds_nothing_but_its_url_and_label():
    assert (
        link("https://x.example.com/?a=1&b=2", "see <here>") == "<https://x.example.com/?a=1&amp;b=2|see &lt;here&gt;>"
    )
    assert link("https://x/|<!channel>", "x") == ""


hostile = st.text(st.sampled_from('<>&"\\*_~`|!@#:\n ab🔥\u202e\ud800'), max_size=80)


@given(
    st.sampled_from(sorted(SlackChannel.handles - ROOM_JOBS)),
    st.lists(hostile, min_size=5, max_size=5),
    st.dictionaries(hostile, hostile, max_size=20),
    st.sampled_from([1, 60]),
)
def test_every_message_is_within_slacks_limits(job: Job, texts: list[str], labels: dict[str, str], swollen: int):
    title, service, because, summary, flag = (text * swollen for text in texts)
    alert = alert_line(title, instance=service)
    alert.labels.update(labels)
    alert.annotations.update(summary=summary)
    entries = tuple(entry(title, seq, text=because) for seq in range(1, 40))
    told = content(
        job,
        title=title,
        service=service,
        because=because,
        flags=(flag,) * 9,
        acknowledged_by=title,
        drill=True,
        stranded=True,
        possible_duplicate=True,
        unrouted=True,
        late=10**12,
        alerts=(alert,) * 20,
        alerts_total=20,
        history=entries,
        url="https://tocsin.example.com/" + "x" * 900,
        resolved_at=NOW,
    )
    _within_the_limits(render(told))


@pytest.mark.parametrize("worst", ['"', "\\", "&", "<", "x", "🔥"])
@pytest.mark.parametrize("job", sorted(SlackChannel.handles - ROOM_JOBS))
def test_the_largest_message_is_within_slacks_limits(job: Job, worst: str):
    much = worst * 9000
    alert = alert_line(much, instance=much)
    link_to = "https://example.com/" + "x" * 1900
    alert.annotations.update(summary=much, runbook_url=link_to, dashboard_url=link_to)
    message = render(
        content(
            job,
            title=much,
            service=much,
            because=much,
            severity=much,
            target=much,
            flags=(much,),
            acknowledged_by=much,
            stranded=True,
            unrouted=True,
            alerts=(msgspec.structs.replace(alert, generator_url=link_to),) * 20,
            alerts_total=20,
            history=tuple(entry(much, seq, text=much) for seq in range(60)),
            url=link_to,
        )
    )
    _within_the_limits(message)
    if job in (Job.ANNOUNCE, Job.PAGE):
        assert message.blocks[-1]["type"] == "actions", "the buttons stay, whatever goes"


def _within_the_limits(message: SlackMessage) -> None:
    assert check_blocks(message.blocks) == ("", [])
    assert 0 < len(message.text) <= 4000
    whom = notified(message.text, message.blocks, parses_names=False)
    assert set(whom.users) <= {ALICE}
    assert (whom.everybody, whom.stray) == ((), ())


def test_the_buttons_of_a_notice_name_the_notice_and_not_the_incident_it_is_about() -> None:
    notice = content(
        playbook="tocsin",
        because="new incident",
        title="Alex was NOT reached by SMS about #1 shop: Down",
        summary="Call Alex at +4930123456. Or take #1 yourself: tocsin incidents ack 1",
    )
    message = json.dumps(render(notice).blocks)
    assert '"Acknowledge this notice (#12)"' in message
    assert '"Close this notice (#12)"' in message
    assert "The buttons act only on this notice (#12), not on #1." in message
