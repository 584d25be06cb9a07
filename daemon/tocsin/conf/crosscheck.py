"""What holds only between files, or between keys far apart."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.settings import Listen, Settings
from tocsin.conf.source import Findings, Node
from tocsin.core.acting import Verb
from tocsin.core.people import People, Person
from tocsin.core.playbook import DAY, Playbook
from tocsin.core.rotation import Duty, wall
from tocsin.core.suggestions import did_you_mean

_SHORTEST_TOKEN = 16
GAPS_LOOKED_FOR = 60 * DAY
ELSEWHERE = "goes to the playbook's announce targets"


def tell_settings_mistakes(
    settings: Settings,
    node: Node,
    channels: Sequence[ConfiguredChannel],
    trackers: Sequence[ConfiguredTracker],
    people: People | None,
    playbooks: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Compare tocsin.yaml with itself and with the rest."""
    if settings.playbook not in playbooks:
        hint = did_you_mean(settings.playbook, playbooks)
        findings.problem(node.at("playbook").mark, f"there is no playbook {settings.playbook!r}", hint)
    if not settings.tokens and not settings.listen.is_loopback:
        told = f"{settings.listen} can be reached from other machines, and no token is configured"
        findings.problem(node.at("listen").mark, told, "write tokens:, or listen on 127.0.0.1")
    _tell_token_mistakes(settings, node, people, findings)
    if people:
        _tell_unknown_self_targets(settings, node, people, findings)
    _tell_open_secrets(settings, node, findings)
    _tell_deaf_providers(settings, node, channels, findings)
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


def tell_lonely_people(
    people: People,
    node: Node,
    playbooks: Mapping[str, Playbook],
    told_of_tocsin: Sequence[str],
    channels: Sequence[ConfiguredChannel],
    findings: Findings,
) -> None:
    """Warn of people who may be paged and cannot be reached, or not by every kind of message, and of such groups."""
    known = {channel.name for channel in channels}
    targets = {target for playbook in playbooks.values() for target in playbook.targets} | {*told_of_tocsin}
    names = {name for target in targets for name in people.everybody(target)}
    mute = {name for name in names & people.persons.keys() if not people.persons[name].methods}
    for name in sorted(mute):
        told = f"{name} may be paged and has no contact: that page {ELSEWHERE}"
        findings.warn(node.at("people", name).head, told, "write contact:")
    cut_off = {name for name in names & people.persons.keys() if _is_cut_off(people.persons[name], known)}
    for name in sorted(cut_off):
        told = f"{name} may be paged and no channel of their methods is configured: that page {ELSEWHERE}"
        findings.warn(node.at("people", name, "methods").head, told, "configure one of the channels")
    informing = {channel.name for channel in channels if channel.settings.informs}
    for name in sorted(names & people.persons.keys() - cut_off - mute):
        used = {method.contact.channel for method in people.persons[name].methods}
        if used <= known and not used & informing:  # of a channel that is not known something else is told
            told = f"{name} gets pages and nothing else: no contact method of theirs carries updates and reminders"
            hint = f"add a method such as email, slack or sms; until then what they would be told {ELSEWHERE}"
            person = node.at("people", name)
            key = "contact" if person.child("contact") is not None else "methods"
            findings.warn(person.at(key).head, told, hint)
    lonely = mute | cut_off
    for group in sorted(targets & people.groups.keys()):
        members = people.groups[group]
        if len(members) > 1 and lonely.issuperset(members):
            told = f"nobody of {group} can be reached: all that is for them {ELSEWHERE}"
            findings.warn(node.at("groups", group).head, told, "give one of them a contact")


def _is_cut_off(person: Person, channels: Collection[str]) -> bool:
    """Of a single contact it is told where it stands."""
    return bool(person.further) and not any(method.contact.channel in channels for method in person.methods)


def tell_gaps(people: People, node: Node, now: int, findings: Findings) -> None:
    """Warn of times without an on-call person: of all of them without a backup, else of those before the beginning."""
    for name, rotation in people.rotations.items():
        begins_at = rotation.begins_at
        if rotation.backup and begins_at is not None and begins_at > now:
            shown = wall(begins_at, ZoneInfo(rotation.time_zone)).isoformat(" ", "minutes")
            told = f"nobody is on call before {shown} ({rotation.time_zone}): until then {', '.join(rotation.backup)} "
            told += "is paged as the backup"
            findings.warn(node.at("rotations", name).head, told, "correct `starts`, if it should have begun")
        if rotation.backup or rotation.is_asked_for:
            continue
        gaps = rotation.gaps(now, now + GAPS_LOOKED_FOR, Duty(now))
        if gaps:
            zone = ZoneInfo(rotation.time_zone)
            begins, ends = (wall(at, zone).isoformat(" ", "minutes") for at in gaps[0])
            more = f", and in {len(gaps) - 1} more gaps of the next 60 days" if len(gaps) > 1 else ""
            told = f"nobody is on call from {begins} until {ends} ({rotation.time_zone}){more}"
            mark = node.at("rotations", name).head
            findings.warn(mark, told, f"add members or a layer, or name a backup: what comes then {ELSEWHERE}")


def tell_roomless(
    playbooks: Mapping[str, Playbook],
    nodes: Mapping[str, Node],
    channels: Sequence[ConfiguredChannel],
    findings: Findings,
) -> None:
    """Warn of playbooks whose rooms nobody can make."""
    makers = {channel.name for channel in channels if channel.kind == "slack"}
    for name, playbook in playbooks.items():
        wish = playbook.texts.room
        if wish is not None and wish.channel not in makers:
            told = f"{wish.channel!r} is no channel that can make rooms: incidents get none"
            hint = did_you_mean(wish.channel, makers) or "write a channel of the kind slack under channels:"
            findings.warn(nodes[name].at("room", "channel").mark, told, hint)


def tell_trackerless(
    playbooks: Mapping[str, Playbook],
    nodes: Mapping[str, Node],
    trackers: Sequence[ConfiguredTracker],
    findings: Findings,
) -> None:
    """Warn of playbooks whose tickets nobody keeps, and of what is published without anybody's having read it."""
    kinds = {tracker.name: tracker.kind for tracker in trackers}
    for name, playbook in playbooks.items():
        for index, action in enumerate(playbook.actions):
            if action.verb is not Verb.TRACKER:
                continue
            node = nodes[name].at("actions", index, "tracker")
            if action.what not in kinds:
                told = f"{action.what!r} is no tracker: no ticket is opened"
                hint = did_you_mean(action.what, kinds) or f"write {action.what}: under trackers: of tocsin.yaml"
                findings.warn(node.mark, told, hint)
            elif kinds[action.what] == "statuspage" and not action.confirm:
                told = "customers read this, and nobody has read it before"
                findings.warn(node.mark, told, "write confirm: true")


def _targets(playbook: Playbook) -> set[str]:
    lists = [playbook.announce, *(tier.targets for tier in playbook.tiers)]
    lists += [cell.targets for level in playbook.levels for cell in level.cells]
    lists += [action.targets for action in playbook.actions if action.verb is not Verb.TRACKER]
    return {target for targets in lists for target in targets}


def _tell_token_mistakes(settings: Settings, node: Node, people: People | None, findings: Findings) -> None:
    names: set[str] = set()
    for index, token in enumerate(settings.tokens):
        place = node.at("tokens", index)
        if token.name in names:
            findings.problem(place.at("name").mark, f"there is another token {token.name!r}", "give each its own name")
        names.add(token.name)
        if any(token.token == other.token for other in settings.tokens[:index]):
            findings.problem(place.head, "another token has the same value", "give each its own")
        if len(token.token.reveal()) < _SHORTEST_TOKEN:
            told = f"the token {token.name} is shorter than {_SHORTEST_TOKEN} characters"
            findings.warn(place.head, told, "make one with: openssl rand -hex 32")
        if token.person and people and token.person not in people.persons:
            told = f"{token.person!r} is no person of people.yaml"
            findings.problem(place.at("person").mark, told, did_you_mean(token.person, people.persons))


def _tell_unknown_self_targets(settings: Settings, node: Node, people: People, findings: Findings) -> None:
    for index, target in enumerate(settings.self_.targets):
        if not people.knows(target):
            known = people.targets
            mark = node.at("self", "targets", index).mark
            told = f"{target!r} is neither a person, a group nor a target of people.yaml"
            findings.problem(mark, told, did_you_mean(target, known))


def _tell_open_secrets(settings: Settings, node: Node, findings: Findings) -> None:
    """Warn of a token or password that goes over a network in the clear."""
    for name, source in settings.sources.items():
        if source.bearer is None and source.password is None:
            continue
        for index, url in enumerate(source.alertmanager):
            parts = urlsplit(url)
            if parts.scheme == "http" and not Listen(parts.hostname or "", 0).is_loopback:
                told = f"what authenticates tocsin goes to {parts.hostname} unencrypted"
                findings.warn(node.at("sources", name, "alertmanager", index).mark, told, "write an https:// URL")


def _tell_deaf_providers(
    settings: Settings, node: Node, channels: Sequence[ConfiguredChannel], findings: Findings
) -> None:
    """Warn where a provider is paged whose answers would be refused."""
    inbound = settings.inbound
    listening = {"pagerduty": inbound.pagerduty, "slack": inbound.slack}
    if settings.external_url:  # without it, nobody is asked for an answer by telephone
        listening["twilio"] = inbound.twilio
    for channel in channels:
        heard = listening.get(channel.kind)
        if heard is not None and not heard.secrets and channel.settings.asks_for_answers:
            told = f"acknowledgments made in {channel.kind} are not taken: inbound.{channel.kind}.secrets is empty"
            findings.warn(node.at("channels", channel.name).head, told, "write what it signs its requests with")
