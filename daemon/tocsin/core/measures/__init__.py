"""The measures of a period: figures about incidents, people and duties, computed from plain records."""
