"""Template syntax of other programs is refused, because recipients would see it unexpanded."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.workbench import Workbench
from tocsin.conf.foreign import foreign_in_template
from tocsin.core.matching.placeholders import Template

FOREIGN = [
    ("{{ alertname }}", "{alertname}"),
    ("{{alertname}} is down", "{alertname}"),
    ("{{labels.x}}", "{x}"),
    ("{{ alert.labels.x }}", "{x}"),
    ("{{ $labels.instance }}", "{instance}"),
    ("Disk of {{$labels.instance}} is full", "{instance}"),
    ("{{ .Labels.job }}", "{job}"),
    ("{{- .CommonLabels.alertname -}}", "{alertname}"),
    ("{{ $labels.x | title }}", "{x}"),
    ("{{ x | default('y') }}", "{x|y}"),
    ("{{ $value }}", "{label}"),
    ("{{ humanize $value }}", "{label}"),
    ("{{ range .Alerts }}", "{label}"),
    ("{{#each alerts}}", "{label}"),
    ("{% if x %}", "{label}"),
    ("${service}", "{service}"),
    ("${service:-none}", "{service|none}"),
]
"""Texts that are refused, and what is meant."""
IN_TEMPLATES = [
    ("$service down", "{service}"),
    ("$labels.x", "{x}"),
    ("$(service)", "{service}"),
    ("%{service}", "{service}"),
    ("%(service)s", "{service}"),
    ("{$labels.x}", "{x}"),
    ("{.Labels.x}", "{x}"),
    ("{labels.x}", "{x}"),
    ("{x!r}", "{x}"),
    ("{x:>3}", "{x}"),
    ("{x:-y}", "{x|y}"),
    ("{x or 'y'}", "{x|y}"),
    ("{x | upper}", "{x}"),
]
"""Texts that are refused where there are placeholders."""
OURS = ["up{{job='x'}}", "{{{job}}}", "{a, b|none}", "{service.name}", "{namespace|default}", "{x|(none)}", "$5, 100%"]


@pytest.mark.parametrize(("text", "instead"), [*FOREIGN, *IN_TEMPLATES])
def test_foreign_syntax_in_a_text_of_a_rule_is_refused_with_what_to_write(
    bench: Workbench, text: str, instead: str
) -> None:
    rules = bench.rules / "rules.yaml"
    rules.write_text(rules.read_text() + f'  - {{name: own, match: a="b", set: {{title: "{text}"}}}}\n')
    [problem] = bench.problems()
    assert "is the template syntax of another program, which tocsin does not fill in" in problem
    assert problem.endswith(f"write {instead}; a backslash before {{, }}, $ or % keeps it as text")


@pytest.mark.parametrize("where", ["labels: {x: TEXT}", "when_open: {service: TEXT}", "set: {dedup_key: TEXT}"])
def test_it_is_refused_in_every_text_of_a_rule_that_has_placeholders(bench: Workbench, where: str) -> None:
    rules = bench.rules / "rules.yaml"
    line = where.replace("TEXT", '"{{ alertname }}"')
    rules.write_text(rules.read_text() + f'  - {{name: own, match: a="b", raise: 1, {line}}}\n')
    [problem] = bench.problems()
    assert "is the template syntax of another program" in problem


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("people.yaml", "people:\n", "people:\n  pat: {full_name: TEXT}\n"),
        ("playbooks/emergency-response.yaml", "title: Emergency response", "title: TEXT"),
        ("playbooks/emergency-response.yaml", "- Mitigation attempted", "- TEXT"),
        ("tocsin.yaml", "playbook: emergency-response", "playbook: emergency-response\nexternal_url: TEXT"),
    ],
)
@pytest.mark.parametrize("text", [text for text, _ in FOREIGN])
def test_it_is_refused_where_texts_have_no_placeholders_at_all(
    bench: Workbench, file: str, old: str, new: str, text: str
) -> None:
    bench.edit(file, old, new.replace("TEXT", f'"{text}"'))
    [problem] = bench.problems()
    assert "is the template syntax of another program, which tocsin does not fill in" in problem
    assert problem.endswith("names the variable" if "${" in text else "this text has no placeholders")


@pytest.mark.parametrize("text", OURS)
def test_what_is_ours_is_taken(text: str) -> None:
    assert foreign_in_template(text) is None
    Template.parse(text)


@given(st.text("{}$%\\ ab(.|", max_size=20))
def test_every_text_can_be_written_with_backslashes(text: str) -> None:
    written = re.sub(r"[{}$%]", r"\\\g<0>", text)
    assert foreign_in_template(written) is None
    assert Template.parse(written).constant == text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{{ $labels.x }}", "write a variable such as {{ title }}"),
        ("{{ .CommonLabels.x }}", "write a variable such as {{ title }}"),
        ("${service}", "write {{ service }}, or {{ '${service}' }} to keep it as text"),
        ("${anything}", "write {{ anything }}, or {{ '${anything}' }} to keep it as text"),
        ("{title} is down", "write {{ title }}, or {{ '{title}' }} to keep it as text"),
        ("{{ labels.x }}", 'write {{ value | otherwise("...") }} where it may be missing'),
        ("{{ Labels.x }}", "there is no variable 'Labels'; did you mean labels?"),
    ],
)
def test_a_message_template_takes_no_other_syntax(bench: Workbench, line: str, told: str) -> None:
    (bench.config / "templates" / "own.md.j2").write_text(f"{{# ours #}}\nfirst\n{line}\n")
    [problem] = bench.problems()
    assert problem.startswith("templates/own.md.j2:3:1: ")
    assert problem.endswith(told)


@pytest.mark.parametrize("text", ["{anything}", "{{ '${service}' }}", "{{ '{title}' }}", "a{2}", "${1}"])
def test_a_message_template_may_hold_braces(bench: Workbench, text: str) -> None:
    (bench.config / "templates" / "own.md.j2").write_text(text)
    assert bench.problems() == []
