"""The interface of the parts of a playbook's file."""

from collections.abc import Iterable
from typing import Any

from tocsin.conf.schema import Section
from tocsin.conf.settings import Times
from tocsin.conf.source import Findings, Node


class Check:
    """Receives the consistency errors of a part."""

    def __init__(self, node: Node, findings: Findings) -> None:
        self.node = node
        """The whole file."""
        self.findings = findings
        self.failed = False

    def problem(self, node: Node, message: str, hint: str = "") -> None:
        """Report an error at ``node``, which makes the file invalid."""
        self.failed = True
        self.findings.problem(node.mark, message, hint)


class Part(Section):
    """Some keys of the file; `PlaybookFile` inherits from every part.

    A part that needs the keys of another inherits from it, precedes it among the bases of `PlaybookFile`, and overrides
    every method here.
    """

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """Return the fields of the core's `Playbook` for these keys; ``times`` are the defaults of tocsin.yaml."""
        del times
        return {}

    def check(self, check: Check) -> None:
        """Report inconsistencies. Called only if every key is well-formed."""

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """Return the lists of targets in a file, even an invalid one, to compare them with people.yaml."""
        del node
        return ()

    @classmethod
    def target_names_in(cls, node: Node) -> Iterable[Node]:
        """Return the single targets in a file, even an invalid one, to compare them with people.yaml."""
        del node
        return ()

    @classmethod
    def templates_in(cls, node: Node) -> Iterable[Node]:
        """Return the names of templates in a file, even an invalid one, to compare them with config/templates/."""
        del node
        return ()


class SeverityPart(Section):
    """Some keys of a severity; `SeverityEntry` inherits from every such part."""

    def of_level(self) -> dict[str, Any]:
        """Return the fields of the core's `Level` that these keys define."""
        return {}
