"""Coordination of an incident: statuses, roles, checklists, and whether an acknowledgment declares the incident."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, Text, YesNo, mistake
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.core.playbook.roles import AnswerKind, Branch, Checklist, Question, Role
from tocsin.core.suggestions import did_you_mean

_NUMBERING = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,40}-)?(\{date\}-)?\{n(:0[1-9])?\}")


class RoleEntry(Section):
    """One of ``roles:``."""

    name: Text
    targets: tuple[Name, ...] = ()
    backup: tuple[Name, ...] = ()


class ChecklistEntry(Section):
    """One of ``checklists:``."""

    items: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None


class BranchEntry(Section):
    """``if_yes:`` or ``if_no:`` of a question."""

    advice: Text | None = None
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    go_on: YesNo = False

    def branch(self) -> Branch:
        """Return the branch as the core's type."""
        return Branch(advice=self.advice or "", severities=self.severities or (), goes_on=self.go_on)


class QuestionEntry(Section):
    """One of ``questions:``."""

    ask: Text
    answer: Literal["yes_no", "number"] = "yes_no"
    fact: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")] | None = None
    flag: Name | None = None
    if_yes: BranchEntry | None = None
    if_no: BranchEntry | None = None

    def question(self) -> Question:
        """Return the question as the core's type."""
        return Question(
            ask=self.ask,
            answer=AnswerKind(self.answer),
            fact=self.fact or "",
            flag=self.flag or "",
            yes=self.if_yes.branch() if self.if_yes is not None else None,
            no=self.if_no.branch() if self.if_no is not None else None,
        )


def _numbering(text: str) -> str:
    if not _NUMBERING.fullmatch(text):
        message = "is not a way to number incidents"
        raise mistake(message, 'write a dash and {n} at its end: "INC-{n}", "incident-{date}-{n:03}"')
    return text


class WorkPart(Part):
    """The keys of the whole playbook."""

    numbering: (
        Annotated[
            Text,
            AfterValidator(_numbering),
            WithJsonSchema({"type": "string", "pattern": f"^{_NUMBERING.pattern}$"}),
        ]
        | None
    ) = None
    statuses: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    roles: Annotated[dict[Name, RoleEntry], Field(max_length=50)] = Field(default_factory=dict)
    checklists: Annotated[dict[Name, ChecklistEntry], Field(max_length=50)] = Field(default_factory=dict)
    questions: Annotated[tuple[QuestionEntry, ...], Field(max_length=20)] = ()
    declare_at: Literal["acknowledgment"] | None = None

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the statuses, roles, checklists and questions as the core's types."""
        del times
        return {
            **({"numbering": self.numbering} if self.numbering is not None else {}),
            "statuses": self.statuses,
            "roles": tuple(
                Role(key=key, name=role.name, targets=role.targets, backup=role.backup)
                for key, role in self.roles.items()
            ),
            "checklists": tuple(
                Checklist(key=key, items=entry.items, severities=entry.severities or ())
                for key, entry in self.checklists.items()
            ),
            "questions": tuple(entry.question() for entry in self.questions),
            "declares_when_acknowledged": self.declare_at is not None,
        }

    def check(self, check: Check) -> None:
        """Check that statuses are unique, and that the severities of checklists belong to the playbook."""
        for index, status in enumerate(self.statuses):
            if status in self.statuses[:index]:
                check.problem(check.node.at("statuses", index), f"{status!r} is given twice", "remove one")

        severities = getattr(self, "severities", {})
        for key, entry in self.checklists.items():
            for place, severity in enumerate(entry.severities or ()):
                if severity not in severities:
                    node = check.node.at("checklists", key, "severities", place)
                    check.problem(node, f"there is no severity {severity!r}", did_you_mean(severity, severities))
        for index, question in enumerate(self.questions):
            self._check_question(question, check.node.at("questions", index), check)

    def _check_question(self, question: QuestionEntry, node: Node, check: Check) -> None:
        severities, flags = getattr(self, "severities", {}), getattr(self, "flags", ())
        if question.flag is not None and question.flag not in flags:
            message = f"there is no flag {question.flag!r}"
            check.problem(node.at("flag"), message, did_you_mean(question.flag, flags))
        for answer in ("if_yes", "if_no"):
            branch = getattr(question, answer)
            for place, severity in enumerate((branch.severities if branch is not None else None) or ()):
                if severity not in severities:
                    message = f"there is no severity {severity!r}"
                    check.problem(node.at(answer, "severities", place), message, did_you_mean(severity, severities))

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the default holders of roles and their backups."""
        roles = node.child("roles")
        entries = [role for _, role in roles.children()] if roles is not None else []
        lists = [role.child(key) for role in entries for key in ("targets", "backup")]
        yield from (targets for targets in lists if targets is not None)
