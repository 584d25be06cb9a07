"""The summary of configuration changes lists names and no values."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.changes import _moved, changes

REPOSITORY = Path(__file__).parents[2]


def read(folder: Path) -> Bundle:
    return load(folder / "config", folder / "rules", KINDS, {})


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., list[str]]:
    """Says what differs after these files have had a text replaced (or were written anew)."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    shutil.copytree(REPOSITORY / "rules", tmp_path / "rules")
    (tmp_path / "config/secret").write_text("hush")
    (tmp_path / "config/secret").chmod(0o600)
    before = read(tmp_path)

    def edit(path: str, old: str, new: str) -> list[str]:
        file = tmp_path / path
        text = file.read_text() if file.exists() else ""
        assert old in text
        file.write_text(text.replace(old, new, 1) if old else text + new)
        found = [str(change) for change in changes(before, read(tmp_path))]
        return [told.replace(f"{tmp_path}/", "") for told in found]

    return edit


def test_nothing_has_changed_if_only_a_comment_has(edited: Callable[..., list[str]]) -> None:
    assert edited("rules/00-base.yaml", "", "# another word\n") == []


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("rules/00-base.yaml", "severity: SEV-2", "severity: SEV-1", ["rule critical changed (rules/00-base.yaml:"]),
        (
            "rules/00-base.yaml",
            'severity=~"(?i)none"\n',
            'severity=~"(?i)nil"\n',
            ["rule severity-none changed (rules/00-base.yaml:"],
        ),
        (
            "rules/00-base.yaml",
            "name: probes",
            "name: prober",
            ["rule prober added (rules/00-base.yaml:", "rule probes removed (rules/00-base.yaml:"],
        ),
        ("config/people.yaml", "Alex Example", "Alex Other", ["person alex changed"]),
        ("config/people.yaml", "cto: [kim]", "cto: [kim, alex]", ["group cto changed"]),
        ("config/people.yaml", "  incidents:", "  rooms: {channel: console}\n  incidents:", ["target rooms added"]),
        (
            "config/playbooks/emergency-response.yaml",
            "respond_within: 15m",
            "respond_within: 16m",
            ["playbook emergency-response changed"],
        ),
        (
            "config/windows.yaml",
            "windows: []",
            "windows: [{name: move, match: 'a=\"b\"', starts: '2026-01-05 10:00', ends: '2026-01-05 11:00'}]",
            ["window move added"],
        ),
        ("config/tocsin.yaml", "timeout: 10s", "timeout: 11s", ["setting delivery.timeout changed"]),
        ("config/tocsin.yaml", "targets: [console]", "targets: [alex]", ["setting self.targets changed"]),
        (
            "config/tocsin.yaml",
            "  console: {kind: console}",
            "  console: {kind: console}\n  hook: {kind: webhook, url: 'http://127.0.0.1/secret'}",
            ["channel hook added"],
        ),
        (
            "config/tocsin.yaml",
            "",
            "tokens: [{name: me, token_file: secret, scopes: [read]}]\n",
            ["setting tokens changed"],
        ),
    ],
)
def test_each_change_is_reported(
    edited: Callable[..., list[str]], path: str, old: str, new: str, told: list[str]
) -> None:
    found = edited(path, old, new)
    assert len(found) == len(told), found
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True)), found
    assert "hush" not in str(found)


def test_a_rule_that_only_changes_its_place_has_moved_and_the_others_have_not(
    edited: Callable[..., list[str]],
) -> None:
    probes = (
        '  - name: probes\n    match: job=~"(?i).*(blackbox|snmp).*", instance!=""\n    set:\n'
        '      service: "{instance}"\n    key_labels: [device, ifDescr, ifName, ifIndex]\n'
    )
    edited("rules/00-base.yaml", probes, "")
    assert edited("rules/10-mine.yaml", "", f"rules:\n{probes}") == ["rule probes moved (rules/10-mine.yaml:2)"]


@given(st.permutations([f"rule-{number}" for number in range(7)]))
def test_the_fewest_rules_are_said_to_have_moved(order: list[str]) -> None:
    position = {f"rule-{number}": number for number in range(7)}
    moved = _moved(order, position)
    stayed = [position[name] for name in order if name not in moved]
    assert stayed == sorted(stayed)
    longest = max(
        sum(mask >> index & 1 for index in range(7))
        for mask in range(1 << 7)
        if (kept := [position[name] for index, name in enumerate(order) if mask >> index & 1]) == sorted(kept)
    )
    assert len(stayed) == longest
