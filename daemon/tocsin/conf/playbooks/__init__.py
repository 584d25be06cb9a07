"""config/playbooks/<name>.yaml: an organization's incident response process.

The file consists of parts, one module each: a part has its keys, their form in the playbook, and its consistency checks
(`parts.Part`). A new part is a new module and a line in ``file.py``.
"""

from tocsin.conf.playbooks.actions import ActionEntry
from tocsin.conf.playbooks.business import HoursEntry
from tocsin.conf.playbooks.duties import DutyEntry, MeetingEntry
from tocsin.conf.playbooks.file import PlaybookFile, SeverityEntry, playbook_of
from tocsin.conf.playbooks.goals import GoalsEntry
from tocsin.conf.playbooks.matrix import CellEntry, TierEntry
from tocsin.conf.playbooks.names import report_unknown_targets, report_unknown_templates, skeleton_of
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
    "DutyEntry",
    "FollowUpEntry",
    "GoalsEntry",
    "HoursEntry",
    "MeetingEntry",
    "PlaybookFile",
    "QuestionEntry",
    "ReminderEntry",
    "RoleEntry",
    "SeverityEntry",
    "TierEntry",
    "limits_of",
    "playbook_of",
    "report_unknown_targets",
    "report_unknown_templates",
    "skeleton_of",
]
