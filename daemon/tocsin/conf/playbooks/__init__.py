"""config/playbooks/<name>.yaml: an organisation's response rules.

The file is made of parts, one module each: a part has its keys, what they
become in the playbook, and what must hold together (`parts.Part`). A new part
is a new module and a line in ``file.py``.
"""

from tocsin.conf.playbooks.actions import ActionEntry
from tocsin.conf.playbooks.business import HoursEntry
from tocsin.conf.playbooks.file import PlaybookFile, SeverityEntry, playbook_of
from tocsin.conf.playbooks.matrix import CellEntry, TierEntry
from tocsin.conf.playbooks.names import skeleton_of, tell_unknown_targets, tell_unknown_templates
from tocsin.conf.playbooks.promises import FollowUpEntry
from tocsin.conf.playbooks.reminders import ReminderEntry
from tocsin.conf.playbooks.times import NESTED, limits_of
from tocsin.conf.playbooks.work import BranchEntry, ChecklistEntry, QuestionEntry, RoleEntry

__all__ = [
    "NESTED",
    "ActionEntry",
    "BranchEntry",
    "CellEntry",
    "ChecklistEntry",
    "FollowUpEntry",
    "HoursEntry",
    "PlaybookFile",
    "QuestionEntry",
    "ReminderEntry",
    "RoleEntry",
    "SeverityEntry",
    "TierEntry",
    "limits_of",
    "playbook_of",
    "skeleton_of",
    "tell_unknown_targets",
    "tell_unknown_templates",
]
