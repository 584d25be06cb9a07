"""The variables of an incident for templates: plain values by name."""

from tocsin.core.content.template_context.facts import Around, brief_of
from tocsin.core.content.template_context.variables import VARIABLES, Variable

__all__ = ["VARIABLES", "Around", "Variable", "brief_of"]
