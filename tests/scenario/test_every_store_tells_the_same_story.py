"""The same input gives the same steps on every store, and the invariants hold throughout."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenario import emergency
from tocsin.core.alerts.alert import AlertStatus
from tocsin.core.errors import IllegalTransition
from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Job, Outgoing
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.store.open import open_store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

ALERT = st.tuples(st.sampled_from("abc"), st.sampled_from(["SEV-1", "SEV-2", "SEV-3"]), st.booleans())
"""(instance, severity, fires)"""
ACT = st.one_of(
    st.tuples(st.just("webhook"), st.lists(ALERT, min_size=1, max_size=4)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
    st.tuples(st.just("asleep"), st.integers(1, 90)),
    st.tuples(st.just("acknowledge"), st.sampled_from(["alice", "bob"])),
    st.tuples(st.just("resolve"), st.sampled_from(["alice", "bob"])),
    st.tuples(st.just("escalate"), st.just("alice")),
    st.tuples(st.just("flag"), st.sampled_from(["data_breach", "major_impact"])),
    st.tuples(st.just("pin"), st.sampled_from(["SEV-1", "SEV-3", None])),
)
SCRIPT = st.lists(ACT, min_size=1, max_size=14)
Script = list[tuple[str, object]]


async def act(tocsin: Harness, what: str, how: object) -> None:
    match what, how:
        case "webhook", list(alerts):
            await tocsin.take(
                *(
                    tocsin.alert(
                        AlertStatus.FIRING if fires else AlertStatus.RESOLVED,
                        {"alertname": "Down", "instance": instance, "severity": severity},
                    )
                    for instance, severity, fires in alerts
                )
            )
        case "wait", int(minutes):
            await tocsin.advance(minutes=minutes)
        case "asleep", int(minutes):
            tocsin.clock.advance(minutes=minutes)
            await tocsin.settle()
        case "acknowledge", str(by):
            await tocsin.acknowledge(by)
        case "resolve", str(by):
            await tocsin.close(by)
        case "escalate", str(by):
            await tocsin.escalate(by)
        case "flag", str(flag):
            await tocsin.flag(flag)
        case "pin", severity:
            await tocsin.set_severity(None if severity is None else str(severity))


async def play(tocsin: Harness, script: Script) -> None:
    for what, how in [("webhook", [("a", "SEV-2", True)]), *script]:
        try:
            await act(tocsin, what, how)
        except IllegalTransition:
            continue  # a person may try; it changes nothing
        assert await emergency.wrong(tocsin) == []
        pages = [content.key for content in tocsin.sent(Job.PAGE, Job.UPDATE)]
        assert len(pages) == len(set(pages)), "a page was sent twice"


def everything(tx: Reader) -> tuple[list[Incident], list[list[Outgoing]]]:
    incidents = tx.incidents(IncidentFilter(limit=1000))
    return incidents, [tx.outbox_of(incident.id) for incident in incidents]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=SCRIPT)
async def test_memory_and_sqlite_agree_on_every_step_and_page(script: Script) -> None:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for url in ("memory:", f"sqlite:///{Path(folder) / 'tocsin.db'}"):
            clock = VirtualClock()
            async with emergency.tocsin(store=open_store(url, clock), clock=clock) as tocsin:
                await play(tocsin, script)
                found.append((tocsin.pages(), await tocsin.store.read(everything)))
    assert found[0] == found[1]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=SCRIPT)
async def test_whatever_happens_every_invariant_holds(script: Script) -> None:
    async with emergency.tocsin() as tocsin:
        await play(tocsin, script)
