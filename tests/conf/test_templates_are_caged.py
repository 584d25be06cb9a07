"""The sandbox of templates: allowed and forbidden constructs."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.conf.templates import MessageTemplate, TemplateFailed, TemplateMistake
from tocsin.conf.templates.cage import STEPS
from tocsin.conf.templates.language import OUTPUT_LIMIT

VALUES: dict[str, Any] = {
    "title": "HighLatency",
    "empty": "",
    "number": 12,
    "drill": True,
    "nobody": None,
    "facts": {"root_cause": "a full disk", "items": "three"},
    "timeline": [{"text": f"entry {number}", "time": "03:05"} for number in range(1000)],
}


def said(source: str, **values: Any) -> str:
    return MessageTemplate("t", source).render(VALUES | values).plain


def objections(source: str) -> list[tuple[int, str]]:
    with pytest.raises(TemplateMistake) as mistake:
        MessageTemplate("t", source)
    return [(each.line, each.message) for each in mistake.value.objections]


def failure(source: str, **values: Any) -> TemplateFailed:
    with pytest.raises(TemplateFailed) as failed:
        said(source, **values)
    return failed.value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ title }} #{{ number }}", "HighLatency #12"),
        ("{% if drill %}A drill.{% else %}No drill.{% endif %}", "A drill."),
        ("{{ drill }} {{ nobody }}!", "yes !"),
        ("{{ facts.root_cause }} {{ facts['root_cause'] }}", "a full disk a full disk"),
        ("{{ facts.items }}", "three"),
        ("{{ facts.nothing | otherwise('not known') }}", "not known"),
        ("{{ empty | otherwise('not known') }}{{ missing | otherwise('!') }}", "not known!"),
        ("{{ empty | blank('the cause') }}", "[to fill in: the cause]"),
        ("{{ facts.cause | blank('the cause') }}", '[to fill in: the cause; tocsin incidents fact 12 cause="..."]'),
        ("{{ empty | blank('x', 'cause') }}", '[to fill in: x; tocsin incidents fact 12 cause="..."]'),
        ("{{ title[:4] | upper }}{{ timeline | length }}", "HIGH1000"),
        (
            "{% for each in timeline[:2] %}{{ loop.index }} {{ each.text }}{{ ', ' if not loop.last }}{% endfor %}",
            "1 entry 0, 2 entry 1",
        ),
        ("{{ tags | join }}", "a, b"),
        ("{% set place = title %}{{ place }} {{ number + 1 }}", "HighLatency 13"),
        ("a\n\n\n\n\nb\n", "a\n\nb"),
        ("{# a note #}x", "x"),
        ("{{ 'a' if number in (11, 12) else 'b' }}", "a"),
    ],
)
def test_a_template_says_what_it_is_given(source, text):
    assert said(source, tags=["a", "b"]) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ title['__class__'] }}",
        "{{ title.upper() }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ cycler('a') }}",
        "{{ namespace(x=1) }}",
        "{{ self }}",
        "{{ config }}",
        "{{ _purse }}",
        "{{ loop }}",
        "{% include 'other' %}",
        "{% import 'other' as other %}",
        "{% extends 'other' %}",
        "{% macro m() %}{% endmacro %}",
        "{% set x %}a{% endset %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% call m() %}{% endcall %}",
        "{% for x in timeline recursive %}{{ loop(x) }}{% endfor %}",
        "{{ title | attr('upper') }}",
        "{{ timeline | map(attribute='text') | list }}",
        "{{ title | center(1000000000) }}",
        "{{ title | format('%s') }}",
        "{{ title | replace('a', 'b') }}",
        "{{ title ~ title }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ {'a': 1} }}",
        "{{ [title, title] }}",
        "{{ title is sameas(1) }}",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(source):
    with pytest.raises((TemplateMistake, TemplateFailed)):
        said(source)


BOMBS = {
    "a text times a number": "{{ 'x' * 1000000000 }}",
    "a list times a number": "{{ timeline * 100000 }}",
    "a text that doubles": "{% set x = title %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
    "a number that squares": "{% set x = number %}" + "{% set x = x * x %}" * 60 + "{{ x }}",
    "a text put into a text": "{{ '%1000000000d' % 1 }}",
    "a list of itself": "{% set x = title %}" + "{% set x = [x, x] %}" * 60 + "{{ x }}",
    "a join of a join": "{{ timeline | join(title) | join(title) }}",
    "loops in loops": "{% for a in timeline %}{% for b in timeline %}{{ a.time }}{% endfor %}{% endfor %}",
    "loops that say nothing": "{% for a in timeline %}{% for b in timeline %}{% set x = a %}{% endfor %}{% endfor %}",
    "three loops": "{% for a in timeline %}" * 3 + "{% endfor %}" * 3,
    "the characters of a text": "{% for a in summary %}{% for b in summary %}{% endfor %}{% endfor %}",
    "one long text many times": "{{ summary }}" * 2000,
    "much between braces": "{{ " + "(" * 20000,
    "many ors": "{{ " + " or ".join(["empty"] * 5000) + " }}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_template_that_would_fill_the_memory_or_hold_the_processor_is_stopped(source):
    begun = time.process_time()
    with pytest.raises((TemplateMistake, TemplateFailed)):
        said(source, summary="y" * 8000)
    assert time.process_time() - begun < 2


def test_the_longest_text_that_may_be_made_is_made():
    text = "{{ summary }}" * (OUTPUT_LIMIT // 1002 - 1)
    assert len(said(text, summary="y" * 1000)) > OUTPUT_LIMIT - 3000


def test_loops_over_a_whole_timeline_are_within_what_a_rendering_may_do():
    body = "".join(f"{{{{ entry.text }}}} {number} " for number in range(15))
    assert STEPS > 1000 * 2 * 30
    assert "entry 999" in said("{% for entry in timeline %}{{ entry.text }} {% endfor %}")
    assert failure("{% for entry in timeline %}" + body + "{% endfor %}").reason.startswith("it makes more than")


def test_a_mistake_is_reported_with_its_line():
    assert objections("a\n{{ title.upper() }}\n{{ x ~ y }}") == [
        (2, "a template calls nothing"),
        (3, "~ is not allowed"),
    ]
    assert objections("a\n\n{% if %}")[0][0] == 3
    assert objections("a\n{{ title | centre }}") == [(2, "there is no filter 'centre'")]


def test_a_missing_variable_is_reported_with_its_line():
    failed = failure("one\ntwo {{ missing }}")
    assert (failed.line, failed.reason) == (2, "'missing' is undefined")
    assert failure("{{ facts.nothing }}").line == 1


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ue000\ue001")))
@settings(max_examples=200, deadline=None)
def test_any_value_is_external_text_and_stays_unchanged(value):
    said = MessageTemplate("t", "<{{ title }}>").render({"title": value})
    assert said.plain == f"<{value}>"
    assert [piece.text for piece in said.pieces if piece.foreign] == [value] * bool(value)


@given(st.text(alphabet="{}%#() .|'\"abx0~*+[]\n", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_file_is_a_template_or_refused_with_a_reason(source):
    with suppress(TemplateMistake, TemplateFailed):
        assert isinstance(MessageTemplate("t", source).render({"a": "1", "b": [], "x": {}}).plain, str)
