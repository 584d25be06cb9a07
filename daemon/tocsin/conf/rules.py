"""rules/*.yaml: from YAML to the `RuleSet`, with everything that is wrong told at its place.

What a rule may do comes from `tocsin.core.action`; this file knows forms, not actions, except for what one
action means for another: a severity belongs to a playbook, a heartbeat stops, somebody must take every alert.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tocsin.conf.duration import parse_duration
from tocsin.conf.schema import did_you_mean
from tocsin.conf.source import Findings, Mark, Node, read_yaml
from tocsin.conf.written import WrittenRule
from tocsin.core.action import ACTIONS, Action, Form
from tocsin.core.errors import MatcherError, PlaceholderError
from tocsin.core.matcher import Matchers, read_matchers
from tocsin.core.placeholder import Template
from tocsin.core.playbook import Playbook
from tocsin.core.rules import Rule, RuleSet

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_UNDER_SET = tuple(action.name for action in ACTIONS.values() if action.form is Form.TEXT)
_KEYS = ("name", "match", "set", *(name for name in ACTIONS if name not in _UNDER_SET))


def load_rules(
    directory: Path,
    playbooks: Mapping[str, Playbook],
    default_playbook: str,
    findings: Findings,
    written: list[WrittenRule] | None = None,
) -> RuleSet | None:
    """Read every ``*.yaml`` of a directory, in the order of their names.

    Args:
        directory: Its subdirectories are not read.
        playbooks: What rules may name. If the default one is missing, that is for the caller to tell.
        default_playbook: For alerts to which no rule gives one.
        findings: Takes whatever is wrong; nothing is raised.
        written: Takes every rule that could be read, for the lints; also when another could not.

    Returns:
        The rules; None if there is a problem, also one found before, or no default playbook.
    """
    reader = _Reader(playbooks, findings)
    files = _files(directory, findings)
    for path in files:
        reader.read(path)
    if files:
        reader.check_order(Mark(str(directory)))
    if written is not None:
        written += reader.rules
    if findings.problems or default_playbook not in playbooks:
        return None
    levels = {
        name: [level.name for level in sorted(playbook.levels, key=lambda level: level.rank)]
        for name, playbook in playbooks.items()
    }
    unrouted = {name: playbook.unrouted for name, playbook in playbooks.items()}
    return RuleSet([rule for rule, _ in reader.rules], default_playbook, levels, unrouted)


def _files(directory: Path, findings: Findings) -> list[Path]:
    try:
        paths = sorted(directory.iterdir())
    except OSError as error:
        findings.problem(Mark(str(directory)), f"cannot be read: {error.strerror}")
        return []
    for path in paths:
        if path.suffix == ".yml":
            findings.warn(Mark(str(path)), "is not read: rules end in .yaml", f"rename it to {path.stem}.yaml")
    files = [path for path in paths if path.suffix == ".yaml" and not path.name.startswith(".")]
    if not files:
        findings.problem(Mark(str(directory)), "holds no rules", "add a file such as 00-base.yaml")
    return files


class _Reader:
    """Reads rules one by one, and knows those before."""

    def __init__(self, playbooks: Mapping[str, Playbook], findings: Findings) -> None:
        self._playbooks = playbooks
        self._findings = findings
        self._tell = findings.problem
        self._places: dict[str, Mark] = {}
        self._may_take_everything = False
        self.rules: list[WrittenRule] = []
        self._readers: dict[Form, Callable[[Node], Any]] = {
            Form.TEXT: self._template,
            Form.TEXTS: self._templates,
            Form.NAMES: self._names,
            Form.DURATION: self._duration,
            Form.SWITCH: self._switch,
        }

    def read(self, path: Path) -> None:
        """Take the rules of one file."""
        top = read_yaml(path, self._findings)
        if top is None or top.broken:
            return
        if not isinstance(top.value, dict):
            self._tell(top.mark, "a mapping is wanted here", "begin the file with `rules:`")
            return
        self._unknown(top.value, ("rules",))
        listed = top.child("rules")
        if listed is None:
            self._tell(top.mark, "'rules' is missing", "begin the file with `rules:`")
        elif isinstance(listed.value, list):
            for node in listed.value:
                self._rule(node)
        elif not listed.broken:
            self._tell(listed.head, "a list of rules is wanted here", "write one `- name: ...` for each")

    def _rule(self, node: Node) -> None:
        if not isinstance(node.value, dict):
            if not node.broken:
                self._tell(node.mark, "a rule is wanted here", "write `- name: ...` and `match: ...`")
            return
        before = len(self._findings.problems)
        self._unknown(node.value, _KEYS)
        name = self._name(node)
        matchers = self._match(node)
        actions = self._actions(node)
        if len(self._findings.problems) > before:
            # What it was meant to be is unknown: perhaps the rule that takes every alert.
            self._may_take_everything |= not matchers
            return
        self._check_names(node, actions)
        self._check_sense(node, actions)
        rule = Rule(name=name, matchers=matchers, actions=actions, path=node.mark.path, line=node.mark.line)
        self._may_take_everything |= _takes_everything(rule)
        self.rules.append(WrittenRule(rule, node))

    def _unknown(self, children: Mapping[str, Node], known: Iterable[str]) -> None:
        for key, child in children.items():
            if key in known:
                continue
            hint = did_you_mean(key, known)
            if key in _UNDER_SET:
                hint = f"write `set: {{{key}: ...}}`"
            elif key in _KEYS:
                hint = "write it beside `set:`, not under it"
            self._tell(child.head, f"unknown key {key!r}", hint)

    def _name(self, node: Node) -> str:
        child = node.child("name")
        if child is None:
            self._tell(node.mark, "'name' is missing", "the trace tells which rule decided by its name")
            return ""
        name = self._text(child)
        if name is None:
            return ""
        if not _NAME.fullmatch(name):
            hint = "write letters, digits, - _ and . only, a letter or digit first"
            self._tell(child.mark, f"{name!r} cannot be the name of a rule", hint)
        elif name in self._places:
            self._tell(child.mark, f"the name {name!r} is taken", f"the first is at {self._places[name]}; rename one")
        self._places.setdefault(name, child.mark)
        return name

    # --- match -----------------------------------------------------------------------------------------------------

    def _match(self, node: Node) -> Matchers:
        child = node.child("match")
        if child is None:
            self._tell(node.mark, "'match' is missing", "write `match: {}` for every alert")
            return ()
        if child.broken or child.value == {}:
            return ()
        if isinstance(child.value, dict):
            first = next(iter(child.value))
            hint = "put them in single quotes" if "=" in first or "!~" in first else f'write for example {first}="..."'
            self._tell(child.mark, "matchers are text, not a mapping", hint)
            return ()
        texts = child.value if isinstance(child.value, list) else [child]
        return tuple(matcher for text in texts for matcher in self._matchers(text))

    def _matchers(self, node: Node) -> Matchers:
        text = self._text(node)
        if text is None:
            return ()
        if not text.strip():
            self._tell(node.mark, "has no matcher", "write `match: {}` for every alert")
            return ()
        try:
            found, warning = read_matchers(text)
        except MatcherError as error:
            self._tell(node.inside(error.start or 0), f"bad matcher: {error}")
            return ()
        if warning:
            self._findings.warn(node.mark, warning)
        return found

    # --- actions ---------------------------------------------------------------------------------------------------

    def _actions(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        under = node.child("set")
        if under is not None and isinstance(under.value, dict):
            self._unknown(under.value, _UNDER_SET)
        elif under is not None and not under.broken:
            self._tell(under.head, "a mapping is wanted here", "write for example `set: {severity: SEV-2}`")
        for action in ACTIONS.values():
            child = _value_of(node, action)
            if child is None:
                continue
            value = self._readers[action.form](child)
            if value is not None:
                found[action.name] = value
        return found

    def _text(self, node: Node) -> str | None:
        if isinstance(node.value, str) and not node.broken:
            return node.value
        if node.value is None:
            self._tell(node.head, "has no value", "write one, or remove the line")
        elif not node.broken:
            is_scalar = isinstance(node.value, int | float)
            self._tell(node.mark, "text is wanted here", "put it in quotes" if is_scalar else "")
        return None

    def _template(self, node: Node) -> Template | None:
        text = self._text(node)
        if text is None:
            return None
        if not text.strip():
            self._tell(node.mark, "must not be empty", "write a text, or remove the line")
            return None
        try:
            return Template.parse(text)
        except PlaceholderError as error:
            self._tell(node.inside(error.start or 0), f"bad placeholder: {error}")
            return None

    def _templates(self, node: Node) -> dict[str, Template] | None:
        if not isinstance(node.value, dict):
            if not node.broken:
                self._tell(node.head, "a mapping is wanted here", "write for example `{team: platform}`")
            return None
        found = {name: self._template(child) for name, child in node.value.items()}
        return {name: template for name, template in found.items() if template is not None}

    def _names(self, node: Node) -> tuple[str, ...] | None:
        if not isinstance(node.value, list):
            if not node.broken:
                self._tell(node.head, "a list is wanted here", "write [a, b], or one line each that begins with -")
            return None
        found = [self._text(child) for child in node.value]
        return tuple(name for name in found if name is not None)

    def _duration(self, node: Node) -> int | None:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            hint = f"write {node.value}s for seconds or {node.value}m for minutes"
            self._tell(node.mark, "a duration needs its unit", hint)
            return None
        text = self._text(node)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            self._tell(node.mark, str(error))
            return None

    def _switch(self, node: Node) -> bool | None:
        if isinstance(node.value, bool):
            return node.value
        if not node.broken:
            self._tell(node.mark if node.value is not None else node.head, "true or false is wanted here")
        return None

    # --- what belongs together -------------------------------------------------------------------------------------

    def _check_names(self, node: Node, actions: Mapping[str, Any]) -> None:
        if not self._playbooks:
            return
        chosen = _constant(actions.get("playbook"))
        if chosen is not None and chosen not in self._playbooks:
            hint = did_you_mean(chosen, self._playbooks)
            self._tell(node.at("set", "playbook").mark, f"there is no playbook {chosen!r}", hint)
            return
        candidates = [self._playbooks[chosen]] if chosen is not None else list(self._playbooks.values())
        where = f"playbook {chosen}" if chosen is not None else "no playbook"
        verb = "has no" if chosen is not None else "has a"
        severity = _constant(actions.get("severity"))
        if severity is not None and not any(playbook.has_level(severity) for playbook in candidates):
            known = [level.name for playbook in candidates for level in playbook.levels]
            place = node.at("set", "severity").mark
            self._tell(place, f"{where} {verb} severity {severity!r}", did_you_mean(severity, known))
        known_flags = [flag for playbook in candidates for flag in playbook.flags]
        for index, flag in enumerate(actions.get("flags", ())):
            if flag not in known_flags:
                place = node.at("flags", index).mark
                self._tell(place, f"{where} {verb} flag {flag!r}", did_you_mean(flag, known_flags))

    def _check_sense(self, node: Node, actions: Mapping[str, Any]) -> None:
        if actions.get("heartbeat") and not actions.get("stop"):
            mark = node.at("heartbeat").head
            self._tell(mark, "a heartbeat must not meet later rules", "add `stop: true` to this rule")
        if not actions:
            self._findings.warn(node.mark, "this rule does nothing", "give it `set:` or another action, or remove it")

    def check_order(self, directory: Mark) -> None:
        """Tell if no rule takes every alert."""
        if not self._may_take_everything:
            hint = "add a last rule with `match: {}`, so that no alert depends on a rule that somebody forgot"
            self._tell(directory, "no rule takes every alert", hint)


def _takes_everything(rule: Rule) -> bool:
    return not rule.matchers and not rule.actions.get("suppress") and not rule.actions.get("heartbeat")


def _value_of(node: Node, action: Action) -> Node | None:
    if action.form is not Form.TEXT:
        return node.child(action.name)
    under = node.child("set")
    return under.child(action.name) if under is not None else None


def _constant(template: Template | None) -> str | None:
    return template.constant if template is not None else None
