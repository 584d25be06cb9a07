import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.errors import PlaceholderError
from tocsin.core.matching.placeholders import Template

LABELS = {"alertname": "HighErrorRate", "instance": "web-1", "empty": "", "my label": "x", "brace": "{instance}"}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{alertname} on {instance}", "HighErrorRate on web-1"),
        ("{alertname}{instance}", "HighErrorRateweb-1"),
        ("{ alertname }", "HighErrorRate"),
        ("{my label}", "x"),
        ("{team|nobody}", "nobody"),
        ("{instance|nobody}", "web-1"),
        ("{team|}", ""),
        ("{empty|nobody}", "nobody"),
        ("{team|a|b}", "a|b"),
        ("{{alertname}}", "{alertname}"),
        ("{{{alertname}}}", "{HighErrorRate}"),
        ("a }} b {{ c", "a } b { c"),
        ("{brace}", "{instance}"),
        ("{team, instance|nobody}", "web-1"),
        ("{instance, alertname|nobody}", "web-1"),
        ("{team, empty ,alertname|nobody}", "HighErrorRate"),
        ("{team, empty|nobody}", "nobody"),
        ("{team, empty|}", ""),
        ("{team, empty|a, b}", "a, b"),
    ],
)
def test_a_template_renders(text: str, rendered: str) -> None:
    assert Template.parse(text).render(LABELS) == rendered


@pytest.mark.parametrize(
    ("text", "start"),
    [("a {", 2), ("a } b", 2), ("{a", 0), ("x{}", 1), ("{|d}", 0), ("{a{b}}", 0), ("x{a,|d}", 1), ("x{a, b}", 1)],
)
def test_a_template_that_does_not_parse_is_refused_at_its_position(text: str, start: int) -> None:
    with pytest.raises(PlaceholderError) as error:
        Template.parse(text)
    assert error.value.start == start


@pytest.mark.parametrize("text", ["{team}", "a {empty} b"])
def test_a_missing_label_without_a_default_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(PlaceholderError, match=r"needs the label '(team|empty)'"):
        Template.parse(text).render(LABELS)


def test_a_template_tells_the_labels_that_it_uses() -> None:
    assert Template.parse("{a} {b|x} {{c}} {a} {d, e|x}").names == {"a", "b", "d", "e"}


def test_the_source_is_never_missing() -> None:
    assert Template.parse("{__source__}/{a}").needs == {"a"}


def test_a_template_without_placeholders_is_constant() -> None:
    assert Template.parse("a {{b}}").constant == "a {b}"
    assert Template.parse("a {b}").constant is None


def test_templates_with_the_same_text_are_equal() -> None:
    assert Template.parse("{a}") == Template.parse("{a}")
    assert Template.parse("{a}") != Template.parse("{b}")


@given(st.text(max_size=30))
def test_text_with_its_braces_doubled_renders_as_itself(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert Template.parse(doubled).render({}) == text


@given(st.lists(st.sampled_from(["{", "}", "{{", "}}", "a", "|", " ", "{a}"]), max_size=8).map("".join))
def test_any_text_is_read_or_refused_at_a_brace(text: str) -> None:
    template = parsed_or_refused(text)
    if isinstance(template, Template):
        template.render(dict.fromkeys(template.names, "x"))
    else:
        assert template.start is not None
        assert text[template.start] in "{}"


def parsed_or_refused(text: str) -> Template | PlaceholderError:
    try:
        return Template.parse(text)
    except PlaceholderError as error:
        return error
