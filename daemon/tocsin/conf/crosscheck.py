"""Checks that span several files, or distant keys of one file."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.settings import Listen, Settings
from tocsin.conf.source import Findings, Node
from tocsin.core.duration import DAY
from tocsin.core.oncall.people import People, Person
from tocsin.core.oncall.rotation import OnCallInput, wall
from tocsin.core.playbook.actions import Verb
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.suggestions import did_you_mean, did_you_mean_or_add

_SHORTEST_TOKEN = 16
"""Minimum length of a token that causes no warning, in characters."""
GAPS_LOOKED_FOR = 60 * DAY
"""Range of the search for gaps of rotations."""
_TO_FALLBACK = "goes to the playbook's announce targets, else to the console"
"""The end of a sentence about a page whose recipient cannot be reached."""


def report_settings_mistakes(
    settings: Settings,
    node: Node,
    channels: Sequence[ConfiguredChannel],
    trackers: Sequence[ConfiguredTracker],
    people: People | None,
    playbooks: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Check tocsin.yaml for contradictions within it and with the other files."""
    if settings.playbook not in playbooks:
        message = f"there is no playbook {settings.playbook!r}"
        hint = did_you_mean(settings.playbook, playbooks)
        if node.child("playbook") is None:
            message += ", which is the default where `playbook:` is missing"
            hint = f"write `playbook: {next(iter(playbooks))}`" if len(playbooks) == 1 else hint
        findings.problem(node.at("playbook").mark, message, hint)
    if not settings.tokens and not settings.listen.is_loopback:
        message = f"{settings.listen} can be reached from other machines, and no token is configured"
        findings.problem(node.at("listen").mark, message, "write tokens:, or listen on 127.0.0.1")
    _report_token_mistakes(settings, node, people, findings)
    if people:
        _report_unknown_self_targets(settings, node, people, findings)
    _report_open_secrets(settings, node, findings)
    _report_unreceived_callbacks(settings, node, channels, findings)
    for channel in channels:
        for doubt in channel.settings.doubts():
            findings.warn(node.at("channels", channel.name).head, doubt)
    names = {channel.name for channel in channels}
    for tracker in trackers:
        place = node.at("trackers", tracker.name).head
        if tracker.name in names:
            findings.problem(place, f"there is a channel {tracker.name!r} as well", "give this one another name")
        for doubt in tracker.settings.doubts():
            findings.warn(place, doubt)


def report_unreachable_people(
    people: People,
    node: Node,
    playbooks: Mapping[str, Playbook],
    self_targets: Sequence[str],
    channels: Sequence[ConfiguredChannel],
    findings: Findings,
) -> None:
    """Warn about people and groups that may be paged but cannot be reached, or that get pages and no updates."""
    known = {channel.name for channel in channels}
    targets = {target for playbook in playbooks.values() for target in playbook.targets} | {*self_targets}
    names = {name for target in targets for name in people.everybody(target)}
    mute = {name for name in names & people.persons.keys() if not people.persons[name].methods}
    for name in sorted(mute):
        message = f"{name} may be paged and has no contact: that page {_TO_FALLBACK}"
        findings.warn(node.at("people", name).head, message, "write contact:")
    cut_off = {name for name in names & people.persons.keys() if _is_cut_off(people.persons[name], known)}
    for name in sorted(cut_off):
        message = f"{name} may be paged and no channel of their methods is configured: that page {_TO_FALLBACK}"
        findings.warn(node.at("people", name, "methods").head, message, "configure one of the channels")
    informing = {channel.name for channel in channels if channel.settings.informs}
    for name in sorted(names & people.persons.keys() - cut_off - mute):
        used = {method.contact.channel for method in people.persons[name].methods}
        if used <= known and not used & informing:  # an unknown channel is reported elsewhere
            message = f"{name} gets pages and nothing else: no contact method of theirs carries updates and reminders"
            hint = f"add a method such as email, slack or sms; until then what they would be told {_TO_FALLBACK}"
            person = node.at("people", name)
            key = "contact" if person.child("contact") is not None else "methods"
            findings.warn(person.at(key).head, message, hint)
    lonely = mute | cut_off
    for group in sorted(targets & people.groups.keys()):
        members = people.groups[group]
        if len(members) > 1 and lonely.issuperset(members):
            message = f"no one in {group} can be reached: every message to them {_TO_FALLBACK}"
            findings.warn(node.at("groups", group).head, message, "give one of them a contact")


def _is_cut_off(person: Person, channels: Collection[str]) -> bool:
    """Return whether all of a person's several contacts are unusable; a single one is reported where it is defined."""
    return bool(person.further) and not any(method.contact.channel in channels for method in person.methods)


def report_gaps(people: People, node: Node, now: int, findings: Findings) -> None:
    """Warn about gaps of a rotation without a backup, and about the time before the start of one with a backup."""
    for name, rotation in people.rotations.items():
        begins_at = rotation.begins_at
        if rotation.backup and begins_at is not None and begins_at > now:
            shown = wall(begins_at, ZoneInfo(rotation.time_zone)).isoformat(" ", "minutes")
            message = f"no one is on call for {name} before {shown} ({rotation.time_zone}): "
            message += f"until then {', '.join(rotation.backup)} is paged as the backup"
            findings.warn(node.at("rotations", name).head, message, "correct `starts`, if it should have begun")
        if rotation.backup or rotation.has_roster:
            continue
        gaps = rotation.gaps(now, now + GAPS_LOOKED_FOR, OnCallInput(now))
        if gaps:
            zone = ZoneInfo(rotation.time_zone)
            begins, ends = (wall(at, zone).isoformat(" ", "minutes") for at in gaps[0])
            more = f", and in {len(gaps) - 1} more gaps of the next 60 days" if len(gaps) > 1 else ""
            when = "now," if gaps[0].starts_at <= now else f"from {begins}"
            message = f"no one is on call for {name} {when} until {ends} ({rotation.time_zone}){more}"
            mark = node.at("rotations", name).head
            findings.warn(mark, message, f"add members or a layer, or name a backup: what comes then {_TO_FALLBACK}")


def report_missing_room_channels(
    playbooks: Mapping[str, Playbook],
    nodes: Mapping[str, Node],
    channels: Sequence[ConfiguredChannel],
    findings: Findings,
) -> None:
    """Warn about playbooks with a `room:` whose channel cannot create rooms."""
    makers = {channel.name for channel in channels if channel.kind == "slack"}
    for name, playbook in playbooks.items():
        request = playbook.texts.room
        if request is not None and request.channel not in makers:
            message = f"{request.channel!r} is not a channel that can make rooms: incidents get none"
            hint = did_you_mean(request.channel, makers) or "write a channel of the kind slack under channels:"
            findings.warn(nodes[name].at("room", "channel").mark, message, hint)


def report_missing_trackers(
    playbooks: Mapping[str, Playbook],
    nodes: Mapping[str, Node],
    trackers: Sequence[ConfiguredTracker],
    findings: Findings,
) -> None:
    """Warn about playbooks whose tickets have no tracker, and about texts that are published without review."""
    kinds = {tracker.name: tracker.kind for tracker in trackers}
    for name, playbook in playbooks.items():
        for index, action in enumerate(playbook.actions):
            if action.verb is not Verb.TRACKER:
                continue
            node = nodes[name].at("actions", index, "tracker")
            if action.what not in kinds:
                message = f"{action.what!r} is not a tracker: no ticket is opened"
                hint = did_you_mean(action.what, kinds) or f"write {action.what}: under trackers: of tocsin.yaml"
                findings.warn(node.mark, message, hint)
            elif kinds[action.what] == "statuspage" and not action.confirm:
                message = "customers read this, and no one has reviewed it"
                findings.warn(node.mark, message, "write confirm: true")


def _targets(playbook: Playbook) -> set[str]:
    lists = [playbook.announce, *(tier.targets for tier in playbook.tiers)]
    lists += [cell.targets for level in playbook.levels for cell in level.cells]
    lists += [action.targets for action in playbook.actions if action.verb is not Verb.TRACKER]
    return {target for targets in lists for target in targets}


def _report_token_mistakes(settings: Settings, node: Node, people: People | None, findings: Findings) -> None:
    names: set[str] = set()
    for index, token in enumerate(settings.tokens):
        place = node.at("tokens", index)
        if token.name in names:
            findings.problem(place.at("name").mark, f"there is another token {token.name!r}", "give each its own name")
        names.add(token.name)
        if any(token.token == other.token for other in settings.tokens[:index]):
            findings.problem(place.head, "another token has the same value", "give each its own")
        if len(token.token.reveal()) < _SHORTEST_TOKEN:
            message = f"the token {token.name} is shorter than {_SHORTEST_TOKEN} characters"
            findings.warn(place.head, message, "make one with: openssl rand -hex 32")
        if token.person and people and token.person not in people.persons:
            message = f"{token.person!r} is not a person of people.yaml"
            findings.problem(place.at("person").mark, message, did_you_mean_or_add(token.person, people.persons))


def _report_unknown_self_targets(settings: Settings, node: Node, people: People, findings: Findings) -> None:
    for index, target in enumerate(settings.self_.targets):
        if not people.knows(target):
            known = people.targets
            mark = node.at("self", "targets", index).mark
            message = f"{target!r} is neither a person, a group nor a target of people.yaml"
            findings.problem(mark, message, did_you_mean_or_add(target, known))


def _report_open_secrets(settings: Settings, node: Node, findings: Findings) -> None:
    """Warn about a token or password that is sent over a network without encryption."""
    for name, source in settings.sources.items():
        if source.bearer is None and source.password is None:
            continue
        for index, url in enumerate(source.alertmanager):
            parts = urlsplit(url)
            if parts.scheme == "http" and not Listen(parts.hostname or "", 0).is_loopback:
                message = f"what authenticates tocsin goes to {parts.hostname} unencrypted"
                findings.warn(node.at("sources", name, "alertmanager", index).mark, message, "write an https:// URL")


def _report_unreceived_callbacks(
    settings: Settings, node: Node, channels: Sequence[ConfiguredChannel], findings: Findings
) -> None:
    """Warn about a provider that sends pages but whose callbacks would be refused."""
    inbound = settings.inbound
    listening = {"pagerduty": inbound.pagerduty, "slack": inbound.slack}
    if settings.external_url:  # without it, calls and SMS do not ask for a response
        listening["twilio"] = inbound.twilio
    for channel in channels:
        received = listening.get(channel.kind)
        if received is not None and not received.secrets and channel.settings.asks_for_answers:
            message = f"acknowledgments made in {channel.kind} are not taken: inbound.{channel.kind}.secrets is empty"
            findings.warn(node.at("channels", channel.name).head, message, "write what it signs its requests with")
