"""Daemons and servers that tests of the command line talk to."""

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from tocsin.cli.main import cli


@dataclass
class Running:
    """A real daemon, with the shipped configuration, the memory store and the console channel."""

    url: str
    output: Path

    def run(self, *arguments: str, typed: str = "", **environ: str) -> Result:
        """`tocsin ARGUMENTS`, speaking to it; ``typed`` is what somebody types."""
        given = {"TOCSIN_URL": self.url, **environ}
        return CliRunner().invoke(cli, arguments, input=typed, env=given, catch_exceptions=False)


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """A server that answers everything with the same thing."""

    url: str
    seen: list[Seen]

    def run(self, *arguments: str, **environ: str) -> Result:
        """`tocsin ARGUMENTS`, speaking to it."""
        return CliRunner().invoke(cli, arguments, env={"TOCSIN_URL": self.url, **environ})
