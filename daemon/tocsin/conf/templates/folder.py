"""config/templates/: templates are read, compiled, and tried on sample incidents before they are used."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tocsin.conf.source import Findings, Mark, read_text
from tocsin.conf.templates.language import MessageTemplate, TemplateFailed, TemplateMistake
from tocsin.conf.templates.samples import samples
from tocsin.core.content.template_context import VARIABLES
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.suggestions import did_you_mean

ENDING = ".md.j2"
"""The end of the name of a template file."""
_LABELS = "write for example {{ labels.alertname }}"


def read_templates(directory: Path, findings: Findings) -> dict[str, MessageTemplate]:
    """Return the templates of a folder by name; none if there is no folder. Mistakes are reported to ``findings``."""
    result: dict[str, MessageTemplate] = {}
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        if path.name.startswith("."):
            continue
        if not path.name.endswith(ENDING):
            findings.warn(Mark(str(path)), "is not read as a template", f"name it {path.name.split('.')[0]}{ENDING}")
            continue
        text = read_text(path, findings)
        template = _template(path, text, findings) if text is not None else None
        if template is not None:
            result[template.name] = template
    return result


def names_of(directory: Path) -> frozenset[str]:
    """Return the names of a folder's templates, even invalid ones."""
    paths = directory.iterdir() if directory.is_dir() else ()
    return frozenset(path.name.removesuffix(ENDING) for path in paths if path.name.endswith(ENDING))


def try_templates(
    templates: Mapping[str, MessageTemplate], playbooks: Sequence[Playbook], directory: Path, findings: Findings
) -> None:
    """Render each on samples of the playbooks that name it, or of all where none does."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, template in templates.items():
        for playbook in [each for each in playbooks if name in each.templates] or playbooks:
            failure = _failure(template, playbook, made)
            if failure is not None:
                mark = Mark(str(directory / f"{name}{ENDING}"), failure.line or 1, 1)
                told = f"cannot be rendered for an incident of {playbook.name}: {failure.reason}"
                missing = 'write {{ value | otherwise("...") }} where it may be missing'
                findings.problem(mark, told, "write it shorter or simpler" if failure.does_too_much else missing)
                break


def _template(path: Path, text: str, findings: Findings) -> MessageTemplate | None:
    try:
        template = _compiled(path.name.removesuffix(ENDING), text)
    except TemplateMistake as mistake:
        for each in mistake.objections:
            findings.problem(Mark(str(path), each.line, 1), each.message, each.hint)
        return None
    unknown = sorted(template.variables - VARIABLES.keys())
    for name in unknown:
        mark = Mark(str(path), template.uses.get(name, 1), 1)
        hint = _LABELS if name == "alertname" else did_you_mean(name, VARIABLES)
        findings.problem(mark, f"there is no variable {name!r}", hint)
    return None if unknown else template


@lru_cache(maxsize=500)
def _compiled(name: str, text: str) -> MessageTemplate:
    """Compile a text, once for each text: between reloads and checks, most templates do not change."""
    return MessageTemplate(name, text)


def _failure(
    template: MessageTemplate, playbook: Playbook, made: dict[str, list[dict[str, Any]]]
) -> TemplateFailed | None:
    if playbook.sha in template.tried:
        return None
    if playbook.sha not in made:
        made[playbook.sha] = samples(playbook)
    for sample in made[playbook.sha]:
        try:
            template.render(sample)
        except TemplateFailed as failure:
            return failure
    template.tried.add(playbook.sha)
    return None
