"""What holds only between files, or between keys far apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.schema import did_you_mean
from tocsin.conf.settings import Settings
from tocsin.conf.source import Findings, Node
from tocsin.core.people import People
from tocsin.core.playbook import Playbook

_SHORTEST_TOKEN = 16


def tell_settings_mistakes(
    settings: Settings,
    node: Node,
    channels: Sequence[ConfiguredChannel],
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
    _tell_deaf_providers(settings, node, channels, findings)
    for channel in channels:
        for doubt in channel.settings.doubts():
            findings.warn(node.at("channels", channel.name).head, doubt)


def tell_lonely_people(
    people: People, node: Node, playbooks: Mapping[str, Playbook], told_of_tocsin: Sequence[str], findings: Findings
) -> None:
    """Warn of everybody who may be paged and has no contact, and of groups in which nobody has one."""
    targets = {target for playbook in playbooks.values() for target in _targets(playbook)} | {*told_of_tocsin}
    names = {name for target in targets for name in people.groups.get(target, (target,))}
    lonely = {name for name in names & people.persons.keys() if people.persons[name].contact is None}
    for name in sorted(lonely):
        told = f"{name} may be paged and has no contact: that page goes to the console"
        findings.warn(node.at("people", name).head, told, "write contact:")
    for group in sorted(targets & people.groups.keys()):
        members = people.groups[group]
        if len(members) > 1 and lonely.issuperset(members):
            told = f"nobody of {group} can be reached: all that goes there goes to the console"
            findings.warn(node.at("groups", group).head, told, "give one of them a contact")


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


def _targets(playbook: Playbook) -> set[str]:
    lists = [playbook.announce, *(tier.targets for tier in playbook.tiers)]
    lists += [cell.targets for level in playbook.levels for cell in level.cells]
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
            known = {*people.persons, *people.groups, *people.places}
            mark = node.at("self", "targets", index).mark
            told = f"{target!r} is neither a person, a group nor a target of people.yaml"
            findings.problem(mark, told, did_you_mean(target, known))


def _tell_deaf_providers(
    settings: Settings, node: Node, channels: Sequence[ConfiguredChannel], findings: Findings
) -> None:
    """Warn where a provider is paged whose answers would be refused."""
    listening = {"pagerduty": settings.inbound.pagerduty, "slack": settings.inbound.slack}
    for channel in channels:
        inbound = listening.get(channel.kind)
        if inbound is not None and not inbound.secrets:
            told = f"acknowledgments made in {channel.kind} are not taken: inbound.{channel.kind}.secrets is empty"
            findings.warn(node.at("channels", channel.name).head, told, "write what it signs its requests with")
