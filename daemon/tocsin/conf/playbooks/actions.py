"""Actions of a playbook other than paging: ``actions:``."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.schema import Name, Section, YesNo, mistake
from tocsin.conf.settings import Times
from tocsin.conf.source import Node
from tocsin.core.playbook.actions import PlaybookAction, Verb
from tocsin.core.suggestions import did_you_mean

AtMoment = Literal[
    "opened",
    "declared",
    "acknowledged",
    "updated",
    "resolved",
    "reviewed",
    "flagged",
    "recorded",
    "ticketed",
    "item",
]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
TicketLabel = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^\S(.*\S)?$")]
_ONE = {"enum": list(get_args(AtMoment))}


def _listed(value: object) -> object:
    """Return a list; a single moment may be written without brackets."""
    return (value,) if isinstance(value, str) else value


class ActionEntry(Section):
    """One of ``actions:``."""

    at: Annotated[
        tuple[AtMoment, ...],
        BeforeValidator(_listed),
        Field(min_length=1),
        WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "minItems": 1}]}),
    ]
    message: Name | None = None
    tracker: Name | None = None
    automation: Name | None = None
    to: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    template: Name | None = None
    severities: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    when: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    facts: Annotated[tuple[FactName, ...], Field(min_length=1)] | None = None
    labels: Annotated[tuple[TicketLabel, ...], Field(min_length=1, max_length=20)] | None = None
    confirm: YesNo = False
    only_if_told: YesNo = False

    @model_validator(mode="after")
    def _one_verb(self) -> "ActionEntry":
        verbs = [verb.value for verb in Verb if getattr(self, verb.value) is not None]
        if len(verbs) != 1:
            told = f"says {' and '.join(verbs)}" if verbs else "says not what is to be done"
            raise mistake(told, "write one of message:, tracker:, automation:")
        if (self.to is not None) != (self.message is not None):
            raise (
                mistake("says not whom the message is for", "write to: [...]")
                if self.to is None
                else mistake("has to: without message:", f"{verbs[0]}: says already whom it is for")
            )
        if self.message is not None and self.template is not None:
            raise mistake("names two templates", "message: is the template")
        if "item" in self.at and (self.tracker is None or self.confirm or self.template is not None):
            raise mistake("is not an action for an action item", "write only {at: item, tracker: ...}")
        if self.only_if_told and (self.at != ("resolved",) or self.message is None):
            raise mistake("asks who has been told before", "write only_if_told: with at: resolved and message:")
        if "flagged" in self.at and not self.when:
            raise mistake("says not which flags it waits for", "write when: [...]")
        if ("recorded" in self.at) != (self.facts is not None):
            raise (
                mistake("says not which facts it waits for", "write facts: [...]")
                if self.facts is None
                else mistake("has facts: without at: recorded", "write at: recorded")
            )
        if self.labels is not None and self.tracker is None:
            raise mistake("has labels: without tracker:", "only a ticket has labels")
        return self

    def action(self) -> PlaybookAction:
        """Return the action as the core's type."""
        verb = next(verb for verb in Verb if getattr(self, verb.value) is not None)
        return PlaybookAction(
            at=self.at,
            verb=verb,
            what=getattr(self, verb.value),
            to=self.to or (),
            template=self.template or "",
            severities=self.severities or (),
            when=self.when or (),
            facts=self.facts or (),
            labels=self.labels or (),
            confirm=self.confirm,
            only_if_told=self.only_if_told,
        )


class ActionsPart(Part):
    """The actions, in the order of the file."""

    actions: Annotated[tuple[ActionEntry, ...], Field(max_length=100)] = ()

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the playbook's actions."""
        del times
        return {"actions": tuple(entry.action() for entry in self.actions)}

    def check(self, check: Check) -> None:
        """Check that severities and flags belong to the playbook."""
        for index, entry in enumerate(self.actions):
            node = check.node.at("actions", index)
            self._report_unknown("severity", "severities", entry.severities, node, check)
            self._report_unknown("flag", "flags", entry.when, node, check)

    def _report_unknown(self, what: str, key: str, names: tuple[str, ...] | None, node: Node, check: Check) -> None:
        known = getattr(self, key, ())
        place = node.at("when" if what == "flag" else "severities")
        for index, name in enumerate(names or ()):
            if name not in known:
                check.problem(place.at(index), f"there is no {what} {name!r}", did_you_mean(name, known))

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the recipients of messages."""
        yield from cls._in_actions(node, "to")

    @classmethod
    def target_names_in(cls, node: Node) -> Iterable[Node]:
        """Return the automations."""
        yield from cls._in_actions(node, "automation")

    @classmethod
    def templates_in(cls, node: Node) -> Iterable[Node]:
        """Return the templates of messages and tickets."""
        yield from cls._in_actions(node, "message")
        yield from cls._in_actions(node, "template")

    @classmethod
    def _in_actions(cls, node: Node, key: str) -> Iterator[Node]:
        actions = node.child("actions")
        result = [action.child(key) for _, action in actions.children()] if actions is not None else []
        yield from (each for each in result if each is not None)
