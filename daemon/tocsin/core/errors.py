"""The exceptions of tocsin.

::

    TocsinError
    ├── Conflict            a record that must be unique exists already
    ├── IllegalTransition   an event that the incident's state does not allow
    │   └── LimitReached    a limit on how many there may be of something
    ├── InvalidValue        a value that is readable but cannot be used
    │   ├── InvalidText     a text from a person that is empty or too long
    │   ├── UnknownChoice   a person, rotation, playbook or other incident that a request names and that does not exist
    │   ├── UnknownLevel    a severity, flag, status or role that the incident's playbook does not have
    │   └── WindowError     a maintenance window or override that cannot be used
    ├── MatcherError        a matcher or regular expression that does not parse
    ├── PlaceholderError    a {label} template that does not parse or render
    ├── UnknownName         the name of an incident, window, alert ... that does not exist
    ├── SourceUnavailable   a source of on-call data that gives no answer
    └── StoreUnavailable    a store that cannot commit now; repeating the call is harmless
        ├── Overloaded      a queue that is too long; the sender should retry
        ├── StoreHeld       a store that another daemon has open
        └── StoreLost       a database that was removed or replaced while it was open
"""


class TocsinError(Exception):
    """Base class of all errors that tocsin raises."""


class Conflict(TocsinError):
    """A record that must be unique exists already: a number, a timeline entry, an open incident for a dedup key."""


class IllegalTransition(TocsinError):
    """An event that the incident's state does not allow; nothing was changed."""


class LimitReached(IllegalTransition):
    """A limit on how many there may be of something; the message names the limit."""


class InvalidValue(TocsinError):
    """A value that is readable but cannot be used; the message says what would be right."""


class InvalidText(InvalidValue):
    """A text from a person that is empty or too long; the message names the limit.

    Args:
        what: The text, such as ``a note``.
        most: The maximum length, in characters.
        length: The length of the text.
    """

    def __init__(self, what: str, most: int, length: int) -> None:
        too_long = f"{what} has at most {most} characters; this one has {length}"
        super().__init__(too_long if length > most else f"{what} is empty; write 1 to {most} characters")


class UnknownChoice(InvalidValue):
    """A person, rotation, playbook or other incident that a request names and that does not exist."""


class MatcherError(TocsinError):
    """A matcher or regular expression that does not parse.

    ``start`` and ``end`` are 0-based character offsets into the input; None if
    they are not known.
    """

    def __init__(self, message: str, start: int | None = None, end: int | None = None) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class PlaceholderError(TocsinError):
    """A ``{label}`` template that does not parse, or that needs a missing label.

    ``start`` is the 0-based character offset at which the template does not parse; None if a label is missing.
    """

    def __init__(self, message: str, start: int | None = None) -> None:
        super().__init__(message)
        self.start = start


class UnknownName(TocsinError):
    """The name of an incident, window, alert ... that does not exist."""


class UnknownLevel(InvalidValue):
    """A severity, flag, status or role that the incident's playbook does not have; the incident itself exists."""


class WindowError(InvalidValue):
    """A maintenance window or override that cannot be used as it is written.

    ``hint`` says what to write instead. ``offset`` is the 0-based character of
    the error in the window's matchers; None if they are not at fault.
    """

    def __init__(self, message: str, hint: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.offset = offset


class SourceUnavailable(TocsinError):
    """A source of on-call data that gives no answer; the text says why and contains no secret."""


class StoreUnavailable(TocsinError):
    """A store that cannot commit now; repeating the call is harmless."""


class Overloaded(StoreUnavailable):
    """More queued alerts than can be committed in time; the sender should retry."""


class StoreHeld(StoreUnavailable):
    """A store that another daemon has open; that daemon may be shutting down."""


class StoreLost(StoreUnavailable):
    """A database that was removed or replaced while it was open; only a restart recovers from this."""

    def __init__(self, what: str, saved: str = "", steps: str = "") -> None:
        super().__init__(" ".join(filter(None, [f"{what}." if saved or steps else what, saved, steps])))
        self.what = what
        self.saved = saved
        """A sentence that says whether the content of the database is saved."""
        self.steps = steps
        """The numbered steps that restore the database."""
