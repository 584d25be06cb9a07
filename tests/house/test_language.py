"""Docstrings, comments, command help, metric help and log events are plain technical English."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tocsin.telemetry.catalogue import CATALOGUE, Metric

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "daemon/tocsin"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

NOT_A_VERB_OR_NOUN = re.compile(r"(What|Whether|Whom|Whoever|Who|Which|How|Why|It|Its|Of|With|After)\b")
PHRASES = re.compile(
    r"\b(whoever|whomever|somebody|nobody|anybody"
    r"|draws no lots|hands of its own|had its say|has its say|hardly meant|tells? of (it|them|everything|each)"
    r"|have to do with each other|of somebody else's|comes again|come again|for your word|fires on|never over"
    r"|go on by itself|has it any more|over from now on|in the way)\b",
    re.IGNORECASE,
)
UNNAMED = re.compile(r"\b(whoever|whomever|somebody|nobody|anybody)\b", re.IGNORECASE)
"""Words that name no person; write who is meant."""
SHOWN = sorted(
    path
    for part in ("channels", "core/oncall", "engine/deliver", "engine/explain", "core/matching/matcher_slips.py")
    for path in ([PACKAGE / part] if part.endswith(".py") else (PACKAGE / part).rglob("*.py"))
)
"""Modules whose texts people read."""
CONFIGURATION = sorted(
    path
    for pattern in ("*.yaml", "playbooks/*.yaml", "templates/*.j2", "prometheus/tocsin-alerts.yml")
    for path in (ROOT / "config").glob(pattern)
)
METRIC_HELP = re.compile(
    r"(Number of|Time (from|since|until|without)|Mean time|Unix time|Age of|Share of|Delay of|Duration of"
    r"|Constant 1,|1 if) ?"
)
PAST = r"([a-z]+ed|begun|died|done|found|lost|sent|read|understood)(_(out|over))?"
STATES = frozenset({"serving", "stopping", "disk_full", "commit_process_ready", "store_unavailable"})
EVENT = re.compile(rf"([a-z]+_)*{PAST}|{'|'.join(sorted(STATES))}")
"""A noun and a verb in the past tense (``webhook_rejected``), or a state of the daemon."""
LOG_METHODS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})

POINTS_BACK = re.compile(r"(Both (come|are)|Those|They|One for|Also if|Each with|The same for)\b")
"""Beginnings that refer to something which a reader of this text alone does not see."""
UNITS = frozenset({"Microseconds", "Seconds", "Minutes", "Hours", "Days"})

Text = tuple[str, str]
"""(``file:line``, text)"""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{line}"


def docstrings(path: Path) -> Iterator[Text]:
    """The docstrings of a file, including those of fields and constants."""
    for node in ast.walk(tree_of(path)):
        for statement in getattr(node, "body", ()) if isinstance(getattr(node, "body", None), list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield name_of(path, statement.lineno), text


def is_number(value: ast.expr | None) -> bool:
    """Return whether an expression is a number, also in units of time: ``90 * SECOND``."""
    match value:
        case ast.Constant(value=int() | float()):
            return not isinstance(value.value, bool)
        case ast.BinOp():
            return is_number(value.left) and is_number(value.right)
        case ast.Name(id=name):
            return name.isupper()
    return False


def numbers(path: Path) -> Iterator[Text]:
    """The docstrings of the numbers of a module."""
    body = tree_of(path).body
    for assignment, statement in pairwise(body):
        match assignment, statement:
            case ast.Assign() | ast.AnnAssign(), ast.Expr(value=ast.Constant(value=str(text))):
                if is_number(assignment.value):
                    yield name_of(path, statement.lineno), text


def returns_nothing(path: Path) -> Iterator[Text]:
    """The docstrings of functions that return nothing."""
    for node in ast.walk(tree_of(path)):
        match node:
            case (
                ast.FunctionDef(returns=ast.Constant(value=None))
                | ast.AsyncFunctionDef(returns=ast.Constant(value=None))
            ):
                yield name_of(path, node.lineno), ast.get_docstring(node) or ""


def comments(path: Path) -> Iterator[Text]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield name_of(path, token.start[0]), token.string


def strings(path: Path) -> Iterator[Text]:
    """The string constants of a file, without single words, which are values."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Constant(value=str(text)) if " " in text:
                yield name_of(path, node.lineno), text


def remarks(path: Path) -> Iterator[Text]:
    """The comments of a file of the configuration; of the alert rules all lines, because people read their texts."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if path.suffix == ".yml":
            yield name_of(path, number), line
        elif path.suffix == ".j2":
            yield from ((name_of(path, number), comment) for comment in re.findall(r"\{#.*?#\}", line))
        elif (comment := re.search(r"(^|\s)#.*", line)) is not None:
            yield name_of(path, number), comment[0]


def unnamed(texts: Iterator[Text]) -> list[Text]:
    return [(where, text) for where, text in texts if UNNAMED.search(text) is not None]


def helps(path: Path) -> Iterator[Text]:
    """The texts of the command line's help."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.keyword(arg="help" | "description" | "epilog", value=ast.Constant(value=str(text))):
                yield name_of(path, node.value.lineno), text


def events(path: Path) -> Iterator[Text]:
    """The names of the log events."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Call(func=ast.Attribute(value=logger, attr=method), args=[ast.Constant(value=str(text)), *_]):
                if method in LOG_METHODS and ast.unparse(logger).lower().endswith("log"):
                    yield name_of(path, node.lineno), text


def public_classes(path: Path) -> Iterator[str]:
    """The names of a module's public classes."""
    for node in tree_of(path).body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name


def bad_beginnings(texts: Iterator[Text]) -> list[Text]:
    return [(where, text) for where, text in texts if NOT_A_VERB_OR_NOUN.match(text.strip())]


def names_things_for_a_number(texts: Iterator[Text]) -> list[Text]:
    """Numbers described by a plural noun (``Alerts that are shown.``): a maximum, a minimum, a time?"""
    first = ((where, text, text.split()[0]) for where, text in texts)
    return [(where, text) for where, text, word in first if re.fullmatch(r"[A-Z][a-z]+s", word) and word not in UNITS]


def promises_a_value(texts: Iterator[Text]) -> list[Text]:
    return [(where, text) for where, text in texts if re.match(r"Return\b(?! None)", text)]


def points_back(texts: Iterator[Text]) -> list[Text]:
    return [(where, text) for where, text in texts if POINTS_BACK.match(text.strip())]


def bad_phrases(texts: Iterator[Text]) -> list[tuple[str, str]]:
    return [(where, match[0]) for where, text in texts if (match := PHRASES.search(" ".join(text.split()))) is not None]


def bad_events(texts: Iterator[Text]) -> list[Text]:
    return [(where, text) for where, text in texts if EVENT.fullmatch(text) is None]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_begin_with_a_verb_or_a_noun(path: Path) -> None:
    assert bad_beginnings(docstrings(path)) == []


def test_docstrings_of_tests_begin_with_a_verb_a_noun_or_a_promise() -> None:
    assert [each for path in TESTS for each in bad_beginnings(docstrings(path))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_docstrings_comments_and_help_are_free_of_the_old_dialect(path: Path) -> None:
    assert bad_phrases(docstrings(path)) == []
    assert bad_phrases(comments(path)) == []
    assert bad_phrases(helps(path)) == []


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_texts_name_who_is_meant(path: Path) -> None:
    assert unnamed(strings(path)) == []


@pytest.mark.parametrize("path", CONFIGURATION, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_configurations_comments_name_who_is_meant(path: Path) -> None:
    assert unnamed(remarks(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_docstring_is_understood_without_the_text_around_it(path: Path) -> None:
    assert points_back(docstrings(path)) == []
    assert names_things_for_a_number(numbers(path)) == []
    assert promises_a_value(returns_nothing(path)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_log_events_name_what_happened(path: Path) -> None:
    assert bad_events(events(path)) == []


def test_a_public_class_name_has_one_meaning() -> None:
    files_of: dict[str, list[str]] = {}
    for path in FILES:
        for name in public_classes(path):
            files_of.setdefault(name, []).append(path.relative_to(PACKAGE).as_posix())
    assert {name: files for name, files in files_of.items() if len(files) > 1} == {}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_metric_help_begins_with_what_is_measured(metric: Metric) -> None:
    assert METRIC_HELP.match(metric.help)
    assert PHRASES.search(metric.help) is None


def test_the_checks_find_bad_text(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        '"""Whether it is over."""\n\n'
        "LIMIT = 1\n"
        '"""Of the alerts that nobody reads."""\n\n'
        "# Whoever reads this is lost.\n"
        'parser.add_argument("--all", help="what is in the way")\n'
        'log.info("store_opening")\n'
        'log.info("store_opened")\n'
    )
    texts = [text for _, text in bad_beginnings(docstrings(bad))]
    assert texts == ["Whether it is over.", "Of the alerts that nobody reads."]
    assert [phrase for _, phrase in bad_phrases(docstrings(bad))] == ["nobody"]
    assert [phrase for _, phrase in bad_phrases(comments(bad))] == ["Whoever"]
    assert [phrase for _, phrase in bad_phrases(helps(bad))] == ["in the way"]
    assert [event for _, event in bad_events(events(bad))] == ["store_opening"]
    assert METRIC_HELP.match("Alerts that were received.") is None
    bad.with_name("a.yaml").write_text("# Nobody reads this.\nname: nobody reads this\n")
    bad.with_name("a.j2").write_text("{# For whoever asks. #} Nobody is here.\n")
    bad.with_name("a.yml").write_text("summary: Somebody is trying\n")
    assert [text for name in ("a.yaml", "a.j2", "a.yml") for _, text in unnamed(remarks(bad.with_name(name)))] == [
        "# Nobody reads this.",
        "{# For whoever asks. #}",
        "summary: Somebody is trying",
    ]
    bad.with_name("texts.py").write_text('NAME = "nobody"\nTEXT = f"nobody is called {NAME}"\n')
    assert [text for _, text in unnamed(strings(bad.with_name("texts.py")))] == ["nobody is called "]
    bad.with_name("unclear.py").write_text(
        "SHOWN = 3\n"
        '"""Alerts that are shown."""\n\n'
        "WAIT = 5 * SECOND\n"
        '"""Seconds to wait."""\n\n'
        "def reopen() -> None:\n"
        '    """Return to triggered."""\n\n'
        "def other() -> None:\n"
        '    """The same for the others."""\n'
    )
    unclear = bad.with_name("unclear.py")
    assert [text for _, text in names_things_for_a_number(numbers(unclear))] == ["Alerts that are shown."]
    assert [text for _, text in promises_a_value(returns_nothing(unclear))] == ["Return to triggered."]
    assert [text for _, text in points_back(docstrings(unclear))] == ["The same for the others."]
    bad.with_name("classes.py").write_text("class Wish:\n    class Inner: ...\n\n\nclass _Private: ...\n")
    assert list(public_classes(bad.with_name("classes.py"))) == ["Wish"]
