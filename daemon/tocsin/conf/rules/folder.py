"""The rules directory as a whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tocsin.conf.keys import key_hint
from tocsin.conf.rules.reader import RuleReader
from tocsin.conf.rules.tables import Tables
from tocsin.conf.rules.written import Written
from tocsin.conf.source import Findings, Mark, Node, read_yaml
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rules import RuleSet
from tocsin.core.suggestions import nearest

_TOP = ("tables", "rules")


class Folder(NamedTuple):
    """The content of a rules directory, as far as it can be read."""

    rules: tuple[Written, ...]
    """In order, each with its position."""
    tables: Tables
    may_take_everything: bool
    """Set if a rule matches every alert, or if one that cannot be read might."""


def load_rules(
    directory: Path, playbooks: Mapping[str, Playbook], default_playbook: str, findings: Findings
) -> RuleSet | None:
    """Read every ``*.yaml`` of a directory, in the order of their names.

    Args:
        directory: Its subdirectories are not read.
        playbooks: The names that rules may use. The caller reports a missing default.
        default_playbook: For alerts that no rule assigns to one.
        findings: Receives all mistakes; none is raised.

    Returns:
        The rules; None if there is a problem, including earlier ones, or no default playbook.
    """
    folder = read_folder(directory, playbooks, findings)
    if findings.problems or default_playbook not in playbooks:
        return None
    return rule_set(folder, playbooks, default_playbook)


def rule_set(folder: Folder, playbooks: Mapping[str, Playbook], default_playbook: str) -> RuleSet:
    """Return the rules of a directory, ready to evaluate alerts.

    Raises:
        UnknownName: There is not a default playbook.
    """
    levels = {
        name: [level.name for level in sorted(playbook.levels, key=lambda level: level.rank)]
        for name, playbook in playbooks.items()
    }
    unrouted = {name: playbook.unrouted for name, playbook in playbooks.items()}
    return RuleSet([written.rule for written in folder.rules], default_playbook, levels, unrouted)


def read_folder(directory: Path, playbooks: Mapping[str, Playbook], findings: Findings) -> Folder:
    """Return the content of a directory; mistakes are reported to ``findings``."""
    files = _files(directory, findings)
    tops = [top for top in (_top(path, findings) for path in files) if top is not None]
    tables = Tables(findings)
    for top in tops:
        tables.read(top.child("tables"))
    reader = RuleReader(playbooks, tables, findings)
    for top in tops:
        reader.read(top.child("rules"))
    may_take_everything = reader.may_take_everything or len(tops) < len(files)
    folder = Folder(tuple(reader.rules), tables, may_take_everything)
    if files:
        tables.report_unused()
        if not folder.may_take_everything:
            hint = "add a first rule with `match: {}` that sets the defaults; later rules override them"
            findings.problem(Mark(str(directory)), "no rule takes every alert", hint)
    return folder


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


def _top(path: Path, findings: Findings) -> Node | None:
    """Return the mapping at the top of a file; None if it is unreadable or has neither rules nor tables."""
    top = read_yaml(path, findings)
    if top is None or top.broken:
        return None
    if not isinstance(top.value, dict):
        findings.problem(top.mark, "a mapping is expected here", "begin the file with `rules:`")
        return None
    for key, child in top.value.items():
        if key not in _TOP:
            findings.problem(child.head, f"unknown key {key!r}", key_hint(key, _TOP))
    if not top.value.keys() & set(_TOP):
        if not any(nearest(key, _TOP) for key in top.value):
            findings.problem(top.mark, "'rules' is missing", "begin the file with `rules:`")
        return None
    return top
