"""rules/*.yaml: from YAML to the `RuleSet`; mistakes are reported at their position."""

from tocsin.conf.rules.folder import Folder, load_rules, read_folder, rule_set
from tocsin.conf.rules.written import Written

__all__ = ["Folder", "Written", "load_rules", "read_folder", "rule_set"]
