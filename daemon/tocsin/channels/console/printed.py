"""A record of what a console has printed, so that each message is printed once."""

from collections import OrderedDict
from threading import Lock

from tocsin.core.content.page import Content
from tocsin.core.duration import MINUTE
from tocsin.core.incident.event import Entry

TOGETHER = 1 * MINUTE
"""Time during which the same text for another recipient is not printed again."""
KEPT = 500
"""Incidents, and texts, that are remembered."""

_PRINTED_ANYWAY = frozenset(
    {
        *("triggered", "escalated", "informed", "handed_over", "next_method", "reminded", "told"),
        *("drafted", "ticket_asked", "automation_asked", "duty_owed"),
    }
)
"""Entries of a timeline that announce a message: it is printed as well, or its delivery is in the timeline."""


class Printed:
    """The memory of one stream, which several channels and trackers, each with its own thread, may share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._names: set[str] = set()
        self._announced: OrderedDict[str, None] = OrderedDict()
        self._texts: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()
        self.is_begun = False
        """Something has been printed: a block of lines comes after an empty line."""

    def join(self, name: str) -> None:
        """Register a channel or tracker that prints to this stream."""
        self._names.add(name)

    def is_announced(self, incident_id: str) -> bool:
        """Return whether the incident has been introduced."""
        return incident_id in self._announced

    def recipient_of(self, content: Content, text: str) -> str:
        """Return the recipient for whom this text has just been printed, "" if there is none."""
        recipient, at = self._texts.get((content.incident_id, text), ("", 0))
        return recipient if recipient and content.now - at <= TOGETHER else ""

    def is_news(self, entry: Entry) -> bool:
        """Return whether a timeline entry contains information that is not printed otherwise."""
        if entry.kind in _PRINTED_ANYWAY:
            return False
        return not (entry.kind == "sent" and entry.data.get("channel") in self._names)

    def note(self, content: Content, *, announces: bool, text: str) -> None:
        """Remember a printed message; ``text`` is the part that may be the same for another recipient."""
        with self._lock:
            self.is_begun = True
            if announces:
                self._announced[content.incident_id] = None
            if text and not self.recipient_of(content, text):
                self._texts[content.incident_id, text] = (content.target, content.now)
            for memory in (self._announced, self._texts):
                while len(memory) > KEPT:
                    memory.popitem(last=False)


ON_STDOUT = Printed()
"""The record of this process's standard output."""
