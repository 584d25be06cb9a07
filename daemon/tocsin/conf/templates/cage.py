"""The restrictions of templates: Jinja2 features that can exhaust memory or CPU, or reach into the daemon, are refused.

Jinja2's own sandbox keeps a template away from the daemon's internals, but does not bound its cost. So only what is
listed here is allowed: no calls, no concatenation, no arithmetic on texts, no loops except over variables. The rest can
only run for a bounded number of steps.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from jinja2 import nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tocsin.core.content.rendered_text import CLOSE, OPEN, blank

LOOPS = 2
"""Maximum nesting of loops."""
DEPTH = 40
"""Maximum nesting of all syntax."""
LARGEST = 10**15
"""The largest number that a template may reckon with."""

_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Name, nodes.Const),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Tuple, nodes.List),
)
_WORDS = {
    nodes.Call: ("a template calls nothing", "use a filter: {{ value | filter }}"),
    nodes.Concat: ("~ is not allowed", "write the values one after the other: {{ a }}{{ b }}"),
    nodes.Pow: ("** is not allowed", ""),
    nodes.Include: ("a template includes no other", "write the text here"),
    nodes.Extends: ("a template extends no other", "write the text here"),
    nodes.Import: ("a template imports nothing", "write the text here"),
    nodes.FromImport: ("a template imports nothing", "write the text here"),
    nodes.Macro: ("a macro is not allowed", "write the text where it is wanted"),
    nodes.AssignBlock: ("a text cannot be put aside by {% set %}", "write it where it is wanted"),
    nodes.Dict: ("a mapping is not allowed here", ""),
}
_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})

STEPS = 500_000
"""Budget for the loops of one rendering: each pass costs as many steps as its body has parts."""
SEPARATOR = 20
"""The longest text that a list is joined by."""

FILTER_NAMES = ("default", "first", "last", "length", "lower", "title", "trim", "upper", "capitalize", "round")
"""Jinja2's filters whose cost is proportional to their input."""
TEST_NAMES = (
    "defined",
    "undefined",
    "none",
    "true",
    "false",
    "odd",
    "even",
    "divisibleby",
    "in",
    "eq",
    "ne",
    "lt",
    "gt",
)


class Objection(msgspec.Struct, frozen=True):
    """A forbidden construct in a template, and its position."""

    line: int
    message: str
    hint: str = ""


class Spent(Exception):
    """A template has done more than it may."""


def objections(tree: nodes.Template) -> Iterator[Objection]:
    """Return the forbidden constructs in a template."""
    yield from _look(tree, 0, 0)


def _look(node: nodes.Node, depth: int, loops: int) -> Iterator[Objection]:
    loops += isinstance(node, nodes.For)
    objection = _objection(node, loops)
    if depth > DEPTH:
        objection = Objection(node.lineno, f"nested deeper than {DEPTH} levels", "write it simpler")
    if objection is not None:
        yield objection
        return
    for child in node.iter_child_nodes():
        yield from _look(child, depth + 1, loops)


def _objection(node: nodes.Node, loops: int) -> Objection | None:  # noqa: PLR0911 - one reason, one way out
    line = node.lineno
    if not isinstance(node, _PLAIN):
        message, hint = _WORDS.get(type(node), (f"{type(node).__name__.lower()} is not allowed in a template", ""))
        return Objection(line, message, hint)
    if isinstance(node, nodes.Tuple | nodes.List) and not _is_constant(node):
        return Objection(line, "a list of anything but constants is not allowed", "")
    if isinstance(node, nodes.For) and (loops > LOOPS or node.recursive):
        return Objection(
            line, f"loops stand in each other at most {LOOPS} deep, and call none themselves", "write it with fewer"
        )
    if isinstance(node, nodes.Getattr | nodes.Name) and _name_of(node).startswith("_"):
        return Objection(line, f"{_name_of(node)!r} is not a variable", "")
    if isinstance(node, nodes.Filter) and (node.name not in _allowed_filters() or node.dyn_args or node.dyn_kwargs):
        return Objection(line, f"there is no filter {node.name!r}", f"known: {', '.join(_allowed_filters())}")
    if isinstance(node, nodes.Test) and node.name not in TEST_NAMES:
        return Objection(line, f"there is no test {node.name!r}", f"known: {', '.join(TEST_NAMES)}")
    return None


def _name_of(node: nodes.Getattr | nodes.Name) -> str:
    return node.attr if isinstance(node, nodes.Getattr) else node.name


def _is_constant(node: nodes.Tuple | nodes.List) -> bool:
    """Return whether a list is a literal, or the names that a loop or {% set %} assigns."""
    return all(isinstance(item, nodes.Const | nodes.Name) and _stores(item) for item in node.items)


def _stores(item: nodes.Node) -> bool:
    return isinstance(item, nodes.Const) or getattr(item, "ctx", "load") == "store"


def metered(tree: nodes.Template) -> nodes.Template:
    """Return the same template with loops that count their steps."""
    for loop in tree.find_all(nodes.For):
        cost = 1 + sum(1 for part in (*loop.body, *loop.else_) for _ in part.find_all(nodes.Node))
        price = nodes.Const(cost, lineno=loop.lineno)
        loop.iter = nodes.Filter(loop.iter, "_each", [price], [], None, None, lineno=loop.lineno)
        loop.iter.set_environment(loop.environment or Cage())
    return tree


class Cage(ImmutableSandboxedEnvironment):
    """Jinja2 for templates that have passed `objections`."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self) -> None:
        super().__init__(
            autoescape=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_finalize,
            cache_size=0,
            auto_reload=False,
        )
        self.globals.clear()
        self.filters = {name: FILTERS[name] for name in FILTER_NAMES} | OWN_FILTERS | {"_each": _each}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key of a variable or an attribute of a loop; attributes of other objects are refused."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()  # noqa: SLF001 - how Jinja2 itself tells which name was missing
        return self.undefined(obj=obj if isinstance(obj, Mapping) else None, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return a value by subscript; an item of a list or a character of a text is allowed, too."""
        if isinstance(obj, list | str) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.getattr(obj, str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator to numbers only."""
        for each in (left, right):
            if isinstance(each, Undefined):
                each._fail_with_undefined_error()  # noqa: SLF001 - as above
            if not isinstance(each, int | float) or abs(each) > LARGEST:
                raise Spent(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)


def _allowed_filters() -> tuple[str, ...]:
    return (*FILTER_NAMES, *OWN_FILTERS)


class _Own(str):
    """Words of the template's author that pass through a filter."""

    __slots__ = ()


def _finalize(value: Any) -> Any:
    """Return the text for ``{{ }}``, marked as not written by the template's author."""
    if isinstance(value, Undefined):
        return value  # its own text is the error
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, _Own):
        return value
    if not isinstance(value, str | int | float):
        raise Spent("a list or a mapping is not text: name what of it is meant, or use | join")
    return f"{OPEN}{value}{CLOSE}" if value != "" else ""


def _otherwise(value: Any, instead: Any = "") -> Any:
    """Return the value, or the alternative if it is empty or missing."""
    return instead if isinstance(value, Undefined) or value is None or value in ("", []) else value


@pass_context
def _blank(context: Context, value: Any, what: str, fact: str = "") -> Any:
    """Return the value, or a blank that a person has to fill in before the text can be published.

    The blank names the author, and the command that records the fact: the missing one, unless the template names it.
    """
    fact = fact or (str(value._undefined_name) if isinstance(value, Undefined) else "")  # noqa: SLF001 - as above
    how = f'tocsin incidents fact {context.get("number")} {fact}="..."' if fact and context.get("number") else ""
    return _otherwise(value, _Own(blank(str(what), str(context.get("author") or ""), how)))


def _join(value: Any, separator: str = ", ") -> str:
    """Return the items of a list of texts as one text."""
    if not isinstance(value, list) or len(separator) > SEPARATOR:
        raise Spent(f"join is for a list, with at most {SEPARATOR} characters between its items")
    return separator.join(map(str, value))


@pass_context
def _each(context: Context, value: Any, price: int) -> Iterator[Any]:
    """Return an iterator over the items of a loop."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()  # noqa: SLF001 - as above
    if not isinstance(value, list):
        raise Spent("a loop goes through a list")
    return _metered(value, price, context[PURSE])


def _metered(items: list[Any], price: int, purse: list[int]) -> Iterator[Any]:
    for item in items:
        purse[0] -= price
        if purse[0] < 0:
            raise Spent("its loops take too long")
        yield item


OWN_FILTERS: dict[str, Any] = {"otherwise": _otherwise, "blank": _blank, "join": _join}
"""Filters that Jinja2 does not have, or has in a form that can grow a text without bounds."""

PURSE = "_purse"
"""The variable that holds the steps that are left to a rendering; a template cannot name it."""
