"""What the lints look at: the whole configuration, as it was read and where it was written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Node
from tocsin.core.playbook import Playbook


@dataclass(frozen=True)
class Material:
    """A configuration, possibly with gaps where something in it is wrong."""

    rules: Sequence[Written]
    """Those that could be read, in their order."""
    playbooks: Mapping[str, Playbook]
    """Those that hold together."""
    playbook_nodes: Mapping[str, Node]
    """Every playbook's file."""
    default_playbook: str
    samples: Sequence[Mapping[str, str]]
    """The labels of alerts as they really look."""
