"""A playbook with one duty of each kind, for scenarios: emergency-response with other duties and one message."""

from collections.abc import Sequence

import msgspec
from msgspec import structs

from scenario import emergency
from tocsin.core.duration import DAY, HOUR, MINUTE
from tocsin.core.incident.event import Actor
from tocsin.core.incident.incident_duty import IncidentDuty
from tocsin.core.incident.sla import duties_of
from tocsin.core.playbook.actions import PlaybookAction
from tocsin.core.playbook.duties import Meeting, PlaybookDuty
from tocsin.core.playbook.playbook import FollowUp, Playbook
from tocsin.ports.store import Store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingTracker

ALICE, BOB = Actor("alice", "api"), Actor("bob", "api")

STATUS_PAGE = PlaybookDuty(
    name="status-page",
    text="Update the status page",
    since="declared",
    within=15 * MINUTE,
    by="communications",
    tracker="status",
)
CALL = PlaybookDuty(name="call", text="Call the bank", since="acknowledged", within=HOUR, remind=10 * MINUTE)
TELL = PlaybookDuty(name="tell", text="Tell customers", since="opened", within=30 * MINUTE, message="customer-text")
CAUSE = PlaybookDuty(name="cause", text="Find the cause", since="resolved", within=DAY, by="bob", fact="root_cause")
REVIEW = PlaybookDuty(
    name="review", text="Hold the review", since="resolved", within=2 * DAY, meeting=Meeting(after=HOUR)
)
SEV_1_ONLY = PlaybookDuty(name="board", text="Tell the board", since="opened", within=HOUR, severities=("SEV-1",))
WHEN_FLAGGED = PlaybookDuty(name="law", text="Tell the police", since="opened", within=HOUR, when=("data_breach",))
STATUS_ACTION = {"at": ["declared"], "verb": "tracker", "what": "status", "confirm": True}
MESSAGE_ACTION = {"at": ["declared"], "verb": "message", "what": "customer-text", "to": ["customers"], "confirm": True}


def playbook(
    *duties: PlaybookDuty,
    actions: Sequence[dict[str, object]] = (),
    post_mortem: bool = False,
    follow_ups: tuple[FollowUp, ...] = (),
) -> Playbook:
    """The shipped playbook with these duties only."""
    shipped = emergency.shipped()
    levels = tuple(
        level if post_mortem else structs.replace(level, post_mortem_within=None) for level in shipped.levels
    )
    owed = structs.replace(shipped.duties, required=duties, follow_ups=follow_ups)
    acts = tuple(msgspec.convert(action, PlaybookAction) for action in actions)
    return structs.replace(shipped, levels=levels, duties=owed, actions=acts)


def tocsin(
    *duties: PlaybookDuty,
    actions: Sequence[dict[str, object]] = (),
    post_mortem: bool = False,
    follow_ups: tuple[FollowUp, ...] = (),
    store: Store | None = None,
    clock: VirtualClock | None = None,
) -> Harness:
    plan = playbook(*duties, actions=actions, post_mortem=post_mortem, follow_ups=follow_ups)
    return emergency.tocsin(playbook=plan, store=store, clock=clock, trackers=(RecordingTracker("status"),))


async def down(harness: Harness, severity: str = "SEV-1", **labels: str) -> None:
    await harness.fire(alertname="Down", severity=severity, **labels)


async def over(harness: Harness, severity: str = "SEV-1", **labels: str) -> None:
    """Resolve it, and wait for the end of the hold-down of two minutes."""
    await harness.resolve(alertname="Down", severity=severity, **labels)
    await harness.advance(minutes=2)


async def duties(harness: Harness, ref: str = "1") -> dict[str, IncidentDuty]:
    return {duty.name: duty for duty in duties_of((await harness.incident(ref)).obligations)}


async def outcomes(harness: Harness, ref: str = "1") -> dict[str, str]:
    return {name: duty.outcome for name, duty in (await duties(harness, ref)).items()}


def told(harness: Harness, duty: str) -> list[tuple[float, str]]:
    """(minutes since the start, target) of the reminders and the breach of one duty."""
    steps = (f"reminder.duty-{duty}.", f"breach.duty-{duty}", f"reminder.{duty}.")
    sent = [content for content in harness.sent() if content.step.startswith(steps)]
    return [((content.now - harness.clock.start) / MINUTE, content.target) for content in sent]


async def entries(harness: Harness, *kinds: str, ref: str = "1") -> list[tuple[str, str]]:
    """(kind, duty) of the entries of these kinds."""
    return [(entry.kind, entry.data["duty"]) for entry in await harness.timeline(ref) if entry.kind in kinds]


def counted(harness: Harness, name: str, **labels: str) -> float:
    return harness.observer.counted(name, **labels)
