"""config/templates/<name>.md.j2: message texts as sandboxed Jinja2 templates."""

from tocsin.conf.templates.folder import names_of, read_templates, try_templates
from tocsin.conf.templates.language import MessageTemplate, TemplateFailed, TemplateMistake
from tocsin.conf.templates.post_mortem import default_post_mortem

__all__ = [
    "MessageTemplate",
    "TemplateFailed",
    "TemplateMistake",
    "default_post_mortem",
    "names_of",
    "read_templates",
    "try_templates",
]
