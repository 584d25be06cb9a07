"""Rules one by one."""

import re
from collections.abc import Mapping

from tocsin.conf.rules.actions import KEYS, ActionReader
from tocsin.conf.rules.sense import report_nonsense, report_unknown_names
from tocsin.conf.rules.tables import Tables
from tocsin.conf.rules.values import Values
from tocsin.conf.rules.when import WhenReader
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Mark, Node
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rule import Rule

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class RuleReader:
    """Reads rules, and knows those before."""

    def __init__(self, playbooks: Mapping[str, Playbook], tables: Tables, findings: Findings) -> None:
        self._playbooks = playbooks
        self._findings = findings
        self._report = findings.problem
        self._values = Values(findings)
        self._when = WhenReader(self._values, findings)
        self._actions = ActionReader(self._values, tables, findings)
        self._places: dict[str, Mark] = {}
        self.may_take_everything = False
        """Set if a rule matches every alert, or if one that could not be read might."""
        self.rules: list[Written] = []

    def read(self, listed: Node | None) -> None:
        """Take the rules of one file."""
        if listed is None or listed.broken:
            return
        if not isinstance(listed.value, list):
            self._report(listed.head, "a list of rules is expected here", "write one `- name: ...` for each")
            self.may_take_everything = True
            return
        for node in listed.value:
            self._rule(node)

    def _rule(self, node: Node) -> None:
        if not isinstance(node.value, dict):
            if not node.broken:
                self._report(node.mark, "a rule is expected here", "write `- name: ...` and `match: ...`")
            return
        before = len(self._findings.problems)
        self._actions.report_unknown(node.value, KEYS)
        rule = Rule(
            name=self._name(node),
            matchers=self._when.match(node, may_be_misspelled=not node.value.keys() <= set(KEYS)),
            any_of=self._when.any_of(node),
            when_open=self._when.when_open(node),
            rate=self._when.rate(node),
            actions=self._actions.actions(node),
            path=node.mark.path,
            line=node.mark.line,
        )
        if len(self._findings.problems) > before or node.is_damaged:
            # What it was meant to be is unknown: perhaps the rule that takes every alert.
            self.may_take_everything |= not rule.matchers
            return
        written = Written(rule, node)
        report_unknown_names(written, self._playbooks, self._findings)
        report_nonsense(written, self._findings)
        self.may_take_everything |= written.takes_everything
        self.rules.append(written)

    def _name(self, node: Node) -> str:
        child = node.child("name")
        if child is None:
            self._report(node.mark, "'name' is missing", "the trace tells which rule decided by its name")
            return ""
        name = self._values.text(child)
        if name is None:
            return ""
        if not _NAME.fullmatch(name):
            hint = "write letters, digits, - _ and . only, a letter or digit first"
            self._report(child.mark, f"{name!r} cannot be the name of a rule", hint)
        elif name in self._places:
            self._report(child.mark, f"the name {name!r} is taken", f"the first is at {self._places[name]}; rename one")
        self._places.setdefault(name, child.mark)
        return name
