"""config/templates/<name>.md.j2: what is said, as Jinja2 templates in a cage."""

from tocsin.conf.templates.folder import names_of, read_templates, try_templates
from tocsin.conf.templates.language import Template, TemplateFailed, TemplateMistake
from tocsin.conf.templates.post_mortem import default_post_mortem

__all__ = [
    "Template",
    "TemplateFailed",
    "TemplateMistake",
    "default_post_mortem",
    "names_of",
    "read_templates",
    "try_templates",
]
