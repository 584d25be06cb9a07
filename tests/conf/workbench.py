"""A configuration on disk that a test can edit and load."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from tocsin.channels.console.settings import ConsoleContact, ConsoleSettings
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.channels import ChannelKind, ChannelSettings, ContactSettings, Kinds
from tocsin.conf.schema import Name, Section, Text
from tocsin.conf.secrets import Secret
from tocsin.conf.source import ConfigError
from tocsin.core.oncall.people import Contact
from tocsin.trackers.registry import KINDS as TRACKERS

SHIPPED = Path(__file__).parents[2] / "config"

RULES = """\
rules:
  - name: everything
    match: {}
    set: {playbook: emergency-response, severity: SEV-2}
  - {name: highest, match: severity="critical", set: {severity: SEV-1}}
  - {name: low, match: severity="warning", set: {severity: SEV-3}}
  - {name: lowest, match: severity="info", set: {severity: SEV-4}}
"""


class Station(Section):
    key: Secret


class RadioSettings(ChannelSettings):
    frequency: Text
    password: Secret | None = None
    stations: dict[Name, Station] = Field(default_factory=dict)

    def destinations(self) -> frozenset[str] | None:
        return frozenset(self.stations) or None


class RadioContact(ContactSettings):
    station: Name

    def contact(self, channel: str) -> Contact:
        return Contact(channel, self.station)


CHANNELS = {
    "console": ChannelKind("console", ConsoleSettings, ConsoleContact),
    "radio": ChannelKind("radio", RadioSettings, RadioContact),
}
KINDS = Kinds(CHANNELS, TRACKERS)


class Workbench:
    """The shipped configuration with one of its playbooks, copied into a folder of the test's own."""

    def __init__(self, root: Path) -> None:
        self.config = root / "config"
        self.rules = root / "rules"
        self.playbook = "playbooks/emergency-response.yaml"
        shutil.copytree(SHIPPED, self.config)
        for other in set((self.config / "playbooks").iterdir()) - {self.config / self.playbook}:
            other.unlink()
        self.rules.mkdir()
        (self.rules / "rules.yaml").write_text(RULES)

    def text(self, file: str) -> str:
        return (self.config / file).read_text()

    def write(self, file: str, text: str) -> None:
        (self.config / file).write_text(text)

    def edit(self, file: str, old: str, new: str) -> tuple[int, int]:
        """Replace the one place where ``old`` stands; returns the line and the column where ``new`` begins."""
        before, found, after = self.text(file).partition(old)
        assert found, f"{old!r} does not stand in {file}"
        assert old not in after, f"{old!r} stands more than once in {file}"
        self.write(file, before + new + after)
        return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1

    def load(self, environ: Mapping[str, str] | None = None) -> Bundle:
        return load(self.config, self.rules, KINDS, environ or {})

    def problems(self, environ: Mapping[str, str] | None = None) -> list[str]:
        """Return the problems, with paths relative to the configuration."""
        try:
            self.load(environ)
        except ConfigError as error:
            return [str(problem).replace(f"{self.config}/", "") for problem in error.problems]
        return []

    def warnings(self, environ: Mapping[str, str] | None = None) -> list[str]:
        return [str(warning).replace(f"{self.config}/", "") for warning in self.load(environ).warnings]
