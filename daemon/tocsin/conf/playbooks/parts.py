"""What each part of a playbook's file is made of."""

from collections.abc import Iterable
from typing import Any

from tocsin.conf.schema import Section
from tocsin.conf.settings import Times
from tocsin.conf.source import Findings, Node


class Check:
    """Where a part tells what does not hold together."""

    def __init__(self, node: Node, findings: Findings) -> None:
        self.node = node
        """The whole file."""
        self.findings = findings
        self.failed = False

    def problem(self, node: Node, message: str, hint: str = "") -> None:
        """Refuse the file for what stands at ``node``."""
        self.failed = True
        self.findings.problem(node.mark, message, hint)


class Part(Section):
    """Some keys of the file; `PlaybookFile` inherits from every part.

    A part that needs the keys of another inherits from it, stands before it
    among the bases of `PlaybookFile`, and overrides every method here.
    """

    def of_playbook(self, times: Times) -> dict[str, Any]:
        """The fields of the core's `Playbook` that these keys are; ``times`` are the defaults of tocsin.yaml."""
        del times
        return {}

    def check(self, check: Check) -> None:
        """Tell what does not hold together. Only asked where every key is well formed."""

    @classmethod
    def targets_in(cls, node: Node) -> Iterable[Node]:
        """The lists of targets in a file, whatever else is wrong with it: they are compared with people.yaml."""
        del node
        return ()

    @classmethod
    def target_names_in(cls, node: Node) -> Iterable[Node]:
        """The targets that stand alone, likewise."""
        del node
        return ()

    @classmethod
    def templates_in(cls, node: Node) -> Iterable[Node]:
        """The names of templates in a file, likewise: they are compared with config/templates/."""
        del node
        return ()


class SeverityPart(Section):
    """Some keys of a severity; `SeverityEntry` inherits from every such part."""

    def of_level(self) -> dict[str, Any]:
        """The fields of the core's `Level` that these keys are."""
        return {}
