"""What holds only between files, or between keys far apart."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.schema import did_you_mean
from tocsin.conf.settings import Listen, Settings
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
    _tell_open_secrets(settings, node, findings)
    _tell_deaf_providers(settings, node, channels, findings)
    for channel in channels:
        for doubt in channel.settings.doubts():
            findings.warn(node.at("channels", channel.name).head, doubt)


def tell_lonely_people(
    people: People, node: Node, playbooks: Mapping[str, Playbook], told_of_tocsin: Sequence[str], findings: Findings
) -> None:
    """Warn of everybody who may be paged and cannot be reached, and of groups in which nobody can."""
    targets = {target for playbook in playbooks.values() for target in _targets(playbook)} | {*told_of_tocsin}
    names = {name for target in targets for name in _everybody(people, target)}
    lonely = {name for name in names & people.persons.keys() if not people.persons[name].methods}
    for name in sorted(lonely):
        told = f"{name} may be paged and has no contact: that page goes to the console"
        findings.warn(node.at("people", name).head, told, "write contact: or methods:")
    for group in sorted(targets & people.groups.keys()):
        members = people.groups[group]
        if len(members) > 1 and lonely.issuperset(members):
            told = f"nobody of {group} can be reached: all that goes there goes to the console"
            findings.warn(node.at("groups", group).head, told, "give one of them a contact")


def _everybody(people: People, target: str, seen: tuple[str, ...] = ()) -> set[str]:
    """Every person and place that a target may ever stand for."""
    if target in seen:
        return set()
    if target in people.groups:
        inner: tuple[str, ...] = people.groups[target]
    elif target in people.rotations:
        inner = people.rotations[target].names
    else:
        return {target}
    return {name for one in inner for name in _everybody(people, one, (*seen, target))}


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
