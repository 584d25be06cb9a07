"""The table of limits in config/README.md says what the code does, and each limit has a metric and a test."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

from tocsin.conf.duration import parse_duration
from tocsin.conf.settings import LimitSettings, Settings, WebhookSettings
from tocsin.telemetry.catalogue import CATALOGUE

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "config/README.md").read_text().partition("\n## Limits\n")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in SECTION.partition("\n## ")[0].splitlines()
    if line.startswith("| ")
][1:]


def code(cell: str) -> str:
    """What stands in a cell as code."""
    found = re.fullmatch(r"`([^`]+)`", cell)
    assert found, cell
    return found[1]


def default_of(where: str) -> object:
    """The default of a setting, or the value of a constant (``module: Class.name``)."""
    if ": " in where:
        module, name = where.split(": ")
        return reduce(getattr, name.split("."), import_module(module))
    return reduce(getattr, where.split("."), Settings())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_a_limit_is_what_the_code_says(row: list[str]) -> None:
    _, _, bound, where, *_ = row
    default = default_of(code(where))
    written = code(bound)
    is_duration = re.fullmatch(r"[0-9]+(ms|s|m|h|d)", written)
    assert default == (parse_duration(written) if is_duration else type(default)(written))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_what_happens_beyond_a_limit_is_said_counted_and_tested(row: list[str]) -> None:
    *_, beyond, metric, shown = row
    assert beyond
    assert code(metric) in {each.name for each in CATALOGUE}
    file, name = code(shown).split(": ")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("section", [("limits", LimitSettings), ("webhook", WebhookSettings)], ids=lambda s: s[0])
def test_every_setting_that_limits_somebody_has_its_row(section: tuple[str, type[LimitSettings]]) -> None:
    name, model = section
    assert {f"{name}.{key}" for key in model.model_fields} <= {code(row[3]) for row in ROWS}
