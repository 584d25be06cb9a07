"""Released files: the wheel, the lock, the install script, the systemd units, the Prometheus files."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PROMETHEUS = REPOSITORY / "config" / "prometheus"
LOCK = (REPOSITORY / "requirements.lock").read_text()


def run(*command: str | Path, cwd: Path = REPOSITORY, **environ: str) -> str:
    """Return the output of a command, which must succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


# Prometheus


def test_promtool_has_nothing_to_say_about_the_rules() -> None:
    for rules in ("tocsin-alerts.yml", "tocsin-recording.yml"):
        said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", PROMETHEUS / rules)
        assert re.search(r"SUCCESS: \d+ rules found", said)


def test_the_rules_do_what_their_tests_say() -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", PROMETHEUS / "tests.yml")


def test_every_alert_is_tested() -> None:
    alerts = re.findall(r"- alert: (\w+)", (PROMETHEUS / "tocsin-alerts.yml").read_text())

    assert alerts
    assert [alert for alert in alerts if alert not in (PROMETHEUS / "tests.yml").read_text()] == []


def test_alertmanager_takes_the_receiver_example() -> None:
    assert "SUCCESS" in run("amtool", "check-config", PROMETHEUS / "alertmanager.yml")


# systemd


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copies of the units, whose ExecStart exists."""
    for unit in ("tocsin.service", "tocsin.socket"):
        text = (REPOSITORY / "systemd" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("/opt/tocsin/bin/tocsin", shutil.which("true") or ""))
    return tmp_path


def test_systemd_has_nothing_to_say_about_the_units(units: Path) -> None:
    assert run("systemd-analyze", "verify", units / "tocsin.service", units / "tocsin.socket") == ""


def test_the_service_is_exposed_to_little(units: Path) -> None:
    said = run("systemd-analyze", "security", "--offline=true", "--threshold=20", units / "tocsin.service")

    rating = re.search(r"Overall exposure level for \S+: (\d+\.\d)", said)
    assert rating
    assert float(rating[1]) <= 2.0


def test_the_service_is_watched_and_told_ready() -> None:
    service = (REPOSITORY / "systemd/tocsin.service").read_text()

    assert {"Type=notify", "WatchdogSec=30", "Restart=always", "StartLimitIntervalSec=0"} <= set(service.splitlines())
    assert re.search(r"^Backlog=\d+$", (REPOSITORY / "systemd/tocsin.socket").read_text(), re.MULTILINE)


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheels_only_top_level_name_is_tocsin(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tocsin"}


def test_the_wheel_holds_what_init_writes_and_the_migrations(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        f"tocsin/shipped/{path.relative_to(REPOSITORY)}"
        for part in ("config", "rules")
        for path in (REPOSITORY / part).rglob("*")
        if path.is_file() and (path.suffix != ".md" or path.name == "README.md")
    }

    assert shipped
    assert shipped == {name for name in names if name.startswith("tocsin/shipped/")}
    assert "tocsin/py.typed" in names
    assert any(name.startswith("tocsin/store/migrations/") and name.endswith(".py") for name in names)


# The lock


def part(name: str) -> set[str]:
    """The packages of one part of the lock."""
    text = re.search(rf"^# part: {name}$(.*?)(?=^# part: |\Z)", LOCK, re.MULTILINE | re.DOTALL)
    assert text
    return set(re.findall(r"^([a-z0-9-]+)==", text[1], re.MULTILINE))


def canonical(requirement: str) -> str:
    """The name in a requirement, as the lock spells it."""
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def test_the_lock_has_everything_that_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = {
        "build": project["build-system"]["requires"],
        "runtime": project["project"]["dependencies"],
        "development": [each for extra in project["project"]["optional-dependencies"].values() for each in extra],
    }
    locked: set[str] = set()
    for name, requirements in wanted.items():
        locked |= part(name)
        assert {canonical(requirement) for requirement in requirements} <= locked, name


def test_a_package_is_locked_once_and_every_one_has_hashes() -> None:
    names = re.findall(r"^([a-z0-9-]+)==", LOCK, re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]

    assert len(names) == len(set(names)) == len(entries)
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_index() -> None:
    assert not re.search(r"https?://|file:|--(index|extra-index|find-links|trusted-host)", LOCK)


# The install script, which is what the image is made with


def test_the_install_script_makes_a_working_tocsin_in_a_clean_place(tmp_path: Path) -> None:
    source, prefix = tmp_path / "source", tmp_path / "prefix"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in re.findall(r"^!(.+)$", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE):
        origin = REPOSITORY / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=ignored)
        else:
            source.mkdir(exist_ok=True)
            shutil.copy2(origin, source / name)

    run(source / ".ci/install", prefix, cwd=tmp_path, PYTHON=sys.executable, PYTHONPATH="")

    tocsin = prefix / "bin" / "tocsin"
    run(tocsin, "init", tmp_path / "etc", cwd=tmp_path)
    checked = run(tocsin, "check", "--config", tmp_path / "etc/config", "--rules", tmp_path / "etc/rules", cwd=tmp_path)
    assert checked.splitlines()[-1].startswith("good: ")
    installed = {
        canonical(line) for line in run(prefix / "bin/pip", "freeze", cwd=tmp_path).splitlines() if "==" in line
    }
    assert installed <= part("runtime") | part("build")
    assert "hatchling" not in installed


def test_the_image_is_built_by_that_script_and_runs_unprivileged() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    final = dockerfile.split("\nFROM ")[2]

    assert "RUN .ci/install /opt/tocsin" in dockerfile
    assert re.search(r"^USER (?!root|0\b)\w+$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "pip install" not in dockerfile
