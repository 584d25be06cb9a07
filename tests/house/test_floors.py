"""The structure of the code: floors, small files, tests that do not sleep."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "daemon" / "tocsin"
LONGEST = 450
"""Lines of a file."""

CODE = sorted(path for top in (PACKAGE, REPOSITORY / "tests") for path in top.rglob("*.py"))


def test_each_floor_imports_only_floors_below_it() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    said = subprocess.run(
        [linter, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert "0 broken" in said.stdout


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, modules: Mapping[str, Path]) -> Iterator[str]:
    """The modules that a file imports, wherever it does: also for types only, and inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (each for each in (name if name in modules else node.module,) if each in modules)


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """The files of one import circle; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_two_files_import_each_other() -> None:
    modules = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    graph = {name: {*imported(ast.parse(path.read_text()), modules)} - {name} for name, path in modules.items()}

    assert sum(map(len, graph.values())) > len(modules), "the walk finds what is imported"
    assert circle(graph) == []


@pytest.mark.parametrize(
    "code",
    [
        "from tocsin.b import thing",
        "from tocsin import b",
        "import tocsin.b",
        "if TYPE_CHECKING:\n    from tocsin.b import Thing",
        "def later():\n    from tocsin.b import thing",
    ],
)
def test_a_circle_would_be_seen(code: str) -> None:
    modules = dict.fromkeys(("tocsin", "tocsin.a", "tocsin.b"), PACKAGE)
    graph = {"tocsin.a": {*imported(ast.parse(code), modules)}, "tocsin.b": {"tocsin.a"}}

    assert {*circle(graph)} == {"tocsin.a", "tocsin.b"}


def test_the_daemon_folder_is_a_source_root_and_no_package() -> None:
    assert not (REPOSITORY / "daemon" / "__init__.py").exists()


def test_no_file_is_too_long_to_read() -> None:
    assert CODE
    too_long = {
        str(path.relative_to(REPOSITORY)): lines
        for path in CODE
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }

    assert too_long == {}


def test_every_package_says_what_it_is() -> None:
    silent = [path for path in PACKAGE.rglob("*.py") if not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_test_files_have_names_of_their_own() -> None:
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]

    assert len(names) == len(set(names))


def sleeps(tree: ast.AST) -> list[int]:
    """The lines that wait for time to pass; ``sleep(0)`` only lets others run."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            only_yields = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if name == "sleep" and not only_yields:
                found.append(node.lineno)
    return found


def test_no_test_sleeps() -> None:
    real = {"e2e", "chaos", "bench"}  # they drive real processes against real time
    found = {
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in (REPOSITORY / "tests").rglob("*.py")
        if not real & set(path.relative_to(REPOSITORY).parts)
        for line in sleeps(ast.parse(path.read_text()))
    }

    assert found == set()


@pytest.mark.parametrize(("code", "lines"), [("time.sleep(1)", [1]), ("await asyncio.sleep(0)", []), ("sleep(x)", [1])])
def test_a_sleep_would_be_seen(code: str, lines: list[int]) -> None:
    assert sleeps(ast.parse(code)) == lines


def test_a_type_that_threads_decode_has_one_decoder_made_at_import() -> None:
    # Made on first use by two threads at once, msgspec 0.22 crashes the process. The edges run in one thread.
    found = {
        f"{path.relative_to(PACKAGE)}:{call.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"web", "cli", "testing"}
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"decode", "convert"}
        and any(keyword.arg == "type" for keyword in call.keywords)
    }
    assert found == set()
