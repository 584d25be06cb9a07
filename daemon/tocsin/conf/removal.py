"""Removal of a playbook together with the rules, templates and tests that only it uses.

The removal changes the text of the files, so that the rest keeps its comments and order.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Changes = Mapping[Path, str | None]
"""The new text of each changed file; None: delete it."""

_TEMPLATE = re.compile(r"[\w.-]+")


def removal(name: str, config_dir: Path, rules_dir: Path, default: str = "") -> dict[Path, str | None]:
    """Return the changes that remove the playbook ``name``; write nothing.

    ``default``: the new default playbook, in tocsin.yaml and in rules for all alerts; "" keeps the default.
    """
    playbook = config_dir / "playbooks" / f"{name}.yaml"
    changes: dict[Path, str | None] = {playbook: None}
    changes |= dict.fromkeys(_own_templates(name, config_dir))
    if default:
        changes[config_dir / "tocsin.yaml"] = _with_default(config_dir / "tocsin.yaml", name, default)
    for path in sorted(rules_dir.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        renamed = _with_other_playbook(text, name, default) if default else text
        shorter, left = without_items(renamed, "rules", lambda rule: _is_rule_for(rule, name))
        if shorter != text:
            changes[path] = shorter if left else None
    for path in sorted((rules_dir / "tests").rglob("*.yaml")):
        if path.stem == name:
            changes[path] = None
        else:
            changes |= _without(path, "tests", lambda test: _names_playbook(test, name))
    return changes


def apply(changes: Changes) -> None:
    """Write the changed files, and delete those no longer needed."""
    for path, text in changes.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")


def without_items(text: str, key: str, is_unwanted: Callable[[Any], bool]) -> tuple[str, int]:
    """Return (a YAML text without some items of the list under ``key``, the number of the items left).

    The comments and blank lines above an item are removed with the item.
    """
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    result = next((pair for pair in top.value if pair[0].value == key), None) if top is not None else None
    if result is None or result[1].flow_style:
        return text, -1
    head, items = result
    lines = text.splitlines(keepends=True)
    kept = list(lines)
    left = 0
    begin = head.end_mark.line + 1
    for node, value in zip(items.value, yaml.safe_load(text)[key], strict=True):
        end = _end_of(node, lines)
        if is_unwanted(value):
            kept[begin:end] = [""] * (end - begin)
        else:
            left += 1
        begin = end
    return "".join(kept), left


def _end_of(node: Any, lines: list[str]) -> int:
    """Return the line number of the end of an item, without the blank lines and comments that PyYAML adds to it."""
    end: int = node.end_mark.line + (1 if node.flow_style else 0)
    while end > node.start_mark.line + 1 and re.fullmatch(r"\s*(#.*)?\n?", lines[end - 1]):
        end -= 1
    return end


def _without(path: Path, key: str, is_unwanted: Callable[[Any], bool]) -> Iterator[tuple[Path, str | None]]:
    text = path.read_text(encoding="utf-8")
    shorter, left = without_items(text, key, is_unwanted)
    if shorter != text:
        yield path, shorter if left else None


def _with_default(path: Path, name: str, default: str) -> str:
    """Return tocsin.yaml with another default playbook; add the key if it is missing."""
    text = path.read_text(encoding="utf-8")
    line = re.compile(rf"""^playbook:[ \t]+(["']?){re.escape(name)}\1""", re.MULTILINE)
    if line.search(text):
        return line.sub(f"playbook: {default}", text)
    return f"{text.rstrip()}\n\nplaybook: {default}\n".lstrip()


def _with_other_playbook(text: str, name: str, default: str) -> str:
    """Return the text of rules in which a rule for all alerts chooses ``default`` in place of ``name``."""
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    rules = _at(top, "rules")
    marks = []
    for rule in rules.value if rules is not None else ():
        match, chosen = _at(rule, "match"), _at(_at(rule, "set"), "playbook")
        if match is not None and match.value == [] and chosen is not None and chosen.value == name:
            marks.append((chosen.start_mark.index, chosen.end_mark.index))
    for start, end in reversed(marks):
        text = text[:start] + default + text[end:]
    return text


def _at(node: Any, key: str) -> Any:
    """Return the node at a key of a mapping; None if the key is missing."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _is_rule_for(rule: Any, name: str) -> bool:
    """Return whether a rule chooses the playbook, or matches only alerts that have chosen it."""
    sets = rule.get("set") or {}
    label = f'playbook="{name}"'
    match = rule.get("match")
    matches = label in match.replace(" ", "") if isinstance(match, str) else (match or {}).get("playbook") == name
    return sets.get("playbook") == name or matches


def _names_playbook(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return value.get("playbook") == name or any(_names_playbook(inner, name) for inner in value.values())
    return isinstance(value, list) and any(_names_playbook(inner, name) for inner in value)


def _own_templates(name: str, config_dir: Path) -> Iterator[Path]:
    """Yield the templates that only this playbook names, and unused templates with the name of the playbook."""
    named: dict[str, set[str]] = {}
    for path in (config_dir / "playbooks").glob("*.yaml"):
        named[path.stem] = set(_TEMPLATE.findall(path.read_text(encoding="utf-8")))
    others = set().union(*(words for playbook, words in named.items() if playbook != name))
    for path in sorted((config_dir / "templates").glob("*.md.j2")):
        template = path.name.removesuffix(".md.j2")
        if template not in others and (template in named.get(name, ()) or template.startswith(f"{name}-")):
            yield path
