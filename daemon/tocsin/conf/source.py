"""A YAML reader that keeps the position of every value, and reports all mistakes at once as ``file:line:column``.

The files are edited under stress, so YAML is read more strictly than the standard requires: values that its versions
read differently (``no``, ``22:30``, ``012``, ``1e3``, dates), duplicate keys, aliases, anchors, merge keys and tags are
mistakes. Each is reported with the correct form.
"""

import hashlib
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from tocsin.conf.scalar import RefusedScalar, plain_value
from tocsin.conf.yaml_mistakes import excerpt, explained
from tocsin.core.errors import TocsinError

MAX_BYTES = 1 << 20
"""Maximum size of a configuration file, in bytes."""
MAX_DEPTH = 20
"""Maximum depth of nested lists and mappings."""

Step = str | int
"""A key of a mapping or an index of a list."""


class Mark(NamedTuple):
    """A place in a file, or in an environment variable (line 0). Lines and columns count from 1."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


@dataclass(frozen=True, order=True)
class Problem:
    """A mistake, its position, and the correct form."""

    path: str
    line: int
    column: int
    message: str
    hint: str = ""
    excerpt: str = ""
    """The line of the file, and a caret below the column, if the place is hard to find without them."""

    def __str__(self) -> str:
        text = f"{Mark(self.path, self.line, self.column)}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text

    @property
    def shown(self) -> str:
        """Return the full text, in one or three lines."""
        return f"{self}\n{self.excerpt}" if self.excerpt else str(self)


class ConfigError(TocsinError):
    """A configuration that cannot be used; ``problems`` lists its errors, sorted by position."""

    def __init__(self, problems: list[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = tuple(sorted(set(problems)))
        self.warnings = tuple(sorted(set(warnings)))
        """Likely mistakes, which did not cause the error."""
        super().__init__("\n".join(problem.shown for problem in self.problems))


@dataclass
class Findings:
    """The mistakes found while reading files, collected so that all are reported at once."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of every file that was read, by its path."""
    unreadable: set[str] = field(default_factory=set)
    """The YAML files that could not be read at all, for example because of a tab where YAML allows none."""
    lost_calendars: set[str] = field(default_factory=set)
    """Paths of calendar files that are missing, are not calendars, or are cut off."""

    def problem(self, mark: Mark, message: str, hint: str = "") -> None:
        """Add an error, which makes the configuration unusable."""
        self.problems.append(Problem(*mark, message, hint))

    def warn(self, mark: Mark, message: str, hint: str = "") -> None:
        """Add a warning about a likely mistake."""
        self.warnings.append(Problem(*mark, message, hint))

    def raise_problems(self) -> None:
        """Raise all problems, if there are any.

        If a file cannot be read at all, raise only its problems: each reference to its content was reported as unknown.

        Raises:
            ConfigError: There are problems.
        """
        if self.unreadable:
            raise ConfigError([problem for problem in self.problems if problem.path in self.unreadable])
        if self.problems:
            raise ConfigError(self.problems, self.warnings)


@dataclass(frozen=True)
class Node:
    """A value of a YAML file and its position."""

    value: "str | int | float | bool | dict[str, Node] | list[Node] | None"
    mark: Mark
    key_mark: Mark | None = None
    """The position of its key, if it has one."""
    lacks_keys: bool = False
    """Keys of the mapping are left out; each has been reported."""
    broken: bool = False
    """A problem with this node has been reported; further ones would only repeat it."""
    quote: int = 0
    """1 if the text begins after a quotation mark."""
    is_long: bool = False
    """The text spans several lines, so that positions of characters cannot be computed."""

    def plain(self) -> Any:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    @property
    def braces(self) -> str:
        """Return the text that YAML read as a mapping because it begins with a brace, such as ``{label}``; else ""."""
        if not isinstance(self.value, dict) or any(child.value is not None for child in self.value.values()):
            return ""
        return f"{{{', '.join(self.value)}}}" if self.value else ""

    @property
    def is_damaged(self) -> bool:
        """Return whether a problem has been reported about this node or anything in it."""
        return self.broken or self.lacks_keys or any(child.is_damaged for _, child in self.children())

    def children(self) -> Iterator[tuple[Step, "Node"]]:
        """Yield the keys or indexes with their nodes."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def child(self, step: Step) -> "Node | None":
        """Return the node at this key or index."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def at(self, *steps: Step) -> "Node":
        """Return the node at the end of these steps, or the nearest one on the way that exists."""
        node = self
        for step in steps:
            child = node.child(step)
            if child is None:
                break
            node = child
        return node

    def without(self, key: str) -> "Node":
        """Return the mapping without one of its keys."""
        if not isinstance(self.value, dict):
            return self
        return replace(self, value={name: child for name, child in self.value.items() if name != key})

    @property
    def head(self) -> Mark:
        """Return the position to report: that of its key, or else its own."""
        return self.key_mark or self.mark

    def inside(self, offset: int) -> Mark:
        """Return the position of the character at ``offset`` in a text; of a text on several lines, its start."""
        if self.is_long:
            return self.mark
        return self.mark._replace(column=self.mark.column + self.quote + offset)


def read_yaml(path: Path, findings: Findings, shown: str | None = None, *, may_be_empty: bool = False) -> Node | None:
    """Read one file.

    Args:
        path: The file: UTF-8, at most ``MAX_BYTES``.
        findings: Receives all mistakes; none is raised.
        shown: The name of the file in problems; the default is its path.
        may_be_empty: Treat an empty file as an empty mapping, not as a problem.

    Returns:
        The top value, even if parts of it are invalid; None if nothing can be read.
    """
    name = shown or str(path)
    text = read_text(path, findings, name)
    node = None if text is None else parse_yaml(text, name, findings, may_be_empty=may_be_empty)
    if node is None and path.exists():
        findings.unreadable.add(name)
    return node


_SHIPPED = ("tocsin.yaml", "people.yaml")
_WRITTEN_BY_INIT = "`tocsin init --minimal DIR` writes a small one to start with, `tocsin init DIR` the complete one"


def read_text(path: Path, findings: Findings, shown: str | None = None) -> str | None:
    """Return the text of one file: UTF-8, at most ``MAX_BYTES``; None if it cannot be read, which is reported."""
    name = shown or str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would block until it has a writer
            findings.problem(Mark(name, 1, 1), "is not a regular file", "put the text itself there")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = _WRITTEN_BY_INIT if isinstance(error, FileNotFoundError) and path.name in _SHIPPED else ""
        findings.problem(Mark(name, 1, 1), f"cannot be read: {error.strerror or type(error).__name__}", hint)
        return None
    findings.digests[name] = hashlib.sha256(raw).hexdigest()
    if len(raw) > MAX_BYTES:
        findings.problem(Mark(name, 1, 1), "is larger than 1 MiB", "split it, or remove what is not configuration")
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        line, last = before.count("\n"), before.rpartition("\n")[2]
        findings.problem(Mark(name, line + 1, len(last) + 1), "is not UTF-8 text from here on", "save it as UTF-8")
        return None
    return text


def parse_yaml(text: str, name: str, findings: Findings, *, may_be_empty: bool = False) -> Node | None:
    """Read YAML from a text, which problems name ``name``. See `read_yaml`."""
    first = len(findings.problems)
    node = _parsed(text, name, findings, may_be_empty=may_be_empty)
    findings.problems[first:] = [
        replace(problem, excerpt=excerpt(text, problem.line, problem.column)) for problem in findings.problems[first:]
    ]
    return node


def _parsed(text: str, name: str, findings: Findings, *, may_be_empty: bool) -> Node | None:
    try:
        loader = _Loader(text, name, findings)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = Mark(name, before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        findings.problem(mark, "holds a control character", "remove it")
        return None
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mistake = explained(error, text, loader.quote, loader.get_mark())
        findings.problem(Mark(name, mistake.line + 1, mistake.column + 1), mistake.message, mistake.hint)
        return None
    except (ValueError, OverflowError):  # PyYAML lets these out of impossible escapes and version numbers
        findings.problem(_mark(name, loader.get_mark()), "there is no such character or number", "write another")
        return None
    finally:
        loader.dispose()
    if node is None and may_be_empty:
        return Node({}, Mark(name, 1, 1))
    if node is None:
        hint = _WRITTEN_BY_INIT if Path(name).name in _SHIPPED else ""
        findings.problem(Mark(name, 1, 1), "is empty", hint)
        return None
    return _Builder(name, findings, loader.broken).build(node)


def _mark(name: str, place: Any) -> Mark:
    return Mark(name, place.line + 1, place.column + 1)


def _nothing(event: Any) -> yaml.ScalarNode:
    """Return an empty text in place of an alias, which is not allowed."""
    return yaml.ScalarNode("", "", event.start_mark, event.end_mark, style="'")


class _Loader(yaml.SafeLoader):
    """Composes nodes; reports aliases, anchors, tags and excessive depth."""

    def __init__(self, text: str, name: str, findings: Findings) -> None:
        super().__init__(text)
        self.broken: set[int] = set()
        self._shown = name
        self._findings = findings
        self._depth = 0
        self.quote: tuple[int, int, int] | None = None
        """The last quoted text that spans several lines: its line and column, and the line where it ends."""

    def scan_flow_scalar(self, style: str) -> Any:
        token: Any = super().scan_flow_scalar(style)
        if token.start_mark.line != token.end_mark.line:
            self.quote = (token.start_mark.line, token.start_mark.column, token.end_mark.line)
        return token

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave events out
        mark = _mark(self._shown, event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]  # as above
            self._findings.problem(mark, "an alias (*name) is not allowed", "write the value out, or text in quotes")
            return self._as_broken(_nothing(event))
        is_tagged = event.tag is not None
        if event.anchor is not None:
            self._findings.problem(mark, "an anchor (&name) is not allowed", "write each value out, or text in quotes")
            event.anchor = None
        if is_tagged:
            self._findings.problem(mark, "a tag (!...) is not allowed", "remove it; put text in quotes")
            event.tag = None
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return self._as_broken(node) if is_tagged and node is not None else node

    def _as_broken(self, node: yaml.Node) -> yaml.Node:
        self.broken.add(id(node))
        return node


class _Builder:
    """Turns PyYAML's nodes into ours."""

    def __init__(self, name: str, findings: Findings, broken: set[int]) -> None:
        self._name = name
        self._findings = findings
        self._broken = broken

    def build(self, node: yaml.Node, key_mark: Mark | None = None) -> Node:
        mark = _mark(self._name, node.start_mark)
        if isinstance(node, yaml.MappingNode):
            children = self._mapping(node)
            lacks_keys = len(children) < len(node.value)
            built = Node(children, mark, key_mark, lacks_keys=lacks_keys, broken=lacks_keys and not children)
        elif isinstance(node, yaml.SequenceNode):
            built = Node([self.build(item) for item in node.value], mark, key_mark)
        else:
            built = self._scalar(cast("yaml.ScalarNode", node), mark, key_mark)
        return replace(built, broken=True) if id(node) in self._broken else built

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_node, value_node in node.value:
            mark = _mark(self._name, key_node.start_mark)
            child = self.build(value_node, mark)
            if id(key_node) in self._broken:
                continue
            try:
                key = _key(key_node)
            except RefusedScalar as refused:
                self._report(mark, refused)
                continue
            if key in children:
                first = children[key].head.line
                self._findings.problem(mark, f"{key!r} is given twice", f"the first is in line {first}; remove one")
                continue
            children[key] = child
        return children

    def _scalar(self, node: yaml.ScalarNode, mark: Mark, key_mark: Mark | None) -> Node:
        quote = int(node.style is not None and node.style in "'\"")
        try:
            is_long = node.start_mark.line != node.end_mark.line
            return Node(_value(node), mark, key_mark, quote=quote, is_long=is_long)
        except RefusedScalar as refused:
            self._report(mark, refused)
            return Node("", mark, key_mark, broken=True)

    def _report(self, mark: Mark, refused: RefusedScalar) -> None:
        self._findings.problem(mark, str(refused), refused.hint)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        is_braces = isinstance(node, yaml.MappingNode)
        hint = 'put text with braces in quotes: "{{ ... }}"' if is_braces else "put it in quotes"
        raise RefusedScalar("a key must be a word, not a list or a mapping", hint)
    if node.style is None and node.value == "<<":
        raise RefusedScalar("a merge key (<<) is not allowed", "write the keys out")
    if node.value == "on":  # a key is not a truth value: a step of a matrix says `on: declared`
        return "on"
    value = _value(node)
    if value is None or isinstance(value, bool | float):
        raise RefusedScalar("a key must be a word", "put it in quotes")
    return str(value)


def _value(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise RefusedScalar("holds a character that no file can hold (\\0 or half a surrogate pair)", "remove it")
    return text if node.style is not None else plain_value(text)
