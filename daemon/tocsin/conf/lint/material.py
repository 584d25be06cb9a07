"""The input of the lints: the whole configuration, with the positions in its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin.conf.rules.written import Written
from tocsin.conf.source import Node
from tocsin.core.playbook.playbook import Playbook


@dataclass(frozen=True)
class Material:
    """A configuration, with gaps where parts of it are invalid."""

    rules: Sequence[Written]
    """The valid rules, in order."""
    playbooks: Mapping[str, Playbook]
    """The valid playbooks."""
    playbook_nodes: Mapping[str, Node]
    """The files of the playbooks, by the playbook's name."""
    default_playbook: str
    samples: Sequence[Mapping[str, str]]
    """The labels of alerts as they really look."""
