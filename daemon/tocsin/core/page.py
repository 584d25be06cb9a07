"""The content of a notification, before any channel gives it its own form."""

import msgspec

from tocsin.core.acting import Ticket
from tocsin.core.event import Entry
from tocsin.core.message import Room
from tocsin.core.outbox import Job
from tocsin.core.said import Said


class AlertLine(msgspec.Struct, frozen=True):
    """One alert as a page shows it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    firing: bool
    starts_at: int | None
    generator_url: str


class Upcoming(msgspec.Struct, frozen=True):
    """A step of the ladder that still pages somebody."""

    at: int
    """Microseconds since the epoch, UTC."""
    who: str
    """The name of the tier."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a channel may say about an incident, and to whom.

    Labels and annotations come from outside: a channel escapes them and cuts
    them to its provider's limits. Times are microseconds since the epoch, UTC.
    """

    job: Job
    key: str
    """This notification's idempotency key."""
    about: str
    """For acknowledge and resolve: the key of the page that they refer to."""
    target: str
    destination: str
    recipient: str
    time_zone: str = "UTC"
    """In which whoever reads this reads times; for a shared place the playbook's."""
    because: str
    step: str = ""
    """The step of the ladder, or of what is done beside it."""
    beside_the_ladder: bool = False
    """No step of the ladder: a promise that was not kept, a reminder, or a playbook's own words."""
    late: int
    stranded: bool
    stranded_because: str = ""
    """Of what is stranded: why it did not go to its own target."""
    possible_duplicate: bool
    """An earlier attempt may have arrived."""
    ref: str
    """The provider's reference of the incident's own message at this destination, "" before there is one."""

    incident_id: str
    number: int
    name: str = ""
    """What people call it: ``#12``, or as the playbook numbers its incidents."""
    occurrence: int
    title: str
    playbook: str
    playbook_title: str
    severity: str
    rank: int
    """0 is the playbook's highest severity."""
    ranks: int
    """How many severities the playbook has."""
    service: str
    team: str = ""
    summary: str = ""
    """What it means, in a sentence or two, "" where no rule says."""
    runbook: str = ""
    """The link to what has to be done, "" where there is none."""
    bridge: str = ""
    """The link to the war room, "" where there is none."""
    subject: str = ""
    """Of a message that has one."""
    text: Said | None = None
    """A message's words; None: the channel finds its own."""
    failure: str = ""
    """Why the words are plain ones: what went wrong with their template."""
    links: tuple[str, ...] = ()
    """Other links that tocsin itself knows (the ticket): only those of a message's links can be followed."""
    room: Room | None = None
    """The incident's own room."""
    in_room: bool = False
    """It goes into that room, where nothing else is spoken of."""
    ticket: Ticket | None = None
    """Of a tracker's jobs: the incident's ticket there."""
    automation: str = ""
    """The name of the automation that can heal it."""
    state: str
    status: str = ""
    """Where people say that it stands, in the playbook's words; "" where nobody has."""
    severities: tuple[str, ...] = ()
    """The playbook's, highest first."""
    flags: tuple[str, ...]
    waits: tuple[str, ...] = ()
    """What its ladder waits for, in words; empty once somebody has it."""
    dedup_key: str
    drill: bool
    is_reminder: bool = False
    """A recurring reminder of a playbook, and nothing that is broken."""
    unrouted: bool
    opened_at: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    taken_at: int | None = None
    """When whoever has it acknowledged it; it may have been acknowledged by others before."""
    next_page: Upcoming | None = None
    """The next page of the ladder; once somebody has it, the next one that an acknowledgment does not stop."""
    resolved_at: int | None
    resolved_by: str | None
    recovering: bool
    """All its alerts have resolved; it is in its hold-down."""
    doubted: str = ""
    """All its alerts were reported resolved, which is not believed without the Watchdog of this source."""
    alerts_firing: int
    alerts_total: int
    alerts: tuple[AlertLine, ...]
    """A sample, firing ones first."""
    members: int | None = None
    """Of a storm: how many incidents it tells of; ``alerts`` is then a sample of them, each as one alert."""
    history: tuple[Entry, ...] = ()
    """For history: the entries to append."""
    url: str = ""
    """A page about this incident that a person can open; "" while there is none."""
    external_url: str = ""
    """Where tocsin itself is reached from outside, without a slash at the end; "" where that is not configured."""
    now: int
