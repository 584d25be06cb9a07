"""Alerts are evaluated in slices, so that neither many nor large ones block the event loop."""

import asyncio
import random
import string
import threading
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alerts.alert import Alert, AlertStatus
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.rules.rules import Rule, RuleSet
from tocsin.engine.intake.judging import ALERTS_AT_ONCE, TEXT_AT_ONCE, is_quick, judged
from web.turns import short_turns

RULES = RuleSet(
    [Rule(name=f"r{n}", matchers=parse_matchers(f'alertname=~".*service-{n}-.*"'), actions={}) for n in range(50)],
    "er",
    {"er": ["SEV-1"]},
    {"er": "SEV-1"},
)
SIZES = st.one_of(st.integers(0, 50), st.integers(0, 2 * TEXT_AT_ONCE))


def alert(number: int, text: str = "") -> Alert:
    return Alert("default", str(number), AlertStatus.FIRING, {"alertname": text})


def text_of(size: int) -> str:
    return "".join(random.Random(1).choices(string.ascii_letters + string.digits + "-_ ", k=size))


@given(st.lists(SIZES, max_size=3 * ALERTS_AT_ONCE))
def test_each_is_judged_once_in_their_order_and_a_large_one_in_another_thread(sizes: list[int]) -> None:
    async def judge_all() -> list[tuple[str, int]]:
        return await judged(lambda one: (one.fingerprint, threading.get_ident()), alerts)

    alerts = [alert(number, "x" * size) for number, size in enumerate(sizes)]
    found = asyncio.run(judge_all())

    assert [name for name, _ in found] == [one.fingerprint for one in alerts]
    here = threading.get_ident()
    assert [thread == here for _, thread in found] == [size < TEXT_AT_ONCE for size in sizes]


async def test_many_or_large_alerts_let_others_have_their_turn() -> None:
    for alerts in (
        [alert(number) for number in range(ALERTS_AT_ONCE + 1)],
        [alert(number, "x" * (TEXT_AT_ONCE // 2)) for number in range(3)],
    ):
        judging = asyncio.ensure_future(judged(lambda _: None, alerts))
        await asyncio.sleep(0)
        assert not is_quick(alerts)
        assert not judging.done()
        await judging


async def test_the_rules_look_through_a_very_long_label_while_the_loop_goes_on() -> None:
    long = alert(1, text_of(2_000_000) + " service-7-x")
    async with short_turns():
        [verdict] = await judged(RULES.evaluate, [long])
    assert verdict.trace == ("r7",)


def test_the_rules_look_through_a_very_long_label_in_little_memory() -> None:
    long = alert(1, text_of(500_000) + " service-7-x")
    tracemalloc.start()
    try:
        verdict = RULES.evaluate(long)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert verdict.trace == ("r7",)
    assert peak < 4 * len(long.name)
