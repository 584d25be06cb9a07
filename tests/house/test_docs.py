"""The documents agree with the code."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

import tocsin
from tocsin.conf.document import documented
from tocsin.conf.settings import WebhookSettings
from tocsin.core.duration import DAY
from tocsin.engine.workers import housekeeper
from tocsin.telemetry.catalogue import CATALOGUE, PREFIX, Metric
from tocsin.telemetry.document import PARTS

REPOSITORY = Path(__file__).parents[2]
METRICS_PAGE = (REPOSITORY / "config/prometheus/README.md").read_text()
PROMISE = (
    "every alert answered with 200 is durable; every escalation step takes effect exactly once; every page is "
    "retried until a provider accepts it, other people are paged instead, or no one needs it; a provider with "
    "idempotency keys shows it once; a duplicate is "
    "preferred to a loss, and every possible duplicate is labelled and counted."
)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_has_its_row(metric: Metric) -> None:
    labels = ", ".join(f"`{label}`" for label in metric.labels)

    assert f"| `{PREFIX}{metric.name}` | {metric.kind} | {labels} |" in METRICS_PAGE


def test_make_docs_has_written_the_table_of_metrics() -> None:
    assert documented(METRICS_PAGE, PARTS) == METRICS_PAGE


def test_no_row_is_about_a_metric_that_is_gone() -> None:
    rows = set(re.findall(rf"^\| `{PREFIX}(\w+)` \|", METRICS_PAGE, re.MULTILINE))

    assert rows == {metric.name for metric in CATALOGUE}


def test_alerts_and_recording_rules_ask_for_metrics_that_exist() -> None:
    series = {PREFIX + metric.name + suffix for metric in CATALOGUE for suffix in ("", "_sum", "_count", "_bucket")}
    asked = set()
    for name in ("tocsin-alerts.yml", "tocsin-recording.yml"):
        groups = yaml.safe_load((REPOSITORY / "config/prometheus" / name).read_text())["groups"]
        asked |= {
            found for group in groups for rule in group["rules"] for found in re.findall(r"\btocsin_\w+", rule["expr"])
        }

    assert asked
    assert asked <= series


def test_every_alert_about_tocsin_is_in_the_metrics_page_and_goes_past_tocsin() -> None:
    groups = yaml.safe_load((REPOSITORY / "config/prometheus/tocsin-alerts.yml").read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]

    assert [rule["alert"] for rule in alerts if f"`{rule['alert']}`" not in METRICS_PAGE] == []
    assert {rule["labels"]["about"] for rule in alerts} == {"tocsin"}
    assert {rule["labels"]["severity"] for rule in alerts} <= {"critical", "warning"}


def test_the_readme_makes_the_promise_word_for_word() -> None:
    lines = (REPOSITORY / "README.md").read_text().replace("**", "").splitlines()
    readme = " ".join(" ".join(line.removeprefix("- ") for line in lines).split())

    assert PROMISE in readme
    assert "exactly once delivery" not in readme.lower()


def test_the_front_page_is_read_in_five_minutes() -> None:
    assert len((REPOSITORY / "README.md").read_text().split()) <= 1000


PAGES = sorted(path for path in REPOSITORY.rglob("*.md") if not {".venv", "fixtures"} & {*path.parts})
TASKS = [
    path
    for path in PAGES
    if path.name not in ("README.md", "CHANGELOG.md")
    and path.parent.name != ".github"
    and not path.name.endswith(".messages.md")
]
"""The pages that begin with what a reader wants to do; not those that `make messages` prints."""


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(REPOSITORY)) for page in pages]


def anchors(page: Path) -> set[str]:
    """The ids that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_a_relative_link_leads_to_a_file_and_its_heading(page: Path) -> None:
    text = re.sub(r"^```.*?^```$|`[^`\n]*`(?!\])", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", TASKS, ids=names(TASKS))
def test_a_task_page_is_linked_from_the_front_page(page: Path) -> None:
    assert f"]({page.relative_to(REPOSITORY)})" in (REPOSITORY / "README.md").read_text()


@pytest.mark.parametrize("page", TASKS, ids=names(TASKS))
def test_a_task_page_is_typed_by_a_test_or_made_from_the_code(page: Path) -> None:
    tests = (REPOSITORY / "tests/e2e/test_e2e_pages.py").read_text()
    name = str(page.relative_to(REPOSITORY))

    assert (f'"{name}"' in tests) != ("written by make docs" in page.read_text())


@pytest.mark.parametrize("page", [*TASKS, REPOSITORY / "README.md"], ids=names([*TASKS, REPOSITORY / "README.md"]))
def test_a_page_says_who_is_meant(page: Path) -> None:
    text = re.sub(r"^<!-- .*?^<!-- /|^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"\b(?:whoever|whomever|somebody|nobody)\b", text, re.IGNORECASE) == []


def test_the_page_about_retention_says_the_times_of_the_code() -> None:
    page = (REPOSITORY / "config/retention.md").read_text()
    times = (housekeeper.INCIDENTS_KEPT, housekeeper.INBOUND_KEPT, housekeeper.MEANS_OVER)

    assert {*re.findall(r"\d+ days", page)} == {f"{time // DAY} days" for time in times}
    assert f"the newest {WebhookSettings().max_quarantine:,} entries" in page


def defined(path: Path) -> set[str]:
    """Return the names that a module defines, those within classes as ``Class.name``."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}.{part.name}"
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
    return found


def test_the_map_names_code_that_is_there() -> None:
    package = REPOSITORY / "daemon" / "tocsin"
    named = re.findall(r"`(\w+(?:/\w+)+)\.(\w+(?:\.\w+)?)(?:\(.*?\))?`", (REPOSITORY / "daemon/README.md").read_text())
    code = [(module, name) for module, name in named if name not in ("py", "yaml", "txt", "md")]

    assert len(code) > 20
    assert [f"{module}.{name}" for module, name in code if name not in defined(package / f"{module}.py")] == []


def test_the_version_is_that_of_the_newest_release_and_beyond_it_while_changes_wait_for_one() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    names = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    if names[0] == "Unreleased":
        assert Version(tocsin.__version__) > Version(names[1])
    else:
        assert Version(tocsin.__version__) == Version(names[0])


def test_every_target_of_make_says_what_it_does() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    assert phony
    told = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) - {"lint"} == told


def test_every_metric_is_recorded_somewhere() -> None:
    package = REPOSITORY / "daemon" / "tocsin"
    code = [path for path in package.rglob("*.py") if "telemetry" not in path.relative_to(package).parts]
    told = {
        node.value for path in code for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)
    }

    by_itself = {"build_info"}
    assert {metric.name for metric in CATALOGUE} - told == by_itself


@pytest.mark.parametrize("page", [*names(PAGES), "Dockerfile", "config/tocsin.yaml"])
def test_a_command_that_makes_a_secret_lets_no_one_else_read_it(page: str) -> None:
    lines = [line for line in (REPOSITORY / page).read_text().splitlines() if "openssl rand" in line]
    assert [line for line in lines if "umask 077" not in line and "install -m 600" not in line] == []


def test_the_map_names_every_module() -> None:
    result = subprocess.run([REPOSITORY / ".ci/map", "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
