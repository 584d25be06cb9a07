"""The table of limits in config/README.md agrees with the code, and no limit of the code is left out."""

import ast
import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

from house.not_limits import NO_INPUT
from scenario.limits_table import ROWS, Row
from tocsin.conf.settings import LimitSettings, Settings, WebhookSettings
from tocsin.core.duration import parse_duration
from tocsin.telemetry.catalogue import CATALOGUE

PACKAGE = Path(__file__).parents[2] / "daemon" / "tocsin"
SHOULD_HAVE_A_ROW = re.compile(
    r"^_?(MAX|MOST|LONGEST|LARGEST|DEEPEST|FURTHEST|KNOWN|KEPT)(_|$)"
    r"|_(LIMIT|BYTES|MOST|KEPT)$|^(LIMIT|DEPTH|LOOPS|STEPS|FACTS|ITEMS|SMALL|NUMBERS|ENTRIES|LINKS)$"
)
NO_DAEMON = {"cli", "testing", "migrations"}


def default_of(where: str) -> object:
    """The default of a setting, or the value of a constant (``module: Class.name``)."""
    if ": " in where:
        module, name = where.split(": ")
        return reduce(getattr, name.split("."), import_module(module))
    return reduce(getattr, where.split("."), Settings())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_limit_is_what_the_code_says(row: Row) -> None:
    if not row.set_by:
        return
    default = default_of(row.set_by)
    is_duration = re.fullmatch(r"[0-9]+(ms|s|m|h|d)", row.bound)
    assert default == (parse_duration(row.bound) if is_duration else type(default)(row.bound))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_limit_says_why_it_cannot_be_set_and_what_counts_it(row: Row) -> None:
    is_setting = bool(row.set_by) and ": " not in row.set_by
    assert is_setting != bool(row.reason), "either a setting, or fixed for a reason"
    assert row.beyond
    assert row.metric.partition("{")[0] in {metric.name for metric in CATALOGUE}


@pytest.mark.parametrize("section", [("limits", LimitSettings), ("webhook", WebhookSettings)], ids=lambda s: s[0])
def test_every_limit_setting_has_its_row(section: tuple[str, type[LimitSettings]]) -> None:
    name, model = section
    assert {f"{name}.{key}" for key in model.model_fields} <= {row.set_by for row in ROWS.values()}


def constants() -> set[str]:
    """Return the constants of the daemon that are called as limits are, as ``module: NAME``."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE.parent).with_suffix("")
        if NO_DAEMON & set(module.parts):
            continue
        name = ".".join(module.parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper() and SHOULD_HAVE_A_ROW.search(target.id):
                    found.add(f"{name}: {target.id}")
    return found


def is_in(name: str, place: str) -> bool:
    """Return whether a constant is named by a place: itself, or everything in a module or package."""
    return name == place or (place.endswith(".") and name.replace(": ", ".").startswith(place))


def test_every_limit_of_the_code_has_its_row_or_a_reason_why_not() -> None:
    with_row = {row.set_by.removesuffix(".days") for row in ROWS.values()}
    found = {name for name in constants() - with_row if not any(is_in(name, place) for place in NO_INPUT)}
    assert found == set()


def test_no_reason_is_left_of_a_limit_that_is_gone() -> None:
    known = constants()
    assert [place for place in NO_INPUT if not any(is_in(name, place) for name in known)] == []
