"""The message about a hand-over of several incidents, read from its stored reason."""

import re
from typing import NamedTuple

from tocsin.core.content.page import Content
from tocsin.core.incident.sla import HANDOFFS_STEP
from tocsin.core.incident.wording import numbers_in_words

_OTHERS = re.compile(
    r"(?P<because>[^;]*); .*?(?P<more>\d+) more incidents? (?:\((?P<numbers>[^)]*)\) )?(?:is|are) "
    r"open from the last shift: (?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_RANGE = re.compile(r"#(\d+) to #(\d+)", re.ASCII)
_NUMBER = re.compile(r"#(\d+)\b", re.ASCII)


class HandOver(NamedTuple):
    """A hand-over of several incidents."""

    because: str
    """The shift that has begun: ``you are now on call (On-call engineer)``."""
    total: int
    """Number of incidents, including the one that the message is sent for."""
    numbers: str
    """``#1 to #8``."""
    rest: str
    """The other incidents, the first by name."""

    @property
    def has_other_holders(self) -> bool:
        """Return whether some of the incidents have another responder than the one that the message is sent for."""
        return " has it)" in self.rest


def of(content: Content) -> HandOver | None:
    """Return the hand-over that a message is about; None for any other message."""
    match = _OTHERS.fullmatch(content.because) if content.step.startswith(HANDOFFS_STEP) else None
    if match is None:
        return None
    total = int(match["more"]) + 1
    listed = match["numbers"] or match["rest"]
    span = _RANGE.fullmatch(listed)
    others = range(int(span[1]), int(span[2]) + 1) if span else map(int, _NUMBER.findall(listed))
    numbers = sorted({content.number, *others})[:total]
    return HandOver(match["because"], total, numbers_in_words(numbers, total), match["rest"])
