"""The rules of a rule set."""

import msgspec

from tocsin.core.matching.condition import AskOpen, AskRate
from tocsin.core.matching.matcher import Matchers
from tocsin.core.rules.action import Value


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule. A rule without matchers and conditions matches every alert."""

    name: str
    matchers: Matchers = ()
    """Matchers that must all match."""
    any_of: tuple[Matchers, ...] = ()
    """Alternatives: if not empty, all matchers of at least one of these must match as well."""
    when_open: AskOpen | None = None
    rate: AskRate | None = None
    actions: dict[str, Value] = {}
    """Values by the names of `ACTIONS`."""
    path: str = ""
    line: int = 0

    @property
    def stops(self) -> bool:
        """True if no rule is evaluated after this one."""
        return bool(self.actions.get("stop", False))

    @property
    def asks(self) -> tuple[AskOpen | AskRate, ...]:
        """The conditions that need the store; all must be true."""
        return tuple(condition for condition in (self.when_open, self.rate) if condition is not None)

    @property
    def matches_everything(self) -> bool:
        """True if the rule applies to every alert."""
        return not self.matchers and not self.asks and (not self.any_of or () in self.any_of)

    @property
    def clauses(self) -> tuple[Matchers, ...]:
        """The rule's alternatives: it matches if all matchers of one of these match."""
        return tuple((*self.matchers, *more) for more in self.any_of) or (self.matchers,)
