"""Roles, checklists, and the questions before a declaration, as a playbook lists them."""

from enum import StrEnum

import msgspec


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A responsibility for one incident: incident commander, communication lead ..."""

    key: str
    """Identifier in commands and settings: ``communication-lead``."""
    name: str
    """Name for people."""
    targets: tuple[str, ...] = ()
    """The targets to notify while no one has taken the role."""
    backup: tuple[str, ...] = ()
    """The targets to remind as well, if the holder does not respond to a reminder."""


class Checklist(msgspec.Struct, frozen=True, kw_only=True):
    """A list of tasks that must not be forgotten."""

    key: str
    items: tuple[str, ...]
    severities: tuple[str, ...] = ()
    """The severities at which the checklist applies; empty: all."""

    def is_for(self, severity: str) -> bool:
        """Return whether the checklist applies at a severity."""
        return not self.severities or severity in self.severities


class AnswerKind(StrEnum):
    """Kind of answer to a question."""

    YES_NO = "yes_no"
    NUMBER = "number"
    """A number, or nothing if it is unknown; 0 counts as no."""


class Branch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of an answer."""

    advice: str = ""
    severities: tuple[str, ...] = ()
    """The severities for a declaration; empty: none is needed."""
    goes_on: bool = False
    """True if the next question follows: the highest of the severities so far is suggested at the end."""


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question for a person who is about to declare an incident."""

    ask: str
    answer: AnswerKind = AnswerKind.YES_NO
    fact: str = ""
    """The fact that stores the answer."""
    flag: str = ""
    """The flag that the answer yes sets."""
    yes: Branch | None = None
    """None: the next question."""
    no: Branch | None = None
