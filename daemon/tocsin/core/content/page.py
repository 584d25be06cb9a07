"""The content of a notification, before a channel formats it."""

import msgspec

from tocsin.core.alerts.subject import Subject
from tocsin.core.content.rendered_text import RenderedText
from tocsin.core.incident.event import Entry
from tocsin.core.incident.outbox import Job
from tocsin.core.playbook.actions import Ticket
from tocsin.core.playbook.messages import Room
from tocsin.core.playbook.playbook import SELF_NOTICE, SELF_PLAYBOOK, Until


class AlertLine(msgspec.Struct, frozen=True):
    """One alert as shown on a page."""

    labels: dict[str, str]
    annotations: dict[str, str]
    firing: bool
    starts_at: int | None
    generator_url: str


class Upcoming(msgspec.Struct, frozen=True):
    """A future page of the ladder to a tier."""

    at: int
    """Microseconds since the epoch, UTC."""
    who: str
    """The name of the tier."""
    until: Until = Until.ACKNOWLEDGED
    """The response that prevents the page."""
    people: tuple[str, ...] = ()
    """The people who will be paged then, as far as is known now."""
    vacant: tuple[str, ...] = ()
    """The rotations of the tier in which no one is on call then."""
    backups: tuple[str, ...] = ()
    """The people who are paged in place of the vacant rotations."""


class Paged(msgspec.Struct, frozen=True):
    """A recipient who has been paged already."""

    who: str
    at: int
    """The time at which the first page reached them, in microseconds since the epoch, UTC."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation to a meeting, for a calendar (RFC 5545, RFC 5546)."""

    uid: str
    """The id of the event, which stays the same when the meeting is moved."""
    sequence: int
    """0 for the first time of the meeting, 1 for the next."""
    starts_at: int
    ends_at: int
    summary: str
    description: tuple[str, ...]
    """Lines of text."""
    location: str
    """A link to a call; "" if there is none."""
    attendees: tuple[str, ...]
    """E-mail addresses."""
    is_canceled: bool = False
    """True if the meeting is not held: calendars remove it."""


class ItemDetails(msgspec.Struct, frozen=True):
    """Details of an action item, for its ticket."""

    owner: tuple[str, ...]
    """The people behind its owner, by login; a name that is no person's as it is."""
    due_at: int


class Successor(msgspec.Struct, frozen=True):
    """The incident into which this one was merged."""

    number: int
    name: str
    """The incident in words: ``#12 checkout: HighLatency``."""
    is_open: bool
    held_by: str = ""
    """The person who has acknowledged the incident; "" while no one has."""


class Content(Subject, frozen=True, kw_only=True):
    """The data about an incident that a channel may use, and the recipient.

    Labels and annotations come from outside: a channel escapes them and cuts
    them to its provider's limits. Times are microseconds since the epoch, UTC.
    """

    job: Job
    key: str
    """The idempotency key of the notification."""
    about: str
    """For acknowledge and resolve: the key of the page to which they refer."""
    target: str
    destination: str
    recipient: str
    names: dict[str, str] = msgspec.field(default_factory=dict)
    """The configured full names of people, by the login that other fields hold."""
    places: tuple[str, ...] = ()
    """The targets that are no persons: Slack channels, mailing lists, webhooks."""
    tiers: dict[str, str] = msgspec.field(default_factory=dict)
    """For history: the names of the playbook's tiers, by their numbers."""
    target_names: dict[str, str] = msgspec.field(default_factory=dict)
    """For history: the names that the playbook has for groups and rotations, as roles and tiers."""
    tasks: dict[str, str] = msgspec.field(default_factory=dict)
    """For history: the texts of the playbook's duties, by their names."""
    time_zone: str = "UTC"
    """The reader's time zone; for a shared place, the playbook's."""
    because: str
    step: str = ""
    """The step of the ladder, or of a notification outside it."""
    beside_the_ladder: bool = False
    """True for a breached promise, a reminder or a playbook's own message: no step of the ladder."""
    late: int
    stranded: bool
    stranded_because: str = ""
    """For a stranded notification: the reason why it did not go to its own target."""
    possible_duplicate: bool
    """True if an earlier attempt may have arrived."""
    ref: str
    """The provider's reference of the incident's own message at this destination; "" before there is one."""

    incident_id: str
    number: int
    name: str = ""
    """The incident's name for people: ``#12``, or by the playbook's numbering."""
    occurrence: int
    playbook: str
    playbook_title: str
    severity: str
    rank: int
    """0 is the playbook's highest severity."""
    ranks: int
    """Number of severities in the playbook."""
    steps: str = ""
    """Paths, errors and commands that belong to the summary: too long for an SMS, and nothing to read aloud."""
    bridge: str = ""
    """The link to the war room; "" if there is none."""
    subject: str = ""
    """The message's subject, if it has one."""
    text: RenderedText | None = None
    """The message's text; None: the channel writes its own."""
    invitation: Invitation | None = None
    """For a channel that can carry it: the invitation to a duty's meeting."""
    draft: str = ""
    """For the reminder of a draft: the draft's text as it would be sent now; "" if the draft has no text."""
    failure: str = ""
    """The error in the message's template, if the default text replaces it."""
    links: tuple[str, ...] = ()
    """Further links that tocsin itself knows (the ticket): in a message, only these can be followed."""
    room: Room | None = None
    """The incident's own room."""
    in_room: bool = False
    """True for a message in that room, which has no other subject."""
    ticket: Ticket | None = None
    """For a tracker's jobs: the incident's ticket there."""
    item: ItemDetails | None = None
    """For the ticket of an action item: its owner and its due time."""
    ticket_labels: tuple[str, ...] = ()
    """For a tracker's jobs: the labels that the playbook wants; ``{severity}`` and ``{service}`` are not filled in."""
    update: str = ""
    """For a tracker's comment about an update: the text of the update."""
    state: str
    status: str = ""
    """The status that people have set, one of the playbook's; "" if none was set."""
    severities: tuple[str, ...] = ()
    """The playbook's severities, highest first."""
    flags: tuple[str, ...]
    waits: tuple[str, ...] = ()
    """The reasons why the ladder waits, as text; empty once a responder has the incident."""
    dedup_key: str
    drill: bool
    is_reminder: bool = False
    """True for a recurring reminder of a playbook: nothing is broken."""
    is_alarm: bool = False
    """True for an alarm of tocsin without an incident: there is nothing to acknowledge or to look up."""
    declared_by: str = ""
    """The person who declared the incident; "" if alerts opened it."""
    can_declare: bool = False
    """True if a person should decide whether to declare it: its playbook provides for that."""
    unrouted: bool
    unplaced: str = ""
    """The reason why no rule routed the alert; "" if unknown."""
    opened_at: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    contacts: dict[str, str] = msgspec.field(default_factory=dict)
    """Ways to reach the people whom the message names (``+4930123456``, ``on Slack``), as far as they are known."""
    role: str = ""
    """The name of the tier as which the reader is paged; "" for the first tier and for other messages."""
    paged_with: tuple[str, ...] = ()
    """The other recipients of the same step, without people who get the page in place of another person."""
    taken_at: int | None = None
    """The time at which the responder acknowledged the incident; other people may have acknowledged it before."""
    answered_at: int | None = None
    """For a message about an acknowledgment: its time, which is later than `taken_at` if it is a repeated one."""
    next_pages: tuple[Upcoming, ...] = ()
    """The ladder's next pages, all due at the same time; for an acknowledged incident, only those until resolved."""
    paged_before: tuple[Paged, ...] = ()
    """For a page: the other recipients who have been paged for this occurrence, earliest first."""
    paged_already: tuple[str, ...] = ()
    """For an acknowledgment and the incident's own message: the people whom a page of this occurrence has reached."""
    assignees: tuple[str, ...] = ()
    """The people who should do what the message is about: post the update, do the duty, confirm the draft ..."""
    resolved_at: int | None
    resolved_by: str | None
    reopens_at: int | None = None
    """For an incident that a person resolved while alerts fired: the time at which alerts that still fire reopen it."""
    successor: Successor | None = None
    """The incident into which this one was merged; None if it was not merged."""
    snoozed_until: int | None = None
    """The end of the snooze; None while the incident is not snoozed."""
    snoozed_by: str = ""
    raised_by: str = ""
    """For a page about a raised severity: the alert that raised it, ``HighLatency (severity=critical)``."""
    owed: tuple[str, ...] = ()
    """For a resolve: the follow-ups that the reader owes, a sentence each."""
    recovering: bool
    """True during the hold-down, in which no alert fires."""
    doubted: str = ""
    """The source whose missing Watchdog puts the resolves in doubt; "" if there is no doubt."""
    alerts_firing: int
    firing: tuple[tuple[str, int], ...] = ()
    """Number of firing alerts by severity, highest first."""
    alerts_total: int
    alerts: tuple[AlertLine, ...]
    """A sample of the alerts, firing alerts first; of alerts that differ only by their severity, one is shown."""
    repeated: int = 0
    """Number of firing alerts beyond the sample that repeat the labels of another one at another severity."""
    members: int | None = None
    """For a storm: the number of its incidents; ``alerts`` is then a sample of them, each as one alert."""
    history: tuple[Entry, ...] = ()
    """For history: the entries to append."""
    url: str = ""
    """A page about this incident that a person can open; "" if there is none."""
    external_url: str = ""
    """The base URL of tocsin from outside, without a trailing slash; "" if not configured."""
    now: int

    @property
    def is_own(self) -> bool:
        """Return whether this is about an incident of tocsin's own."""
        is_other = self.is_reminder or self.is_alarm or self.members is not None
        return self.playbook == SELF_PLAYBOOK and not is_other

    @property
    def is_notice(self) -> bool:
        """Return whether this only informs about tocsin: no one is paged, and nothing needs an acknowledgment."""
        return self.is_own and self.severity == SELF_NOTICE
