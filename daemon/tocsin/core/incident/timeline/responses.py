"""People's responses and decisions."""

from tocsin.core.incident.timeline.entry_data import EntryData


class Acknowledged(EntryData, frozen=True, kw_only=True):
    """An acknowledgment."""

    kind = "acknowledged"
    phrase = "acknowledged"

    severity: str


class TakenOver(EntryData, frozen=True, kw_only=True):
    """A change of the owner, by a person who took an acknowledged incident over."""

    kind = "taken_over"
    phrase = "taken over from {former}"

    former: str | None


class AcknowledgedAlso(EntryData, frozen=True, kw_only=True):
    """An acknowledgment by a further person."""

    kind = "acknowledged_also"
    phrase = "acknowledged as well"


class Unacknowledged(EntryData, frozen=True, kw_only=True):
    """The end of an acknowledgment: it no longer covers the incident."""

    kind = "unacknowledged"
    phrase = "needs a new acknowledgment ({because})"

    because: str


class LateAcknowledgment(EntryData, frozen=True, kw_only=True):
    """An acknowledgment that came after the resolve, or for an earlier occurrence."""

    kind = "late_acknowledgment"
    phrase = "acknowledged too late: it was already resolved"

    occurrence: int | None


class LateTakeOver(EntryData, frozen=True, kw_only=True):
    """A take-over of what is resolved or of an earlier occurrence."""

    kind = "late_take_over"
    phrase = "taken over too late: it was already resolved"

    occurrence: int | None


class LateResolve(EntryData, frozen=True, kw_only=True):
    """A person's resolve that came after the resolve, or for an earlier occurrence."""

    kind = "late_resolve"
    phrase = "resolved too late: it was already resolved"

    occurrence: int | None


class SnoozeStarted(EntryData, frozen=True, kw_only=True):
    """The start of a snooze."""

    kind = "snoozed"
    phrase = "snoozed until {until}"

    until: int


class SnoozeOver(EntryData, frozen=True, kw_only=True):
    """The end of a snooze."""

    kind = "unsnoozed"
    phrase = "no longer snoozed: {because}"

    because: str


class EscalationRequested(EntryData, frozen=True, kw_only=True):
    """A request to page the next tier."""

    kind = "escalation_asked"
    phrase = "asked the next tier for help"


class Pinned(EntryData, frozen=True, kw_only=True):
    """The pin of the severity by a person."""

    kind = "pinned"
    phrase = "severity pinned at {severity}"

    severity: str
    reason: str


class Unpinned(EntryData, frozen=True, kw_only=True):
    """The end of a pin: the alerts determine the severity again."""

    kind = "unpinned"
    phrase = "severity follows the alerts again"

    reason: str


class Replanned(EntryData, frozen=True, kw_only=True):
    """The switch to the current version of the playbook."""

    kind = "replanned"
    phrase = "now follows the current version of playbook {playbook}"

    playbook: str
    sha: str


class FlagsChanged(EntryData, frozen=True, kw_only=True):
    """Flags set and cleared."""

    kind = "flags"
    phrase = "flags changed: {changes}"
    """``{changes}`` is made of both fields: ``+data_breach, -customers``."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


class Declared(EntryData, frozen=True, kw_only=True):
    """A declaration."""

    kind = "declared"
    phrase = "declared at {severity}"

    severity: str
    reason: str


class NoteTaken(EntryData, frozen=True, kw_only=True):
    """A note."""

    kind = "note"
    phrase = "note: {text}"

    text: str


class StatusUpdate(EntryData, frozen=True, kw_only=True):
    """A status update."""

    kind = "update_posted"
    phrase = "update {number}: {text}"

    number: int
    text: str
    status: str


class StatusChanged(EntryData, frozen=True, kw_only=True):
    """A change of the status."""

    kind = "status"
    phrase = "status {before} -> {after}"

    before: str
    after: str


class RoleAssigned(EntryData, frozen=True, kw_only=True):
    """The assignment of a role, or the end of an assignment."""

    kind = "role"
    phrase = "{role}: {person}"

    role: str
    person: str
    before: str


class ItemTicked(EntryData, frozen=True, kw_only=True):
    """A checklist item that is done."""

    kind = "ticked"
    phrase = "{checklist}: done: {text}"

    checklist: str
    text: str


class ItemUnticked(EntryData, frozen=True, kw_only=True):
    """A checklist item that is not done after all."""

    kind = "unticked"
    phrase = "{checklist}: reopened: {text}"

    checklist: str
    text: str


class FactSet(EntryData, frozen=True, kw_only=True):
    """A fact that a person entered."""

    kind = "fact"
    phrase = "{name}: {text}"

    name: str
    text: str


class IncidentMerged(EntryData, frozen=True, kw_only=True):
    """The merge of this incident into another one."""

    kind = "merged"
    phrase = "merged into incident #{into}; alerts moved: {alerts}"

    into: int
    alerts: int


class IncidentAbsorbed(EntryData, frozen=True, kw_only=True):
    """The merge of another incident into this one."""

    kind = "merged_with"
    phrase = "incident #{incident} merged into this one"

    incident: int


class IncidentSplitOff(EntryData, frozen=True, kw_only=True):
    """The end of a merge."""

    kind = "split_off"
    phrase = "incident #{incident} unmerged"

    incident: int


class IncidentLinked(EntryData, frozen=True, kw_only=True):
    """A link to a related incident."""

    kind = "linked"
    phrase = "linked to incident #{incident}"

    incident: int
