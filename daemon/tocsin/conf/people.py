"""config/people.yaml: people and their contact methods."""

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from tocsin.conf.channels import ChannelKind, ConfiguredChannel
from tocsin.conf.duration import Duration
from tocsin.conf.rotations import Known, RotationEntry, RotationReader
from tocsin.conf.schema import IdForm, Name, Section, validate
from tocsin.conf.settings import CONSOLE
from tocsin.conf.source import Findings, Node
from tocsin.conf.vault import Vault, with_secrets
from tocsin.conf.wall_clock import TimeZone
from tocsin.core.oncall.people import Contact, Method, People, Person
from tocsin.core.suggestions import did_you_mean, did_you_mean_or_add

SLACK_USER = IdForm(
    r"[UW][A-Z0-9]{2,}",
    "a Slack user id such as U0123ABCD",
    "in the person's Slack profile under Copy member ID",
    may_be_empty=True,
)
PAGERDUTY_USER = IdForm(
    r"[A-Z0-9]{6,20}",
    "a PagerDuty user id such as PABC123",
    "at the end of the address of the user's page",
    may_be_empty=True,
)

SKIPPED = "this method is skipped"


class ContactEntry(Section):
    """``contact:``; the keys beside ``channel`` depend on the kind of the channel."""

    model_config = ConfigDict(extra="allow")

    HINTS: ClassVar[Mapping[str, str]] = {
        "channel": "write `channel:` and the name of a channel, such as {channel: console}"
    }

    channel: Name


class MethodEntry(ContactEntry):
    """One of ``methods:``; ``after`` is counted from the page."""

    after: Duration = 0


class TargetEntry(ContactEntry):
    """One of ``targets:``; each further contact is used when those before it fail."""

    otherwise: tuple[ContactEntry, ...] = ()


class PersonEntry(Section):
    """One of ``people:``; ``contact`` is the short form of a single method."""

    HINTS: ClassVar[Mapping[str, str]] = {
        key: f"write `contact: {{channel: {key if key != 'channel' else '...'}}}`"
        for key in ("channel", "console", "pagerduty", "slack", "twilio", "webhook")
    }

    full_name: str = ""
    email: str = ""
    slack_user: Annotated[str, SLACK_USER] = ""
    pagerduty_user: Annotated[str, PAGERDUTY_USER] = ""
    time_zone: TimeZone | None = None
    contact: ContactEntry | None = None
    methods: Annotated[tuple[MethodEntry, ...], Field(min_length=1)] | None = None


class PeopleFile(Section):
    """The content of people.yaml."""

    people: dict[Name, PersonEntry] = Field(default_factory=dict)
    groups: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(default_factory=dict)
    rotations: dict[Name, RotationEntry] = Field(default_factory=dict)
    targets: dict[Name, TargetEntry] = Field(default_factory=dict)


class ContactReader:
    """A reader of contacts, by the configured channels."""

    def __init__(
        self,
        channels: Iterable[ConfiguredChannel],
        kinds: Mapping[str, ChannelKind],
        vault: Vault,
        broken: Collection[str] = (),
    ) -> None:
        """Create a reader; ``broken`` has the names of channels whose settings have been reported as invalid."""
        self._channels = {channel.name: channel for channel in channels}
        self._broken = broken
        self._kinds = kinds
        self._vault = vault
        self.findings = vault.findings

    @property
    def kinds_of_channels(self) -> dict[str, str]:
        """Return the kind of each channel."""
        return {name: channel.kind for name, channel in self._channels.items()}

    def read(
        self,
        node: Node,
        entry: ContactEntry,
        without: str = "what goes here goes to the playbook's announce targets, else to the console",
    ) -> Contact:
        """Return the contact of a well-formed node; without a destination if it is invalid.

        ``without`` describes the consequence of a channel that is not configured.
        """
        channel = self._channels.get(entry.channel)
        if channel is None:
            if entry.channel not in self._broken:
                mark = node.at("channel").mark
                message = f"no channel {entry.channel!r} is configured: {without}"
                self.findings.warn(mark, message, did_you_mean(entry.channel, self._channels))
            return Contact(entry.channel, "")
        form = self._kinds[channel.kind].contacts
        for key in type(entry).model_fields:  # what else stands there is the kind's own, or a mistake
            node = node.without(key)
        settings = validate(with_secrets(node, form, self._vault), form, self.findings)
        if settings is None:
            return Contact(entry.channel, "")
        contact = settings.contact(channel.name)
        known = channel.settings.destinations()
        if known is not None and contact.destination not in known:
            text = next((child for _, child in node.children() if child.value == contact.destination), node)
            message = f"the channel {channel.name} has no {contact.destination!r}"
            self.findings.problem(text.mark, message, did_you_mean(contact.destination, known))
        return contact


def people_of(node: Node, contacts: ContactReader, findings: Findings) -> People | None:
    """Return the people of a file; None if the file is malformed, which is reported to ``findings``."""
    file = validate(node, PeopleFile, findings)
    if file is None:
        return None
    _report_clashes(file, node, findings)
    _report_twins(file, node, findings)
    persons = {name: _person(name, entry, node.at("people", name), contacts) for name, entry in file.people.items()}
    places = {name: contacts.read(node.at("targets", name), entry) for name, entry in file.targets.items()}
    spares = {
        name: tuple(
            contacts.read(node.at("targets", name, "otherwise", index), other, SKIPPED)
            for index, other in enumerate(entry.otherwise)
        )
        for name, entry in file.targets.items()
        if entry.otherwise
    }
    members = {*file.people, *file.targets, *file.rotations, CONSOLE}
    for group, named in file.groups.items():
        for index, member in enumerate(named):
            if member not in members:
                mark = node.at("groups", group, index).mark
                hint = did_you_mean_or_add(member, members)
                findings.problem(mark, f"{member!r} is neither a person nor a target", hint)
    reader = RotationReader(Known(persons, members | file.groups.keys(), contacts.kinds_of_channels), findings)
    rotations = {name: reader.read(name, entry, node.at("rotations", name)) for name, entry in file.rotations.items()}
    return People(persons=persons, groups=dict(file.groups), places=places, spares=spares, rotations=rotations)


def _person(name: str, entry: PersonEntry, node: Node, contacts: ContactReader) -> Person:
    first = contacts.read(node.at("contact"), entry.contact) if entry.contact else None
    further: tuple[Method, ...] = ()
    if entry.methods is not None:
        if entry.contact:
            contacts.findings.problem(node.at("contact").head, "has both `contact` and `methods`", "remove contact:")
        read = [contacts.read(node.at("methods", at), method, SKIPPED) for at, method in enumerate(entry.methods)]
        first, further = read[0], tuple(map(Method, read[1:], (method.after for method in entry.methods[1:])))
        _report_order(entry.methods, node.at("methods"), contacts.findings)
    return Person(
        name=name,
        full_name=entry.full_name,
        email=entry.email,
        slack_user=entry.slack_user,
        pagerduty_user=entry.pagerduty_user,
        time_zone=entry.time_zone or "",
        contact=first,
        further=further,
    )


def _report_order(methods: tuple[MethodEntry, ...], node: Node, findings: Findings) -> None:
    if methods[0].after:
        message = "the first method is used at once"
        findings.problem(node.at(0, "after").mark, message, "remove its `after`: those that follow count from the page")
    for index, (before, method) in enumerate(pairwise(methods), start=1):
        if method.after < before.after:
            message = "this method comes before the one above it"
            findings.problem(node.at(index).head, message, "write methods in the order of their `after`")


def _report_clashes(file: PeopleFile, node: Node, findings: Findings) -> None:
    """Report duplicate names: a playbook names people, groups and targets alike, so their names must differ."""
    taken = {CONSOLE: "the built-in target"}
    for kind in ("people", "groups", "rotations", "targets"):
        for name in getattr(file, kind):
            if name in taken:
                message = f"{name!r} is already the name of {taken[name]}"
                findings.problem(node.at(kind, name).head, message, "choose another")
            else:
                taken[name] = f"one of {kind}:"


def _report_twins(file: PeopleFile, node: Node, findings: Findings) -> None:
    """Report duplicate ids: an id must identify the person who responds through a provider."""
    for key in ("email", "slack_user", "pagerduty_user"):
        first: dict[str, str] = {}
        for name, entry in file.people.items():
            value = getattr(entry, key).lower()
            if value and value in first:
                message = f"{first[value]} has the same {key}: an acknowledgment could be either's"
                findings.problem(node.at("people", name, key).mark, message, "give each their own")
            elif value:
                first[value] = name
