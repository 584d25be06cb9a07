"""What a rule says, compared with the playbooks and with itself. How rules go together is for `tocsin.conf.lint`."""

from collections.abc import Mapping

from tocsin.conf.rules.values import constant
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Mark
from tocsin.core.playbook import Playbook
from tocsin.core.suggestions import did_you_mean
from tocsin.core.verdict import link


class _Names:
    """What one rule may name."""

    def __init__(self, playbooks: Mapping[str, Playbook], chosen: str | None, findings: Findings) -> None:
        self._candidates = [playbooks[chosen]] if chosen is not None else list(playbooks.values())
        self._where = f"playbook {chosen} has no" if chosen is not None else "no playbook has a"
        self._tell = findings.problem

    def level(self, name: str | None, place: Mark) -> None:
        if name is not None and not any(playbook.has_level(name) for playbook in self._candidates):
            known = [level.name for playbook in self._candidates for level in playbook.levels]
            self._tell(place, f"{self._where} severity {name!r}", did_you_mean(name, known))

    def flag(self, name: str, place: Mark) -> None:
        known = [flag for playbook in self._candidates for flag in playbook.flags]
        if name not in known:
            self._tell(place, f"{self._where} flag {name!r}", did_you_mean(name, known))


def tell_unknown_names(written: Written, playbooks: Mapping[str, Playbook], findings: Findings) -> None:
    """Tell of playbooks, severities and flags that do not exist."""
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
    _tell_unknown_conditions(written, playbooks, findings)


def _tell_unknown_conditions(written: Written, playbooks: Mapping[str, Playbook], findings: Findings) -> None:
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


def tell_nonsense(written: Written, findings: Findings) -> None:
    """Tell of what does not fit together within one rule."""
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
        findings.problem(node.at("set", "runbook").mark, "is no link that people can follow", "write https://...")
    _tell_doubtful_key(written, findings)


def _tell_doubtful_key(written: Written, findings: Findings) -> None:
    rule = written.rule
    for action in ("dedup_key", "key_labels"):
        if action in rule.actions and rule.asks:
            told = "what this rule asks is asked of the dedup key that the other rules give, not of this one"
            findings.warn(written.action(action).mark, told, "set the key in a rule without when_open and rate")
    if "dedup_key" in rule.actions and "key_labels" in rule.actions:
        told = "key_labels are added to the default dedup key, and this rule sets another one"
        findings.warn(written.action("key_labels").mark, told, "write the labels into dedup_key, as {label|}")
