"""Rules that decide nothing: that no alert can match, or that no alert comes as far as."""

from collections.abc import Sequence

from tocsin.conf.lint.condition import Broader, alternatives
from tocsin.conf.lint.implication import contradiction
from tocsin.conf.source import Findings
from tocsin.conf.written import WrittenRule


def dead_rules(rules: Sequence[WrittenRule], findings: Findings) -> frozenset[int]:
    """Tell of them; their indexes are returned, so that nothing else is said about them."""
    impossible = {index for index, written in enumerate(rules) if _tell_contradiction(written, findings)}
    stopping = [index for index, (rule, _) in enumerate(rules) if rule.stops and index not in impossible]
    broader = Broader([rule for rule, _ in rules], stopping)
    shadowed = set()
    for index, written in enumerate(rules):
        if index in impossible:
            continue
        earlier = next(broader.of(index, range(index)), None)
        if earlier is not None:
            shadowed.add(index)
            _tell_shadow(written, rules[earlier], findings)
    return frozenset(impossible | shadowed)


def _tell_contradiction(written: WrittenRule, findings: Findings) -> bool:
    clashes = [contradiction(matchers) for matchers in alternatives(written.rule)]
    if not all(clashes):
        return False
    told = f"no alert can match this rule: {' and '.join(map(str, clashes[0]))} exclude each other"
    findings.warn(written.where(clashes[0][-1]), told, "correct one of them, or remove the rule")
    return True


def _tell_shadow(written: WrittenRule, earlier: WrittenRule, findings: Findings) -> None:
    what = "whatever this one does" if earlier.rule.matchers else "every alert"
    told = f"no alert comes as far as this rule: {earlier.rule.name!r} matches {what} and stops"
    findings.warn(written.node.mark, told, f"see {earlier.place}")
