"""The whole configuration, read and cross-checked: usable, or refused with a list of all problems."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from tocsin.conf.channels import ChannelKind, ConfiguredChannel, ConfiguredTracker, Kinds, TrackerKind
from tocsin.conf.crosscheck import (
    report_gaps,
    report_missing_room_channels,
    report_missing_trackers,
    report_settings_mistakes,
    report_unreachable_people,
)
from tocsin.conf.environment import overridden, variables
from tocsin.conf.lint import Material, lint
from tocsin.conf.lint.samples import samples
from tocsin.conf.people import ContactReader, people_of
from tocsin.conf.playbooks import (
    NESTED,
    limits_of,
    playbook_of,
    report_unknown_targets,
    report_unknown_templates,
    skeleton_of,
)
from tocsin.conf.rules import read_folder, rule_set
from tocsin.conf.schema import validate
from tocsin.conf.settings import CONSOLE, Settings, Times, TokenSettings
from tocsin.conf.source import Findings, Mark, Node, Problem, read_yaml
from tocsin.conf.templates import MessageTemplate, names_of, read_templates, try_templates
from tocsin.conf.vault import Vault, with_secrets
from tocsin.conf.windows import windows_of
from tocsin.core.duration import HOUR
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import Contact, People
from tocsin.core.playbook.playbook import (
    SELF_LEVEL,
    SELF_NOTICE,
    SELF_PLAYBOOK,
    Cell,
    Kind,
    Level,
    Playbook,
    Tier,
)
from tocsin.core.rules.rules import RuleSet
from tocsin.core.suggestions import did_you_mean

K = TypeVar("K", ChannelKind, TrackerKind)


@dataclass(frozen=True)
class Bundle:
    """A complete, consistent configuration. Immutable; a reload creates a new one."""

    settings: Settings
    rules: RuleSet
    playbooks: Mapping[str, Playbook]
    """The playbooks by name, without the built-in playbook."""
    self_playbook: Playbook
    people: People
    windows: tuple[Window, ...]
    """The maintenance windows of windows.yaml."""
    templates: Mapping[str, MessageTemplate]
    """The templates of templates/, by name."""
    channels: tuple[ConfiguredChannel, ...]
    """The entries of ``channels:``, and the console."""
    trackers: tuple[ConfiguredTracker, ...]
    """The entries of ``trackers:``."""
    console: Contact
    """The channel for notifications that have no other destination."""
    fingerprint: str
    """The SHA-256 of all files and of the environment's overrides; secrets are not included."""
    files: tuple[Path, ...]
    warnings: tuple[Problem, ...]
    is_empty: bool = False
    """True if tocsin.yaml is empty, for example after a failure of an editor or a disk."""
    lost_calendars: frozenset[str] = frozenset()
    """Paths of calendar files that are missing, are not calendars, or are cut off."""

    @property
    def tokens(self) -> tuple[TokenSettings, ...]:
        """Return the tokens of the API's clients."""
        return self.settings.tokens

    @property
    def default_playbook(self) -> Playbook:
        """Return the playbook of alerts that no rule assigns to another."""
        return self.playbooks[self.settings.playbook]


def load(
    config_dir: Path,
    rules_dir: Path,
    kinds: Kinds,
    environ: Mapping[str, str],
    now: int | None = None,
) -> Bundle:
    """Read and check the whole configuration.

    Args:
        config_dir: Holds tocsin.yaml, people.yaml and playbooks/; may hold windows.yaml and templates/.
        rules_dir: Holds the rules.
        kinds: The kinds of channels and trackers that there are.
        environ: The environment.
        now: The time from which rotations are searched for gaps; None: no search.

    Raises:
        ConfigError: The configuration cannot be used; the error lists the problems of all files.
    """
    findings = Findings()
    vault = Vault(config_dir, environ, findings)
    top = read_yaml(config_dir / "tocsin.yaml", findings, may_be_empty=True)
    is_empty = top is not None and not top.broken and not top.value
    node = overridden(top or Node({}, Mark(str(config_dir / "tocsin.yaml"), 1, 1)), environ, findings)
    settings = validate(with_secrets(node, Settings, vault), Settings, findings)
    channels = _channels(node.at("channels"), kinds.channels, vault) if node.child("channels") else ()
    channels = _with_console(channels, kinds.channels[CONSOLE], node, findings)
    trackers = _trackers(node.at("trackers"), kinds.trackers, vault) if node.child("trackers") else ()
    console = kinds.channels[CONSOLE].contacts().contact(CONSOLE)

    playbook_nodes = _playbook_nodes(config_dir / "playbooks", findings)
    playbooks = _playbooks(playbook_nodes, settings.defaults if settings else Times(), findings)
    templates = _templates(config_dir / "templates", playbook_nodes, playbooks, findings)
    people_node = read_yaml(config_dir / "people.yaml", findings)
    named = [str(name) for name, _ in node.at("channels").children()] if node.child("channels") else []
    contacts = ContactReader(channels, kinds.channels, vault, broken=named)
    people = _people(people_node, contacts, console, findings)
    if people and people_node:
        for playbook_node in playbook_nodes.values():
            report_unknown_targets(playbook_node, people, findings)
        self_targets = settings.self_.targets if settings else ()
        report_unreachable_people(people, people_node, playbooks, self_targets, channels, findings)
        if now is not None:
            report_gaps(people, people_node, now, findings)
    if settings:
        report_settings_mistakes(settings, node, channels, trackers, people, playbook_nodes, findings)
    nameable = {**{name: skeleton_of(name, there) for name, there in playbook_nodes.items()}, **playbooks}
    default = settings.playbook if settings else ""
    folder = read_folder(rules_dir, nameable, findings)
    lint(Material(folder.rules, playbooks, playbook_nodes, default, samples(rules_dir)), findings)
    report_missing_room_channels(playbooks, playbook_nodes, channels, findings)
    report_missing_trackers(playbooks, playbook_nodes, trackers, findings)
    windows = _windows(config_dir / "windows.yaml", findings)
    if is_empty:
        _report_emptiness(config_dir, findings)

    findings.raise_problems()
    if settings is None or people is None:
        raise AssertionError("settings or people are missing, but no problem was reported")
    return Bundle(
        settings=settings,
        rules=rule_set(folder, playbooks, default),
        playbooks=playbooks,
        self_playbook=_self_playbook(settings),
        people=people,
        windows=windows,
        templates=templates,
        channels=channels,
        trackers=trackers,
        console=console,
        fingerprint=_fingerprint(findings.digests, config_dir, rules_dir, environ),
        files=tuple(Path(name) for name in sorted(findings.digests)),
        warnings=tuple(sorted(set(findings.warnings))),
        is_empty=is_empty,
        lost_calendars=frozenset(findings.lost_calendars),
    )


def _report_emptiness(config_dir: Path, findings: Findings) -> None:
    """Warn about an empty tocsin.yaml. If there are other problems, report a problem: it may be their cause."""
    mark = Mark(str(config_dir / "tocsin.yaml"), 1, 1)
    message = "is empty: there is no token and no channel but the console, and only this machine can connect"
    if findings.unreadable:  # then only problems of unreadable files are raised: let this one be among them
        findings.unreadable.add(mark.path)
    report = findings.problem if findings.problems else findings.warn
    report(mark, message, "`tocsin init` writes one with every setting")


def _channels(node: Node, kinds: Mapping[str, ChannelKind], vault: Vault) -> tuple[ConfiguredChannel, ...]:
    """Return the channels with valid settings. Malformed entries are reported by the validation of `Settings`."""
    result: list[ConfiguredChannel] = []
    for name, kind, child in _of_a_kind("channel", node, kinds, vault.findings):
        settings = validate(with_secrets(child, kind.settings, vault), kind.settings, vault.findings)
        if settings:
            result.append(ConfiguredChannel(name, kind.kind, settings))
    return tuple(result)


def _trackers(node: Node, kinds: Mapping[str, TrackerKind], vault: Vault) -> tuple[ConfiguredTracker, ...]:
    """Return the trackers with valid settings. Malformed entries are reported by the validation of `Settings`."""
    result: list[ConfiguredTracker] = []
    for name, kind, child in _of_a_kind("tracker", node, kinds, vault.findings):
        settings = validate(with_secrets(child, kind.settings, vault), kind.settings, vault.findings)
        if settings:
            result.append(ConfiguredTracker(name, kind.kind, settings))
    return tuple(result)


def _of_a_kind(what: str, node: Node, kinds: Mapping[str, K], findings: Findings) -> Iterator[tuple[str, K, Node]]:
    """Return (name, kind, the keys beside ``kind:``) of each entry whose kind exists."""
    for name, child in node.children():
        kind_node = child.child("kind")
        if kind_node is None or kind_node.broken or not isinstance(kind_node.value, str):
            continue
        kind = kinds.get(kind_node.value)
        if kind is None:
            message = f"there is no kind of {what} {kind_node.value!r}"
            findings.problem(kind_node.mark, message, did_you_mean(kind_node.value, kinds))
            continue
        yield str(name), kind, child.without("kind")


def _with_console(
    channels: tuple[ConfiguredChannel, ...], kind: ChannelKind, node: Node, findings: Findings
) -> tuple[ConfiguredChannel, ...]:
    named = next((channel for channel in channels if channel.name == CONSOLE), None)
    if named is None:
        return (*channels, ConfiguredChannel(CONSOLE, CONSOLE, kind.settings()))
    if named.kind != CONSOLE:
        mark = node.at("channels", CONSOLE).head
        findings.problem(mark, "the channel console must be of the kind console", "give this one another name")
    return channels


def _people(node: Node | None, contacts: ContactReader, console: Contact, findings: Findings) -> People | None:
    people = people_of(node, contacts, findings) if node is not None else None
    if people is None:
        return None
    return msgspec.structs.replace(people, places={**people.places, CONSOLE: console})


def _windows(path: Path, findings: Findings) -> tuple[Window, ...]:
    """Return the windows of the file; none if there is no file."""
    if path.with_suffix(".yml").exists():
        findings.warn(Mark(str(path.with_suffix(".yml"))), "is not read", f"name it {path.name}")
    node = read_yaml(path, findings, may_be_empty=True) if path.exists() else None
    return windows_of(node, findings) if node is not None else ()


def _playbook_nodes(directory: Path, findings: Findings) -> dict[str, Node]:
    """Return the content of the playbook files, by the playbook's name."""
    nodes: dict[str, Node] = {}
    for path in sorted(directory.glob("*.y*ml")):
        mark = Mark(str(path), 1, 1)
        if path.suffix != ".yaml":
            findings.problem(mark, "is not read as a playbook", f"name it {path.stem}.yaml")
        if path.stem == SELF_PLAYBOOK:
            findings.problem(mark, f"the playbook {SELF_PLAYBOOK} is built in", "give this one another name")
        elif path.stem not in nodes and (node := read_yaml(path, findings)) is not None:
            # Also one with the wrong name: otherwise everything that refers to it would be a problem of its own.
            nodes[path.stem] = node
    if not nodes:
        findings.problem(Mark(str(directory), 1, 1), "holds no playbook", "`tocsin init` writes the shipped playbooks")
    return nodes


def _playbooks(nodes: Mapping[str, Node], times: Times, findings: Findings) -> dict[str, Playbook]:
    result = {name: playbook_of(name, node, times, findings) for name, node in nodes.items()}
    return {name: playbook for name, playbook in result.items() if playbook is not None}


def _templates(
    directory: Path, nodes: Mapping[str, Node], playbooks: Mapping[str, Playbook], findings: Findings
) -> dict[str, MessageTemplate]:
    names = names_of(directory)
    for node in nodes.values():
        report_unknown_templates(node, names, findings)
    templates = read_templates(directory, findings)
    try_templates(templates, list(playbooks.values()), directory, findings)
    return templates


def _self_playbook(settings: Settings) -> Playbook:
    """Return the built-in playbook: one severity pages tocsin's operators until one acknowledges, one only informs."""
    targets = settings.self_.targets
    cell = Cell(tier=1, nth=1, after=0, targets=targets)
    notice = Cell(tier=1, nth=1, kind=Kind.UPDATE, after=0, targets=targets)
    return Playbook(
        name=SELF_PLAYBOOK,
        title="tocsin itself",
        levels=(
            Level(SELF_LEVEL, 0, HOUR, None, (cell,), settings.defaults.ack_timeout),
            Level(SELF_NOTICE, 1, HOUR, None, (notice,)),
        ),
        tiers=(Tier(1, " and ".join(targets), targets),),
        unrouted=SELF_LEVEL,
        **settings.defaults.model_dump(exclude=set(NESTED)),
        **limits_of(settings.defaults),
    )


def _fingerprint(digests: Mapping[str, str], config_dir: Path, rules_dir: Path, environ: Mapping[str, str]) -> str:
    """Return a hash of the content. The location of the folders does not matter."""
    parts: list[str] = []
    for name, digest in digests.items():
        path = Path(name)
        under_rules = path.is_relative_to(rules_dir)
        relative = path.relative_to(rules_dir if under_rules else config_dir)
        parts.append(f"{'rules' if under_rules else 'config'}/{relative}\0{digest}")
    parts += [f"{name}\0{environ[name]}" for name, _, _ in variables() if name in environ]
    return hashlib.sha256("\n".join(sorted(parts)).encode(errors="surrogateescape")).hexdigest()
