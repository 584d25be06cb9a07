"""Attacks past the limits of senders of webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from scenario.attacks import held, once, repeated
from scenario.besieged import PATH, Besieged
from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.rules.shown_parts import REMARKS
from tocsin.web.alertmanager.large_webhooks import LargeWebhooks
from tocsin.web.alertmanager.webhook import LARGE
from tocsin.web.edge import Deadlines

JOINED = {"alertname": "Attack", "join": "attack"}
"""Labels of alerts that share one incident."""
LARGE_BODY = 300 * 1024


def alert(number: int = 0, **parts: Any) -> dict[str, Any]:
    """One of many alerts of one incident; ``parts`` are its members."""
    return {"status": "firing", "labels": {**JOINED, "n": str(number)}, **parts}


async def annotations(tocsin: Besieged) -> dict[str, str]:
    """Return what is stored of the attack's alert."""
    known = fingerprint(alert()["labels"])
    [episode] = await tocsin.daemon.store.read(lambda tx: list(tx.episodes(known, None, 2)))
    return dict(episode.annotations)


async def webhook_bytes(tocsin: Besieged) -> None:
    assert await tocsin.call("POST", PATH, data=b" " * (1 << 20) + b"{}") == 413
    assert tocsin.answer["error"]["message"] == "the body is larger than 1048576 bytes"
    assert {line["reason"] for line in tocsin.logged("trouble_reported")} == {"too_large"}


async def webhook_queue(tocsin: Besieged) -> None:
    many = [[alert(100 * sender + each) for each in range(150)] for sender in range(8)]
    await asyncio.gather(*(tocsin.webhook(*alerts) for alerts in many))
    assert set(tocsin.statuses) == {200, 503}


async def large_webhooks(tocsin: Besieged) -> None:
    large = [alert(each, annotations={"text": "x" * (LARGE_BODY // 20)}) for each in range(21)]
    await asyncio.gather(*(tocsin.webhook(*large, n=number) for number in range(3)))
    assert set(tocsin.statuses) == {200, 503}


async def rejected_alerts(tocsin: Besieged) -> None:
    for last in (1_000, 2_000):
        assert await tocsin.webhook(*range(10), last) == 200
    assert tocsin.answer["quarantined"][-1] == "and 6 more"
    assert len(await quarantine(tocsin)) == 1, "what comes after the tenth is not looked at"


async def quarantine_entries(tocsin: Besieged) -> None:
    for number in range(5):
        assert await tocsin.webhook(number) == 200
    assert len(await quarantine(tocsin)) == 3


async def quarantined_bytes(tocsin: Besieged) -> None:
    assert await tocsin.webhook("x" * 100_000) == 200
    [entry] = await quarantine(tocsin)
    assert len(entry.body) <= 65_536


async def quarantine(tocsin: Besieged) -> list[Any]:
    return list(await tocsin.daemon.store.read(lambda tx: tx.quarantined(100)))


async def remarks_of(tocsin: Besieged, **parts: Any) -> str:
    """Send an alert with odd parts: what tocsin remarks about it."""
    assert await tocsin.webhook(alert(**parts)) == 200
    return (await annotations(tocsin)).get(REMARKS, "")


async def annotation_characters(tocsin: Besieged) -> None:
    assert await remarks_of(tocsin, annotations={"text": "x" * 40_000}) == "annotation text: too long, cut"
    assert len((await annotations(tocsin))["text"]) <= 16_384


async def annotation_count(tocsin: Besieged) -> None:
    many = {f"a{number}": "x" for number in range(80)}
    assert await remarks_of(tocsin, annotations=many) == "16 more annotations left out"


async def annotation_name(tocsin: Besieged) -> None:
    assert (await remarks_of(tocsin, annotations={"x" * 2_000: "y"})).endswith(": too long, cut")
    assert max(map(len, await annotations(tocsin))) == 1_024


async def fingerprint_characters(tocsin: Besieged) -> None:
    said = await remarks_of(tocsin, fingerprint="f" * 65)
    assert said == "fingerprint: too long, computed from the labels"


async def time_characters(tocsin: Besieged) -> None:
    said = await remarks_of(tocsin, startsAt="2026-11-20T12:00:00." + "0" * 1000 + "Z")
    assert said.endswith("is not a time: the time of receipt counts")


async def nesting(tocsin: Besieged) -> None:
    deep = "[" * 50_000 + "]" * 50_000
    body = json.dumps({"alerts": [alert(annotations={"text": "DEEP"})]}).replace('"DEEP"', deep)
    assert await tocsin.call("POST", PATH, data=body.encode()) == 200
    assert "annotation text: not text, left out" in (await annotations(tocsin)).values()


async def omitted_alerts(tocsin: Besieged) -> None:
    before = tocsin.figure("alerts_truncated_total")
    assert await tocsin.webhook(alert(), truncatedAlerts=10**12) == 200
    assert tocsin.figure("alerts_truncated_total") == before + 1


async def alerts_of_a_commit(tocsin: Besieged) -> None:
    before = tocsin.figure('store_transaction_seconds{op="ingest"}')
    assert await tocsin.webhook(*(alert(number) for number in range(50))) == 200
    assert tocsin.figure('store_transaction_seconds{op="ingest"}') >= before + 5


async def commit_time(tocsin: Besieged) -> AsyncIterator[None]:
    large = [alert(each, annotations={"text": "x" * (LARGE_BODY // 20)}) for each in range(21)]
    webhooks: LargeWebhooks = tocsin.app[LARGE]
    async with webhooks._turn:  # the slices of another large webhook take their time
        assert await tocsin.webhook(*large) == 503
        assert tocsin.answer["error"]["message"] == "the webhook was not committed in time; send it again"
        yield


async def watchdog_sources(tocsin: Besieged) -> None:
    labels = {"alertname": "Watchdog"}
    beats = [
        Alert(f"source{number}", fingerprint(labels), AlertStatus.FIRING, labels, {}, tocsin.clock.now(), None)
        for number in range(1_000)
    ]
    await tocsin.daemon.ingest.take(beats)
    assert await tocsin.webhook({"status": "firing", "labels": labels}) == 200
    await tocsin.daemon.housekeeper.run_once()
    shown = [sample for family in tocsin.daemon.metrics.registry.collect() for sample in family.samples]
    assert len([sample for sample in shown if sample.name == "tocsin_heartbeat_age_seconds"]) == 1_000


async def label_characters(tocsin: Besieged) -> None:
    assert await tocsin.webhook(alert(labels={**JOINED, "n": "0", "long": "x" * 1_000_000})) == 200


CASES = (
    repeated(webhook_bytes, settings={"webhook": {"max_body": "1MiB"}}),
    repeated(webhook_queue, settings={"webhook": {"max_queue": 200}}),
    repeated(large_webhooks, settings={"webhook": {"max_large": 1}}),
    repeated(rejected_alerts, settings={"webhook": {"max_rejected": 10}}),
    repeated(quarantine_entries, settings={"webhook": {"max_quarantine": 3}}),
    repeated(quarantined_bytes),
    repeated(annotation_characters),
    repeated(annotation_count),
    repeated(annotation_name),
    repeated(fingerprint_characters),
    repeated(time_characters),
    repeated(nesting),
    repeated(omitted_alerts),
    repeated(alerts_of_a_commit, settings={"webhook": {"commit_alerts": 10}}),
    held(commit_time, deadlines=Deadlines(commit=2)),
    once(watchdog_sources),
    repeated(label_characters),
)
