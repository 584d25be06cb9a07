"""Checks of a rule against the playbooks and within itself. `tocsin.conf.lint` compares rules with each other."""

from collections.abc import Mapping

from tocsin.conf.rules.values import constant
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Mark
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.verdict import link
from tocsin.core.suggestions import did_you_mean


class _Names:
    """The names that one rule may use."""

    def __init__(self, playbooks: Mapping[str, Playbook], chosen: str | None, findings: Findings) -> None:
        self._candidates = [playbooks[chosen]] if chosen is not None else list(playbooks.values())
        self._where = f"playbook {chosen} has no" if chosen is not None else "no playbook has a"
        self._report = findings.problem

    def level(self, name: str | None, place: Mark) -> None:
        if name is not None and not any(playbook.has_level(name) for playbook in self._candidates):
            known = [level.name for playbook in self._candidates for level in playbook.levels]
            self._report(place, f"{self._where} severity {name!r}", did_you_mean(name, known))

    def flag(self, name: str, place: Mark) -> None:
        known = [flag for playbook in self._candidates for flag in playbook.flags]
        if name not in known:
            self._report(place, f"{self._where} flag {name!r}", did_you_mean(name, known))


def report_unknown_names(written: Written, playbooks: Mapping[str, Playbook], findings: Findings) -> None:
    """Report playbooks, severities and flags that do not exist."""
    if not playbooks:
        return
    rule, node = written
    chosen = constant(rule.actions.get("playbook"))
    if chosen is not None and chosen not in playbooks:
        hint = did_you_mean(chosen, playbooks)
        findings.problem(node.at("set", "playbook").mark, f"there is no playbook {chosen!r}", hint)
    else:
        names = _Names(playbooks, chosen, findings)
        names.level(constant(rule.actions.get("severity")), node.at("set", "severity").mark)
        names.level(constant(rule.actions.get("cap")), node.at("cap").mark)
        for index, flag in enumerate(rule.actions.get("flags", ())):  # type: ignore[arg-type]  # it is a tuple
            names.flag(str(flag), node.at("flags", index).mark)
    _report_unknown_conditions(written, playbooks, findings)


def _report_unknown_conditions(written: Written, playbooks: Mapping[str, Playbook], findings: Findings) -> None:
    asked = written.rule.when_open
    if asked is None:
        return
    node = written.node.at("when_open")
    wanted = constant(asked.playbook)
    if wanted is not None and wanted not in playbooks:
        hint = did_you_mean(wanted, playbooks)
        findings.problem(node.at("playbook").mark, f"there is no playbook {wanted!r}", hint)
        return
    names = _Names(playbooks, wanted, findings)
    for index, severity in enumerate(asked.severity):
        names.level(constant(severity), node.at("severity", index).mark)


def report_nonsense(written: Written, findings: Findings) -> None:
    """Report contradictions within one rule."""
    rule, node = written
    actions = rule.actions
    if actions.get("heartbeat") and not actions.get("stop"):
        mark = node.at("heartbeat").head
        findings.problem(mark, "a heartbeat must not meet later rules", "add `stop: true` to this rule")
    if actions.get("heartbeat") and rule.asks:
        mark = node.at("heartbeat").head
        findings.problem(mark, "a sign of life cannot depend on what is open", "remove when_open and rate")
    if not actions:
        findings.warn(node.mark, "this rule does nothing", "give it `set:` or another action, or remove it")
    target = constant(actions.get("runbook"))
    if target is not None and not link(target):
        findings.problem(node.at("set", "runbook").mark, "is not a link that people can follow", "write https://...")
    _report_doubtful_key(written, findings)


def _report_doubtful_key(written: Written, findings: Findings) -> None:
    rule = written.rule
    for action in ("dedup_key", "key_labels"):
        if action in rule.actions and rule.asks:
            message = "what this rule asks is asked of the dedup key that the other rules give, not of this one"
            findings.warn(written.action(action).mark, message, "set the key in a rule without when_open and rate")
    if "dedup_key" in rule.actions and "key_labels" in rule.actions:
        message = "key_labels are added to the default dedup key, and this rule sets another one"
        findings.warn(written.action("key_labels").mark, message, "write the labels into dedup_key, as {label|}")
