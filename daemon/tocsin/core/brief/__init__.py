"""What a message may say of an incident: plain values by name, for templates and for nobody else."""

from tocsin.core.brief.facts import Around, brief_of
from tocsin.core.brief.variables import VARIABLES, Variable

__all__ = ["VARIABLES", "Around", "Variable", "brief_of"]
