"""Rules without effect, because no alert can match or reach them."""

from collections.abc import Sequence

from tocsin.conf.lint.condition import Broader
from tocsin.conf.lint.implication import contradiction
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings


def dead_rules(rules: Sequence[Written], findings: Findings) -> frozenset[int]:
    """Report the dead rules and return their indexes, so that other lints skip them."""
    impossible = {index for index, written in enumerate(rules) if _report_contradiction(written, findings)}
    stopping = [index for index, (rule, _) in enumerate(rules) if rule.stops and index not in impossible]
    broader = Broader([rule for rule, _ in rules], stopping)
    shadowed = set()
    for index, written in enumerate(rules):
        if index in impossible:
            continue
        earlier = next(broader.of(index, range(index)), None)
        if earlier is not None:
            shadowed.add(index)
            _report_shadow(written, rules[earlier], findings)
    return frozenset(impossible | shadowed)


def _report_contradiction(written: Written, findings: Findings) -> bool:
    """Report a rule, or an entry of its ``any``, that no alert can match; return whether the whole rule is dead."""
    clashes = [contradiction(clause) for clause in written.rule.clauses]
    is_dead = all(clashes)
    what = "this rule" if is_dead else "this entry of `any`"
    for clash in clashes[:1] if is_dead else filter(None, clashes):
        message = f"no alert can match {what}: {' and '.join(map(str, clash))} exclude each other"
        findings.warn(written.where(clash[-1]), message, "correct one of them, or remove it")
    return is_dead


def _report_shadow(written: Written, earlier: Written, findings: Findings) -> None:
    what = "every alert" if earlier.rule.matches_everything else "whatever this one does"
    message = f"no alert comes as far as this rule: {earlier.rule.name!r} matches {what} and stops"
    findings.warn(written.node.mark, message, f"see {earlier.place}")
