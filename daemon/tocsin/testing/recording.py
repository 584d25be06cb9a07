"""Doubles for the ports of channels, trackers and the observer that record their calls."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import Job
from tocsin.ports.channel import Outcome, Receipt
from tocsin.ports.tracker import Words
from tocsin.trackers.words import preview


def _opened(content: Content) -> Receipt:
    link = f"https://tickets.example.com/{content.number}"
    opens = content.job is Job.TICKET_OPEN
    return Receipt(Outcome.SENT, ref=f"{content.number} #{content.number} {link}" if opens else "")


@dataclass
class RecordingChannel:
    """A channel that accepts everything, or answers as ``answer`` says."""

    name: str = "console"
    kind: str = "recording"
    handles: frozenset[Job] = frozenset(Job)
    keyed: bool = False
    answer: Callable[[Content], Receipt] = field(
        default=lambda content: Receipt(Outcome.SENT, ref=f"ref {content.key[:8]}")
    )
    sent: list[Content] = field(default_factory=list)
    """The accepted content."""
    tried: list[Content] = field(default_factory=list)
    """The attempted content."""

    async def start(self) -> None:
        """Do nothing."""

    async def send(self, content: Content) -> Receipt:
        """Record the content."""
        receipt = self.answer(content)
        self.tried.append(content)
        if receipt.outcome is Outcome.SENT:
            self.sent.append(content)
        return receipt

    async def close(self) -> None:
        """Do nothing."""


@dataclass
class RecordingTracker:
    """A tracker that accepts everything, or answers as ``answer`` says."""

    name: str
    kind: str = "recording"
    answer: Callable[[Content], Receipt] = field(default=_opened)
    sent: list[Content] = field(default_factory=list)
    """The accepted content."""

    async def start(self) -> None:
        """Do nothing."""

    async def send(self, content: Content) -> Receipt:
        """Record the content."""
        receipt = self.answer(content)
        if receipt.outcome is Outcome.SENT:
            self.sent.append(content)
        return receipt

    def words(self, content: Content) -> Words:
        """Return a tracker's default text."""
        return preview(content)

    async def close(self) -> None:
        """Do nothing."""


class RecordingObserver:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self.observations: list[tuple[str, float, dict[str, str]]] = []
        self.gauges: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self.counts[name, tuple(sorted(labels.items()))] += int(amount)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record an observation."""
        self.observations.append((name, value, labels))

    def gauge(self, name: str, value: float | None, **labels: str) -> None:
        """Set a gauge; None removes it."""
        key = (name, tuple(sorted(labels.items())))
        if value is None:
            self.gauges.pop(key, None)
        else:
            self.gauges[key] = value

    def observed(self, name: str) -> list[float]:
        """Return all values of one histogram, in order."""
        return [value for seen, value, _ in self.observations if seen == name]

    def counted(self, name: str, **labels: str) -> int:
        """Return a counter, summed over all labels that are not given."""
        wanted = labels.items()
        return sum(count for (seen, has), count in self.counts.items() if seen == name and wanted <= dict(has).items())
