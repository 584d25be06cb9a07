"""Queries for callbacks: the pages to a destination, and those behind a provider's incident."""

import pytest

from conformance.store.samples import START, incident, outgoing
from tocsin.core.incident.incident import State
from tocsin.core.incident.outbox import Job, RowState
from tocsin.ports.store import Store


async def test_pages_to_a_destination_are_those_of_open_incidents_the_newest_first(store: Store) -> None:
    def work(tx) -> None:
        over = incident(3, state=State.RESOLVED, resolved_at=START)
        tx.insert_incidents([incident(1), incident(2), over])
        tx.enqueue(
            [
                outgoing("a", incident_id="incident-1", destination="+1", state=RowState.SENT),
                outgoing("b", incident_id="incident-2", destination="+1"),
                outgoing("other number", incident_id="incident-2", destination="+2"),
                outgoing("update", incident_id="incident-2", destination="+1", job=Job.UPDATE),
                outgoing("over", incident_id=over.id, destination="+1"),
                outgoing("another channel", incident_id="incident-1", destination="+1", channel="call"),
            ]
        )

    await store.write(work)
    keys = await store.read(lambda tx: [row.key for row in tx.pages_to("+1")])
    assert keys == ["another channel", "b", "a"]
    assert await store.read(lambda tx: [row.key for row in tx.pages_to("+1", 2)]) == keys[:2]
    assert await store.read(lambda tx: tx.pages_to("+3")) == []


async def test_links_add_up_and_each_provider_and_incident_has_its_own(store: Store) -> None:
    await store.write(lambda tx: tx.link_pages("pagerduty", "P1", ["b", "a"]))
    await store.write(lambda tx: tx.link_pages("pagerduty", "P1", ["c", "a"]))
    await store.write(lambda tx: tx.link_pages("pagerduty", "P2", []))
    assert await store.read(lambda tx: tx.linked_pages("pagerduty", "P1")) == ["a", "b", "c"]
    assert await store.read(lambda tx: tx.linked_pages("pagerduty", "P2")) == []
    assert await store.read(lambda tx: tx.linked_pages("other", "P1")) == []


async def test_a_link_goes_with_the_incident_of_its_page(store: Store) -> None:
    over = incident(1, state=State.RESOLVED, resolved_at=START)

    def work(tx) -> None:
        tx.insert_incidents([over, incident(2)])
        tx.enqueue(
            [outgoing("old", incident_id=over.id, state=RowState.SENT), outgoing("new", incident_id="incident-2")]
        )
        tx.link_pages("pagerduty", "P1", ["old", "new"])

    await store.write(work)
    assert await store.write(lambda tx: tx.forget_incidents_before(START + 1, 10)) == 1
    assert await store.read(lambda tx: tx.linked_pages("pagerduty", "P1")) == ["new"]


async def test_a_failed_transaction_links_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.write(lambda tx: (tx.link_pages("pagerduty", "P1", ["a"]), 1 / 0))
    assert await store.read(lambda tx: tx.linked_pages("pagerduty", "P1")) == []
