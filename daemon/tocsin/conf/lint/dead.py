"""Rules that decide nothing: that no alert can match, or that no alert comes as far as."""

from collections.abc import Sequence

from tocsin.conf.lint.condition import Broader
from tocsin.conf.lint.implication import contradiction
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings


def dead_rules(rules: Sequence[Written], findings: Findings) -> frozenset[int]:
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


def _tell_contradiction(written: Written, findings: Findings) -> bool:
    """Tell if no alert can match the rule, or an entry of its ``any``; returns whether it is the whole rule."""
    clashes = [contradiction(clause) for clause in written.rule.clauses]
    is_dead = all(clashes)
    what = "this rule" if is_dead else "this entry of `any`"
    for clash in clashes[:1] if is_dead else filter(None, clashes):
        told = f"no alert can match {what}: {' and '.join(map(str, clash))} exclude each other"
        findings.warn(written.where(clash[-1]), told, "correct one of them, or remove it")
    return is_dead


def _tell_shadow(written: Written, earlier: Written, findings: Findings) -> None:
    what = "every alert" if earlier.rule.matches_everything else "whatever this one does"
    told = f"no alert comes as far as this rule: {earlier.rule.name!r} matches {what} and stops"
    findings.warn(written.node.mark, told, f"see {earlier.place}")
