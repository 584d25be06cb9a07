"""The file as a whole: its parts, and the playbook that they make."""

from typing import Any

from tocsin.conf.playbooks.actions import ActionsPart
from tocsin.conf.playbooks.business import BusinessHoursPart
from tocsin.conf.playbooks.drills import DrillsPart
from tocsin.conf.playbooks.goals import GoalsPart
from tocsin.conf.playbooks.ladder import LadderPart, SeverityEntry
from tocsin.conf.playbooks.parts import Check, Part
from tocsin.conf.playbooks.promises import PromisesPart
from tocsin.conf.playbooks.reminders import RemindersPart
from tocsin.conf.playbooks.targets import with_targets
from tocsin.conf.playbooks.texts import TextsPart
from tocsin.conf.playbooks.times import TimesPart
from tocsin.conf.playbooks.work import WorkPart
from tocsin.conf.schema import validate
from tocsin.conf.settings import Times
from tocsin.conf.source import Findings, Node
from tocsin.core.playbook.playbook import Playbook


class PlaybookFile(
    BusinessHoursPart,
    ActionsPart,
    TextsPart,
    PromisesPart,
    RemindersPart,
    GoalsPart,
    DrillsPart,
    WorkPart,
    TimesPart,
    LadderPart,
):
    """The file. A new part is one more base."""


PARTS: tuple[type[Part], ...] = tuple(base for base in PlaybookFile.__bases__ if issubclass(base, Part))


def playbook_of(name: str, node: Node, times: Times, findings: Findings) -> Playbook | None:
    """Return the playbook of a file; ``times`` are its defaults. None if the file is invalid."""
    node = with_targets(node, findings)
    file = validate(node, PlaybookFile, findings)
    if file is None:
        return None
    check = Check(node, findings)
    for part in reversed(PARTS):
        part.check(file, check)
    if check.failed:
        return None
    values: dict[str, Any] = {}
    for part in PARTS:
        values |= part.of_playbook(file, times)
    return Playbook(name=name, **values)


__all__ = ["PlaybookFile", "SeverityEntry", "playbook_of"]
