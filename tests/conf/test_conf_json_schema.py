"""The JSON Schemas for editors are up to date and agree with the code's validation."""

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from conf.editor import SCHEMAS, mistakes_seen
from conf.workbench import SHIPPED
from tocsin.conf.duration import DURATION_SCHEMA, SIZE_SCHEMA, parse_size
from tocsin.conf.json_schema import model_schema
from tocsin.conf.settings import TokenSettings
from tocsin.core.duration import parse_duration
from tocsin.core.matching.condition import COLUMNS
from tocsin.core.rules.action import ACTIONS

ROOT = SHIPPED.parent
FIXTURES = ROOT / "tests" / "fixtures"
MADE: dict[str, str] = runpy.run_path(str(ROOT / ".ci" / "schemas"))["content"]()
WRITTEN = sorted((SHIPPED / "schemas").iterdir())

SCHEMA_OF = {
    "config/tocsin.yaml": "tocsin.json",
    "config/people.yaml": "people.json",
    "config/playbooks/*.yaml": "playbook.json",
    "config/windows.yaml": "windows.json",
    "rules/*.yaml": "rules.json",
    "rules/tests/**/*.yaml": "rule-tests.json",
}
SHIPPED_FILES = [(path, schema) for pattern, schema in SCHEMA_OF.items() for path in sorted(ROOT.glob(pattern))]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft7Validator.check_schema(SCHEMAS[name])


def test_the_schemas_that_are_shipped_are_those_of_the_code() -> None:
    assert {path.name for path in WRITTEN} == set(SCHEMAS)
    for name, text in MADE.items():
        assert (SHIPPED / "schemas" / name).read_text() == text, "run `make schemas`"


def test_every_key_of_the_shipped_schemas_says_what_it_means() -> None:
    mute = {(name, *path) for name, text in MADE.items() for path in keys_without_words(json.loads(text))}
    sections = {
        "store",
        "webhook",
        "self",
        "inbound",
        "log",
        "delivery",
        "defaults",
        "limits",
        "reports",
        "pagerduty",
        "slack",
        "twilio",
        "set",
    }
    sections |= {"storm", "flapping"}
    plain = {
        "kind",
        "channel",
        "table",
        "by",
        "more_than",
        "within",
        "rules",
        *COLUMNS,
        "people",
        "groups",
        "targets",
        "rotations",
    }
    plain |= {
        "rotations",
        "again_after",
        "digest_every",
        "windows",
        "tests",
        "at",
        "who",
        "tier",
        "alert",
        "incident",
        "annotations",
        "source",
    }
    assert {
        path for path in mute if path[-1] not in sections | plain and not path[-1].startswith(("key_", "secret_"))
    } == set()


def keys_without_words(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(schema, list):
        for each in schema:
            yield from keys_without_words(each, path)
    if isinstance(schema, dict):
        properties = schema.get("properties", {}) if "additionalProperties" in schema else {}
        yield from ((*path, key) for key, form in properties.items() if "description" not in form)
        for key, each in schema.items():
            yield from keys_without_words(each, (*path, key))


def test_make_schemas_writes_what_is_there() -> None:
    before = {path: (path.read_text(), path.stat().st_mtime_ns) for path in WRITTEN}
    told = subprocess.run(
        [sys.executable, ROOT / ".ci" / "schemas"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert sorted(told.split()) == [f"config/schemas/{path.name}" for path in WRITTEN]
    assert {path: path.read_text() for path in WRITTEN} == {path: text for path, (text, _) in before.items()}


@pytest.mark.parametrize(("path", "schema"), SHIPPED_FILES, ids=lambda value: getattr(value, "name", value))
def test_a_shipped_file_names_its_schema_and_is_as_that_wants_it(path: Path, schema: str) -> None:
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert named, f"{path} does not begin with the line that tells editors its schema"
    assert (path.parent / named[1]).resolve() == SHIPPED / "schemas" / schema
    assert mistakes_seen(schema, path.read_text()) == []


def test_every_shipped_file_that_tocsin_reads_has_a_schema() -> None:
    foreign = {SHIPPED / part for part in ("prometheus", "grafana", "deploy", "slack")}
    written = [*SHIPPED.rglob("*.yaml"), *(ROOT / "rules").rglob("*.yaml")]
    ours = {path for path in written if not foreign.intersection(path.parents)}
    assert ours == {path for path, _ in SHIPPED_FILES}


def test_what_one_model_describes_is_a_file_of_its_own() -> None:
    schema = model_schema("config/token.yaml: a token", TokenSettings)
    assert (schema["title"], schema["required"]) == ("config/token.yaml: a token", ["name", "scopes"])
    validator = Draft7Validator(schema)
    assert validator.is_valid({"name": "a", "scopes": ["read"], "token_env": "T"})
    assert not validator.is_valid({"name": "a", "scopes": ["read"]})
    assert not validator.is_valid({"name": "a", "scopes": ["read"], "token_env": "T", "token_file": "t"})


@pytest.mark.parametrize("file", ["tocsin.yaml", "people.yaml", "playbooks/ops.yaml"])
def test_a_configuration_without_a_mistake_is_as_its_schema_wants_it(file: str) -> None:
    schema = f"{Path(file).stem}.json" if "/" not in file else "playbook.json"
    assert mistakes_seen(schema, (FIXTURES / "check" / "config" / file).read_text()) == []


def rules_of_the_readme() -> Iterator[str]:
    yield from re.findall(
        r"```yaml\n((?:rules|tables):\n.*?)```", (ROOT / "rules" / "README.md").read_text(), re.DOTALL
    )


@pytest.mark.parametrize("text", list(rules_of_the_readme()))
def test_the_rules_of_the_readme_are_as_the_schema_wants_them(text: str) -> None:
    assert mistakes_seen("rules.json", text) == []


def test_every_action_is_in_the_schema_with_its_meaning() -> None:
    rule = SCHEMAS["rules.json"]["properties"]["rules"]["items"]["properties"]
    told = {**rule, **rule["set"]["properties"]}
    for action in ACTIONS.values():
        assert told[action.name]["description"].startswith(action.meaning)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_example_of_an_action_is_as_the_schema_wants_it(action: str) -> None:
    line = f"{action}: {ACTIONS[action].example}"
    rule = SCHEMAS["rules.json"]["properties"]["rules"]["items"]["properties"]
    under = f"set:\n      {line}" if action in rule["set"]["properties"] else line
    assert mistakes_seen("rules.json", f"rules:\n  - name: a\n    match: {{}}\n    {under}\n") == []


UNSEEN = (
    "is not a tracker: no ticket is opened",
    "says not which flags it waits for",
    "says not which facts it waits for",
    "has facts: without at",
    "has labels: without tracker",
    *(
        "is neither",
        "there is no",
        "no playbook",
        "the name",
        "already the name",
        "same email",
        "is configured",
        "'routing_key'",
    ),
    *(
        "exclude",
        "bad matcher",
        "bad placeholder",
        "pages no one",
        "numbered",
        "no step notifies tier 1",
        "no such label",
    ),
    *("alias", "given twice", "base 60", "an unquoted", "dedup key", "no alert", "never counts", "may be paged"),
    "there is another",
    *("no severity's matrix", "no rule ", "not taken", "expensive", "has no '", "nothing says", "does nothing"),
    *("is not a person", "has no matcher", "a heartbeat", "playbook ops has no", "cannot depend", "is not a link"),
    *(
        "within no time",
        "gets pages and nothing else",
        "names no target of this severity",
        "close to",
        "which is invisible",
    ),
)
"""Faults that only `tocsin check` sees, because they take more than one value, or YAML itself."""


def entries() -> Iterator[tuple[str, str, str]]:
    """(schema, text of the file, what check tells) of the mistakes that a schema can see."""
    for entry in (FIXTURES / "check" / "mistakes.txt").read_text().strip().split("\n\n")[1:]:
        _, file, *edits, told = entry.splitlines()
        if any(part in told for part in UNSEEN):
            continue
        old, new = ("\n".join(line[2:] for line in edits if line.startswith(sign)) for sign in ("- ", "+ "))
        schema = next(schema for pattern, schema in SCHEMA_OF.items() if Path(file).match(pattern))
        yield schema, (FIXTURES / "check" / file).read_text().replace(old, new), told
    for entry in (FIXTURES / "rules" / "mistakes.txt").read_text().strip().split("\n\n")[1:]:
        rule, told = entry.splitlines()
        if not any(part in told for part in UNSEEN):
            yield "rules.json", f"rules:\n{rule}\n", told


@pytest.mark.parametrize(
    ("schema", "text", "told"), list(entries()), ids=lambda value: value if ":" in value[:20] else ""
)
def test_a_mistake_of_form_is_seen_by_the_schema_too(schema: str, text: str, told: str) -> None:
    assert mistakes_seen(schema, text), told


@pytest.mark.parametrize(
    "text", ["", "5", "5m", "1h30m", "30m1h", "1d2h3m4s5ms", "1000000s", "1.5h", "-1m", "5 m", "0s", "m", "٣m"]
)
def test_the_schema_takes_the_same_durations_as_the_daemon(text: str) -> None:
    assert (not list(Draft7Validator(DURATION_SCHEMA).iter_errors(text))) == _is_read(parse_duration, text)


@pytest.mark.parametrize("text", ["", "16MiB", "16", "16MB", "1B", "1 KiB", "1KiB", "99GiB"])
def test_the_schema_takes_the_same_sizes_as_the_daemon(text: str) -> None:
    assert (not list(Draft7Validator(SIZE_SCHEMA).iter_errors(text))) == _is_read(parse_size, text)


def _is_read(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
