"""The targets of the rows of config/playbooks/README.md: settings by their names, and the tests that perform them."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from tocsin.cli.main import cli
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
TESTS = ROOT / "tests"
STEP = re.compile(r"([^.\[\]]+)|\[([^\]]+)\]")
"""One step of a path: a key, or an item of a list by its name."""


@cache
def content(path: Path) -> Any:
    """Return a file with every key and every value as a text: `on` is a key here, and no truth."""
    return yaml.load(path.read_text(), yaml.BaseLoader)  # it makes nothing but texts


def _file_of(name: str) -> Path:
    """Return rules and configuration by their path; a playbook by its name alone."""
    playbook = CONFIG / "playbooks" / name
    return playbook if playbook.exists() else (ROOT if name.startswith("rules/") else CONFIG) / name


# Names of items.


def _listed(words: str | list[str], by: str = ", ") -> str:
    return words if isinstance(words, str) else by.join(words)


def _action(item: dict[str, Any]) -> str:
    """Return `erlmcp-notification to incidents, stakeholders at declared`, `jira at declared, updated, resolved`."""
    what = next(item[verb] for verb in ("message", "tracker", "automation") if verb in item)
    to = f" to {_listed(item['to'])}" if "to" in item else ""
    moment = next(f" {key} {_listed(item[key])}" for key in ("at", "fact") if key in item)
    return f"{what}{to}{moment}"


def _step(item: dict[str, Any]) -> str:
    """Return `tier 2 after respond_within when customer_facing to product`, `tier 3 on declared`."""
    moment = "".join(
        f" {key} {_listed(item[key], ' or ')}" for key in ("after", "on", "flagged", "when") if key in item
    )
    to = f" to {_listed(item['targets'])}" if "targets" in item else ""
    return f"tier {item['tier']}{moment}{to}"


def name_of(item: Any) -> str:
    """Return the name of an item of a list: its own, its first words, or what it does and when."""
    if not isinstance(item, dict):
        return str(item)
    for key in ("name", "ask", "text"):
        if key in item:
            return str(item[key])
    return _step(item) if "tier" in item else _action(item)


def named(items: list[Any], words: str) -> Any:
    """Return the item with this name, or the only one whose name begins with these words.

    Raises:
        LookupError: There is none, there are several, or the words are a number.
    """
    if words.isdigit():
        msg = f"[{words}] is a place and no name: it would lead elsewhere after the next change"
        raise LookupError(msg)
    exact = [item for item in items if name_of(item) == words]
    found = exact or [item for item in items if re.match(rf"{re.escape(words)}(?![\w-])", name_of(item))]
    if len(found) != 1:
        msg = f"[{words}] is the name of {len(found)} of: {'; '.join(map(name_of, items))}"
        raise LookupError(msg)
    return found[0]


def follow(at: Any, path: str) -> Any:
    """Return what stands at a path.

    Raises:
        LookupError: Nothing does.
    """
    for key, item in STEP.findall(path):
        at = at[key] if key else named(at, item)
    return at


def leads_somewhere(pointer: str) -> bool:
    """Return whether there is such a setting, file, rule, metric or command."""
    if pointer.startswith("tocsin "):
        command: click.Command | None = cli
        for verb in pointer.split()[1:]:
            command = command.get_command(click.Context(command), verb) if isinstance(command, click.Group) else None
        return command is not None
    if pointer.startswith(PREFIX):
        return pointer.removeprefix(PREFIX) in {metric.name for metric in CATALOGUE}
    name, _, path = pointer.partition(": ")
    file = _file_of(name)
    if not path:
        return file.is_file()
    if name.startswith("rules/"):
        return path in {rule["name"] for rule in content(file)["rules"]}
    try:
        follow(content(file), path)
    except (LookupError, TypeError, FileNotFoundError):
        return False
    return True


# Tests.


@cache
def _definitions(path: Path) -> dict[str, str]:
    """Return the source of each function, class, constant and import of a module, by the names that it gives."""
    source = path.read_text()
    lines = source.splitlines()
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        text = "\n".join(lines[first - 1 : node.end_lineno])
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [node.name]
            case ast.Import() | ast.ImportFrom():
                module = getattr(node, "module", "")
                found |= {one.asname or one.name: f"{module}.{one.name}" for one in node.names}
                continue
            case ast.Assign() | ast.AnnAssign():
                names = [
                    one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
                ]
            case _:
                continue
        found |= dict.fromkeys(names, text)
    return found


@cache
def _known(path: Path) -> dict[str, tuple[Path, str]]:
    """Return what a test module and the conftest.py of its folders define: name to the module and the source."""
    folders = [folder for folder in (path.parent, *path.parent.parents) if folder.is_relative_to(TESTS)]
    modules = [folder / "conftest.py" for folder in reversed(folders)]
    found = {}
    for module in [*(one for one in modules if one.exists()), path]:
        found |= {name: (module, text) for name, text in _definitions(module).items()}
    return found


@cache
def _source_with_what_it_uses(path: Path, function: str) -> str:
    """Return a test with all that it names in its module, in the conftest.py of its folders and in helpers of tests."""
    used: dict[tuple[Path, str], str] = {}
    todo = [(path, function)]
    while todo:
        file, name = todo.pop()
        module, text = _known(file).get(name, (file, ""))
        if not text or (module, name) in used:
            continue
        used[module, name] = text
        imported, _, original = text.rpartition(".")
        helper = TESTS / f"{imported.replace('.', '/')}.py" if re.fullmatch(r"[\w.]+", text) else TESTS
        if helper.is_file():
            todo.append((helper, original))
        else:
            todo += [(module, word) for word in re.findall(r"\w+", text)]
    return "\n".join(used.values())


EACH_PLAYBOOK = re.compile(r"(?:\bin |\bsorted\()+(?:shipped|bundle)\(\)\.playbooks(?!\[)")
"""A test that goes through all shipped playbooks is about each."""


def _mentions(playbook: str, text: str) -> bool:
    """Return whether a test speaks of a playbook: by its name, of each, or through tests/scenario/emergency.py."""
    by_name = re.search(rf"(?<![\w-]){re.escape(playbook)}(?![\w-])", text)
    through_a_module = playbook == "emergency-response" and re.search(r"\bscenario\.emergency\b", text)
    return bool(by_name or through_a_module or EACH_PLAYBOOK.search(text))


def problem_of_test(playbook: str, pointer: str) -> str:
    """Return why a pointer is to no test that performs an obligation of the playbook; "" if it is to one."""
    path, _, function = pointer.partition("::")
    if function:
        file = ROOT / path
        if not (path.startswith("tests/") and file.is_file()):
            return f"there is no {path}"
        if not function.startswith("test_") or function not in _definitions(file):
            return f"{path} has no test {function}"
        is_about = _mentions(playbook, _source_with_what_it_uses(file, function))
        return "" if is_about else f"{function} does not speak of {playbook}"
    path, _, case = pointer.partition(": ")
    file = ROOT / path
    if not (path.startswith("rules/tests/") and file.is_file()):
        return f"there is no {path}"
    try:
        found = named(content(file)["tests"], case)
    except LookupError as error:
        return str(error)
    is_about = file.stem.startswith(playbook) or _mentions(playbook, str(found))
    return "" if is_about else f"{case} does not speak of {playbook}"
