"""The exceptions of tocsin.

::

    TocsinError
    ├── Conflict            what is to be written once is there already
    ├── IllegalTransition   the incident's state does not allow this event
    │   └── InvalidValue    what a person gave is empty, too long or out of range
    ├── MatcherError        a matcher or regex that does not parse
    ├── PlaceholderError    a {label} template that does not parse or render
    ├── UnknownName         no such incident, playbook, level, person ...
    │   └── UnknownLevel    no such severity or flag in the incident's playbook
    ├── WindowError         a maintenance window that cannot be used
    └── StoreUnavailable    the store cannot commit now; the same call may succeed later
        ├── Overloaded      too much is queued; refuse, so that the sender retries
        ├── StoreHeld       another daemon has it open
        └── StoreLost       the open database is not the one on the disk any more
"""


class TocsinError(Exception):
    """Base of every error that tocsin raises on purpose."""


class Conflict(TocsinError):
    """What may be there only once is there already: a number, a timeline entry, an open incident for a dedup key."""


class IllegalTransition(TocsinError):
    """The incident's state does not allow this event; nothing was changed."""


class InvalidValue(IllegalTransition):
    """A value from a person that is empty, too long or out of range; the message names the limit."""


class MatcherError(TocsinError):
    """A matcher or a regular expression does not parse.

    ``start`` and ``end`` are 0-based character offsets into the input where
    they are known.
    """

    def __init__(self, message: str, start: int | None = None, end: int | None = None) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class PlaceholderError(TocsinError):
    """A ``{label}`` template does not parse, or a label that it needs is missing.

    ``start`` is the 0-based character offset into the template where it does not parse.
    """

    def __init__(self, message: str, start: int | None = None) -> None:
        super().__init__(message)
        self.start = start


class UnknownName(TocsinError):
    """Something is named that does not exist."""


class UnknownLevel(UnknownName):
    """An incident's playbook has no such severity, flag, status or role; the incident is there."""


class WindowError(TocsinError):
    """A maintenance window cannot be used as it is written.

    ``hint`` says what to write instead; ``offset`` is where in its matchers it
    goes wrong, a 0-based character, None where that is not it.
    """

    def __init__(self, message: str, hint: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.offset = offset


class SourceUnavailable(TocsinError):
    """A source of people on call does not say who they are; the text says why, and holds no secret."""


class StoreUnavailable(TocsinError):
    """The store cannot commit now; nothing was written, and the same call may succeed later."""


class Overloaded(StoreUnavailable):
    """More is queued than can be committed in time; the sender should retry."""


class StoreHeld(StoreUnavailable):
    """Another daemon has the store open; it may be about to end."""


class StoreLost(StoreUnavailable):
    """The database was removed or replaced while it was open; only a restart can go on from here."""
