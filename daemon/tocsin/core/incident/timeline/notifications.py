"""Notifications: the recipients of the ladder and of the promises, and the outcome of each notification."""

from tocsin.core.incident.timeline.entry_data import EntryData


class Escalated(EntryData, frozen=True, kw_only=True):
    """Pages to a tier."""

    kind = "escalated"
    phrase = "paging {targets} (tier {tier}): {because}"

    step: str
    tier: int
    targets: tuple[str, ...]
    because: str


class Informed(EntryData, frozen=True, kw_only=True):
    """Updates to a tier."""

    kind = "informed"
    phrase = "informing {targets} (tier {tier}): {because}"

    step: str
    tier: int
    targets: tuple[str, ...]
    because: str


class HandOffListed(EntryData, frozen=True, kw_only=True):
    """A message to the next shift about another incident; the message lists this incident as well."""

    kind = "handed_over"
    phrase = "informing {targets} in the message about #{listed_in} ({because})"

    step: str
    targets: tuple[str, ...]
    listed_in: int
    """The number of the other incident."""
    because: str


class NextMethodUsed(EntryData, frozen=True, kw_only=True):
    """A page by a person's next contact method."""

    kind = "next_method"
    phrase = "reaching {target} by contact method {method} (tier {tier})"

    step: str
    tier: int
    target: str
    method: int


class StepSkipped(EntryData, frozen=True, kw_only=True):
    """A step whose flag is not set."""

    kind = "passed"
    phrase = "tier {tier} skipped: {because}"

    step: str
    tier: int
    because: str


class StepDeferred(EntryData, frozen=True, kw_only=True):
    """A step that waits for business hours."""

    kind = "deferred"
    phrase = "tier {tier} waits for business hours, until {until} ({because})"

    step: str
    tier: int
    until: int
    because: str


class MessageRequested(EntryData, frozen=True, kw_only=True):
    """A message of the playbook's own."""

    kind = "told"
    phrase = "{template} sent to {targets}"

    template: str
    targets: tuple[str, ...]


class PromiseBreached(EntryData, frozen=True, kw_only=True):
    """A breached promise."""

    kind = "breached"
    phrase = "{because}"

    promise: str
    severity: str
    due_at: int
    late: int
    step: str
    targets: tuple[str, ...]
    occurrence: int
    because: str


class Reminded(EntryData, frozen=True, kw_only=True):
    """A reminder of an update, a postmortem, an action item or a draft."""

    kind = "reminded"
    phrase = "reminded {targets}: {because}"

    step: str
    targets: tuple[str, ...]
    because: str


class NotificationSent(EntryData, frozen=True, kw_only=True):
    """A notification that its channel accepted."""

    kind = "sent"
    phrase = "{job} sent to {target} ({channel})"
    remark = "detail"

    target: str
    channel: str
    job: str
    step: str
    detail: str
    late: int


class NotificationRefused(EntryData, frozen=True, kw_only=True):
    """A notification that is given up."""

    kind = "dead"
    phrase = "{job} to {target} refused by {channel}, no more attempts: {detail}"

    target: str
    channel: str
    job: str
    step: str
    detail: str
    late: int


class NotificationSuperseded(EntryData, frozen=True, kw_only=True):
    """A notification that is no longer needed."""

    kind = "superseded"
    phrase = "{job} to {target} no longer needed"

    target: str
    channel: str
    job: str
    step: str
    detail: str
    late: int


DELIVERED: dict[str, type[NotificationSent | NotificationRefused | NotificationSuperseded]] = {
    entry.kind: entry for entry in (NotificationSent, NotificationRefused, NotificationSuperseded)
}
"""The outcome of a notification -> its entry."""
