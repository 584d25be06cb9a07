"""Reading YAML with a place for everything: what is wrong is told as ``file:line:column``, all of it at once.

The files are edited by people under stress, so YAML is read more strictly
than YAML asks: what its versions read differently (``no``, ``22:30``,
``012``, ``1e3``, dates), keys given twice, aliases, anchors, merge keys and
tags are mistakes here, each told with what to write instead.
"""

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from tocsin.conf.scalar import Surprise, plain_value
from tocsin.core.errors import TocsinError

MAX_BYTES = 1 << 20
"""The largest file that is read."""
_GO_TEMPLATE = re.compile(
    r"\{\{-?\s*(?:\$|\.)(?:(?:labels|Labels|CommonLabels|GroupLabels)\.(?P<label>[A-Za-z0-9_]+)|[A-Za-z])[^}]*\}\}"
)
"""Templates copied from an alerting rule or from Alertmanager: `{{ $labels.instance }}`."""
MAX_DEPTH = 20
"""The deepest nesting that is read."""

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
    """One thing that is wrong, where, and what to write instead."""

    path: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        told = f"{Mark(self.path, self.line, self.column)}: {self.message}"
        return f"{told}; {self.hint}" if self.hint else told


class ConfigError(TocsinError):
    """The configuration cannot be used; ``problems`` has everything that was found, in order."""

    def __init__(self, problems: list[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems = tuple(sorted(set(problems)))
        self.warnings = tuple(sorted(set(warnings)))
        """What would work, but is hardly meant; it is no reason for the error."""
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass
class Findings:
    """What came up while files were read: collected, so that all of it is told at once."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of every file that was read, by its path."""
    unreadable: set[str] = field(default_factory=set)
    """The files of which nothing is known, such as one with a tab where YAML allows none."""
    lost_calendars: set[str] = field(default_factory=set)
    """The paths of calendars of which nothing could be read."""

    def problem(self, mark: Mark, message: str, hint: str = "") -> None:
        """Something that makes the configuration unusable."""
        self.problems.append(Problem(*mark, message, hint))

    def warn(self, mark: Mark, message: str, hint: str = "") -> None:
        """Something that works, but hardly as it was meant."""
        self.warnings.append(Problem(*mark, message, hint))

    def raise_problems(self) -> None:
        """Tell all problems, if there are any.

        Where a file cannot be read at all, only that is told: whatever refers to it would be told as unknown.

        Raises:
            ConfigError: There are.
        """
        if self.unreadable:
            raise ConfigError([problem for problem in self.problems if problem.path in self.unreadable])
        if self.problems:
            raise ConfigError(self.problems, self.warnings)


@dataclass(frozen=True)
class Node:
    """A value of a YAML file and where it stands."""

    value: "str | int | float | bool | dict[str, Node] | list[Node] | None"
    mark: Mark
    key_mark: Mark | None = None
    """Where its key stands, if it has one."""
    broken: bool = False
    """A problem has been told about it; what else is wrong with it would only repeat that."""
    quote: int = 0
    """1 if the text begins after a quotation mark."""
    is_long: bool = False
    """The text stands on several lines, so that its characters cannot be counted from its beginning."""

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def children(self) -> Iterator[tuple[Step, "Node"]]:
        """Keys or indexes, and what stands there."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)

    def child(self, step: Step) -> "Node | None":
        """What stands at this key or index."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None

    def at(self, *steps: Step) -> "Node":
        """The node at the end of these steps, or the nearest one on the way that exists."""
        node = self
        for step in steps:
            child = node.child(step)
            if child is None:
                break
            node = child
        return node

    def without(self, key: str) -> "Node":
        """A mapping without one of its keys."""
        if not isinstance(self.value, dict):
            return self
        return replace(self, value={name: child for name, child in self.value.items() if name != key})

    @property
    def head(self) -> Mark:
        """Where one would look for it: its key, or else itself."""
        return self.key_mark or self.mark

    def inside(self, offset: int) -> Mark:
        """The place of a character of a text, ``offset`` counts from 0; of a text on several lines its beginning."""
        if self.is_long:
            return self.mark
        return self.mark._replace(column=self.mark.column + self.quote + offset)


def read_yaml(path: Path, findings: Findings, shown: str | None = None, *, may_be_empty: bool = False) -> Node | None:
    """Read one file.

    Args:
        path: The file: UTF-8, at most ``MAX_BYTES``.
        findings: Takes whatever is wrong; nothing is raised.
        shown: How problems name the file; its path unless told.
        may_be_empty: Whether a file without content is an empty mapping and no problem.

    Returns:
        The top value, also if parts of it are broken; None if there is nothing to go on with.
    """
    name = shown or str(path)
    text = read_text(path, findings, name)
    node = None if text is None else parse_yaml(text, name, findings, may_be_empty=may_be_empty)
    if text is not None and node is None:
        findings.unreadable.add(name)
    return node


def read_text(path: Path, findings: Findings, shown: str | None = None) -> str | None:
    """The text of one file: UTF-8, at most ``MAX_BYTES``; None where it cannot be read, which is told."""
    name = shown or str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for somebody who writes into it
            findings.problem(Mark(name, 1, 1), "is no regular file", "put the text itself there")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        findings.problem(Mark(name, 1, 1), f"cannot be read: {error.strerror or type(error).__name__}")
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
    """Read YAML from a text; ``name`` is how problems name it. See `read_yaml`."""
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
        place = error.problem_mark or error.context_mark or loader.get_mark()
        findings.problem(_mark(name, place), f"is not YAML: {error.problem or error.context}")
        return None
    except (ValueError, OverflowError):  # PyYAML lets these out of impossible escapes and version numbers
        findings.problem(_mark(name, loader.get_mark()), "is not YAML: a character code or number that cannot be")
        return None
    finally:
        loader.dispose()
    if node is None and may_be_empty:
        return Node({}, Mark(name, 1, 1))
    if node is None:
        findings.problem(Mark(name, 1, 1), "is empty")
        return None
    return _Builder(name, findings, loader.broken).build(node)


def _mark(name: str, place: Any) -> Mark:
    return Mark(name, place.line + 1, place.column + 1)


def _nothing(event: Any) -> yaml.ScalarNode:
    """An empty text in place of what may not be there."""
    return yaml.ScalarNode("", "", event.start_mark, event.end_mark, style="'")


class _Loader(yaml.SafeLoader):
    """Composes nodes; tells of aliases, anchors and tags as it meets them, and of too much depth."""

    def __init__(self, text: str, name: str, findings: Findings) -> None:
        super().__init__(text)
        self.broken: set[int] = set()
        self._shown = name
        self._findings = findings
        self._depth = 0

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
            built = Node(self._mapping(node), mark, key_mark)
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
            except Surprise as surprise:
                self._tell(mark, surprise)
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
        except Surprise as surprise:
            self._tell(mark, surprise)
            return Node("", mark, key_mark, broken=True)

    def _tell(self, mark: Mark, surprise: Surprise) -> None:
        self._findings.problem(mark, str(surprise), surprise.hint)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Surprise("a key must be a word, not a list or a mapping", "")
    if node.style is None and node.value == "<<":
        raise Surprise("a merge key (<<) is not allowed", "write the keys out")
    if node.value == "on":  # a key is no truth value: a step of a matrix says `on: declared`
        return "on"
    value = _value(node)
    if value is None or isinstance(value, bool | float):
        raise Surprise("a key must be a word", "put it in quotes")
    return str(value)


def _value(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise Surprise("holds a character that no file can hold (\\0 or half a surrogate pair)", "remove it")
    if (match := _GO_TEMPLATE.search(text)) is not None:
        label = f"{{{match['label']}}}" if match["label"] else "{label}"
        raise Surprise(f"{match[0]!r} is Prometheus's template syntax, which tocsin does not render", f"write {label}")
    return text if node.style is not None else plain_value(text)
