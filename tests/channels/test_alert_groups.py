"""Alerts with the same text are grouped and listed by their distinguishing labels; no difference is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.channels import counts
from tocsin.channels.alert_groups import IDENTIFYING, grouped
from tocsin.channels.console.payload import render as on_console
from tocsin.channels.email.payload import render as by_mail
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.pagerduty.payload import EVENT_LIMIT
from tocsin.channels.pagerduty.payload import render as at_pagerduty
from tocsin.channels.slack.payload import render as in_slack
from tocsin.channels.text import cut_list, cut_words, sentence
from tocsin.core.content.page import AlertLine
from tocsin.core.incident.outbox import Job
from tocsin.testing.content import content
from tocsin.testing.slack_blocks import check_blocks
from tocsin.testing.slack_markup import notified

MAIL = EmailSettings.model_validate({"host": "mail.example.com", "from": "tocsin@example.com"})


def alert(
    name: str = "Down", summary: str = "", description: str = "", *, firing: bool = True, **labels: str
) -> AlertLine:
    texts = {"summary": summary, "description": description}
    annotations = {key: text for key, text in texts.items() if text}
    return AlertLine({"alertname": name, **labels}, annotations, firing, 1, "")


def pods(count: int) -> list[AlertLine]:
    return [
        alert("Crash", "Pod is crash looping.", f"Pod shop/api-{n} (api) waits.", pod=f"api-{n}", namespace="shop")
        for n in range(count)
    ]


def test_a_common_text_is_shown_once_and_the_pods_are_listed_in_order():
    [group] = grouped(reversed(pods(12)))
    assert group.text(500) == "Pod is crash looping. Pod shop/api-0 (api) waits."
    [line] = group.members_in_words(500)
    assert line == f"Also 11 more pods: {', '.join(f'api-{n}' for n in range(1, 12))}"
    assert group.labels == (("namespace", "shop"),)


def test_alerts_that_the_page_does_not_have_are_counted():
    [group] = grouped(pods(3))
    assert group.members_in_words(500, unseen=20) == ["Also 22 more pods: api-1, api-2 and 20 more"]
    assert group.members_in_words(12, unseen=20) == ["Also 22 more pods: api-1 and 21 more"]


def test_different_descriptions_are_shown_for_each_alert():
    disks = [alert("Disk", "Disk is filling.", f"{n} % used on db-{n}.", instance=f"db-{n}") for n in (91, 97)]
    [group] = grouped([alert("Disk", "Disk is filling.", "Read-only since 3:00.", instance="db-3"), *disks])
    assert group.text(500) == "Disk is filling."
    assert group.members_in_words(500) == [
        "db-3: Read-only since 3:00.",
        "db-91: 91 % used on db-91.",
        "db-97: 97 % used on db-97.",
    ]


def test_what_is_shown_already_is_not_said_again():
    [group] = grouped([alert(summary="Nobody can pay", description="94 % of payments fail")])
    assert group.text(500, shown="Nobody can pay") == "94 % of payments fail."
    [group] = grouped([alert(summary="It is slow.", description="It is slow. p99 is 3 s.")])
    assert group.text(500) == "It is slow. p99 is 3 s."


def test_without_any_text_the_labels_say_what_is_ill():
    [group] = grouped([alert("Full", instance="db-3:9100", mountpoint="/var", severity="critical")])
    assert group.facts(500, shown="db-3:9100") == "mountpoint=/var"


def test_a_dump_of_labels_at_the_end_of_a_description_is_left_out():
    [group] = grouped([alert(description="Host out of memory\n  VALUE = 5\n  LABELS = map[a:b c:d]")])
    assert group.text(500) == "Host out of memory VALUE = 5."


def test_an_alert_that_fires_again_is_one_alert():
    again = [alert(summary="Down", pod="a"), alert(summary="Down", pod="a", firing=False)]
    [group] = grouped(again)
    assert (len(group.members), group.is_firing) == (1, True)


def test_alerts_that_differ_only_by_their_severity_name_their_object_once():
    both = [replace(each, labels={**each.labels, "severity": level}) for level in ("a", "b") for each in pods(3)]
    [group] = grouped(both)
    assert group.members_in_words(500) == ["Also 2 more pods: api-1, api-2"]
    assert (group.size(), group.objects(), group.labels) == (6, "on 3 pods", (("namespace", "shop"),))
    shown = content(alerts=tuple(both), alerts_firing=6, alerts_total=6, firing=(("SEV-1", 3), ("SEV-2", 3)))
    assert counts.alerts(shown) == "6 alerts firing on 3 pods (3 SEV-1, 3 SEV-2)"
    assert "(6 firing on 3 pods)" in on_console(shown, colour=False)
    mail = by_mail(replace(shown, destination="a@example.com"), MAIL).decode()
    assert "Crash: 6 alerts on 3 pods firing" in mail


def test_alerts_beyond_the_sample_that_repeat_an_object_are_counted_as_alerts_only():
    mixed = {"alerts_firing": 60, "alerts_total": 60, "firing": (("SEV-1", 30), ("SEV-2", 30))}
    shown = content(alerts=tuple(pods(20)), repeated=30, **mixed)
    [(group, unseen)], more = counts.Shown.of(shown, 5)
    assert (counts.count(group, unseen, shown), more) == ("60 firing on 30 pods", "")
    assert group.members_in_words(12, unseen) == ["Also 29 more pods: api-1 and 28 more"]
    assert group.labels_in_words(unseen) == ["namespace=shop"]


names = st.text("abc", min_size=2, max_size=4)
texts = st.text(max_size=60)


@given(st.lists(st.builds(alert, st.sampled_from(["A", "B"]), texts, texts, pod=names, zone=names), max_size=12))
def test_every_alert_is_in_exactly_one_group_and_every_description_can_be_read(alerts: list[AlertLine]):
    groups = grouped(alerts)
    distinct = {tuple(sorted(each.labels.items())) for each in alerts}
    assert sum(len(group.members) for group in groups) == len(distinct)
    for group in groups:
        told = {member.description for member in group.members}
        assert group.description or len(group.members) == 1 or told, "what all say, or what each says"


@given(st.text(max_size=300), st.integers(min_value=1, max_value=80))
def test_a_cut_text_is_within_its_limit_and_a_beginning_of_it(text: str, limit: int):
    cut = cut_words(text, limit)
    assert len(cut) <= limit
    assert text.startswith(cut.removesuffix("…")) or cut == text


@given(st.lists(names, max_size=20), st.integers(min_value=1, max_value=60), st.integers(min_value=0, max_value=5))
def test_a_list_names_or_counts_each(items: list[str], limit: int, unseen: int):
    listed = cut_list(items, limit, unseen)
    head, _, more = listed.rpartition(" and ") if listed.endswith(" more") else (listed, "", "0 more")
    counted = int((more if " and " in listed or not items else "0 more").split()[0]) if listed else 0
    shown = [item for item in (head or "").split(", ") if item]
    assert len(shown) + counted == len(items) + unseen


@given(st.text(max_size=40))
def test_a_sentence_ends_once(text: str):
    ended = sentence(text)
    assert not ended or ended[-1] in ".!?…。"
    assert sentence(ended) == ended


MARKUP = "<!channel> <@U0BOB> *b* `c` &lt; \x1b[31m \u202e \x00 \n\n# h {{ x }} \ud800 =?utf-8?q?x?= "


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("text", [MARKUP, MARKUP * 600, "]" * 70_000, "\U0001f525" * 16_000, "<" * 65_536])
def test_a_hostile_description_stays_harmless_and_within_each_limit(text: str, count: int):
    alerts = tuple(alert("A" + text[:200], text, text + str(n), pod=f"{text[:90]}{n}") for n in range(count))
    told = content(
        Job.PAGE, alerts=alerts, alerts_firing=count, alerts_total=count, summary=text[:1000], recipient="U0ALICE"
    )
    message = in_slack(told)
    assert check_blocks(message.blocks) == ("", [])
    called = notified(message.text, message.blocks, parses_names=False)
    assert (set(called.users), called.everybody) == ({"U0ALICE"}, ())
    block = on_console(told, colour=False)
    assert not {"\x1b", "\u202e", "\x00"} & set(block)
    assert max(map(len, block.splitlines())) <= 400
    mail = by_mail(replace(told, destination="alice@example.com"), MAIL).decode("ascii")
    assert "\x1b" not in mail
    assert max(map(len, mail.partition("\r\n\r\n")[2].splitlines())) <= 78
    event = at_pagerduty(told)[2]
    assert len(event["payload"]["summary"]) <= 1024
    assert len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")) <= EVENT_LIMIT


def test_labels_are_ordered_by_how_well_they_identify():
    assert IDENTIFYING.index("pod") < IDENTIFYING.index("namespace")
