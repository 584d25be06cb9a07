"""The two grammars of Alertmanager's matchers, from text to names, operators and values.

Facts about both come from Alertmanager's packages ``matcher/parse`` and
``pkg/labels`` (0.27 and later); columns in errors are those that its UTF-8
parser reports.
"""

import re
from typing import NamedTuple, cast

from tocsin.core.errors import MatcherError

_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""The characters for which Go's unicode.IsSpace is true."""
_RESERVED = _SPACE + r"{}!=~,\\\"'`"

RESERVED = re.compile(f"[{_RESERVED}]")
"""A character that a bare name or value must not contain."""


class Parsed(NamedTuple):
    """One matcher as written; ``start`` and ``end`` delimit its value."""

    name: str
    op: str
    value: str
    start: int
    end: int


# --- UTF-8 ---------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    f"[{_SPACE}]*(?:"
    r"(?P<brace>[{}])|(?P<comma>,)|(?P<operator>=~|!=|!~|=)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")'
    f"|(?P<bare>[^{_RESERVED}]+)|(?P<end>\\Z)|(?P<bad>.))",
    re.DOTALL,
)
_GO_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\\"]))|(\\|\n)|[^\\\n]+"
)
_GO_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Tokens:
    """The tokens of an input, read one at a time with one token of look-ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ahead = self._scan(0)

    def _scan(self, at: int) -> _Token:
        match = cast("re.Match[str]", _TOKEN.match(self._text, at))  # the last two alternatives match anything
        kind = cast("str", match.lastgroup)
        return _Token(kind, match[kind], match.start(kind), match.end(kind))

    def peek(self) -> _Token:
        token = self._ahead
        if token.kind == "bad":
            message = (
                "the closing quote is missing" if token.text == '"' else f"{token.text} must stand in double quotes"
            )
            raise MatcherError(message, token.start, token.end)
        return token

    def take(self) -> _Token:
        token = self.peek()
        self._ahead = self._scan(token.end)
        return token

    def at_end(self) -> bool:
        return self.peek().kind == "end" or self.peek().text == "}"

    def expect(self, kinds: tuple[str, ...], expected: str) -> _Token:
        token = self.peek()
        if token.kind not in kinds:
            actual = "the end of the input" if token.kind == "end" else token.text
            raise MatcherError(f"expected {expected} instead of {actual}", token.start, token.end)
        return self.take()


def utf8(text: str) -> list[Parsed]:
    """Parse matchers by the UTF-8 grammar.

    Raises:
        MatcherError: The text does not parse.
    """
    tokens = _Tokens(text)
    is_braced = tokens.peek().text == "{"
    if is_braced:
        tokens.take()
    matchers: list[Parsed] = []
    while not tokens.at_end():
        matchers.append(_utf8_matcher(tokens))
        if not tokens.at_end():
            tokens.expect(("comma",), "a comma or a closing brace")
    _utf8_close(tokens, is_braced=is_braced)
    tokens.expect(("end",), "the end of the input")
    return matchers


def _utf8_matcher(tokens: _Tokens) -> Parsed:
    name = _unquote(tokens.expect(("quoted", "bare"), "a label name"))
    op = tokens.expect(("operator",), "an operator (=, !=, =~ or !~)").text
    value = tokens.expect(("quoted", "bare"), "a label value")
    return Parsed(name, op, _unquote(value), value.start, value.end)


def _utf8_close(tokens: _Tokens, *, is_braced: bool) -> None:
    token = tokens.peek()
    if token.text == "}":
        tokens.take()
        if not is_braced:
            raise MatcherError("the opening brace is missing", 0, token.end)
    elif is_braced:
        raise MatcherError("the closing brace is missing", 0, token.end)


def _unquote(token: _Token) -> str:
    """Return the text that a token stands for: decode Go's escapes, and require UTF-8."""
    if token.kind == "bare":
        return token.text
    decoded = bytearray()
    try:
        for part in _GO_ESCAPE.finditer(token.text[1:-1]):
            decoded += _go_escape(part)
        return decoded.decode()
    except (ValueError, OverflowError):
        message = f"{token.text} is not a quoted text: a backslash is written \\\\, and the result must be UTF-8"
        raise MatcherError(message, token.start, token.end) from None


def _go_escape(part: re.Match[str]) -> bytes:
    byte, octal, short, long, letter, invalid = part.groups()
    if invalid:
        raise ValueError(invalid)
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8)])
    if short or long:
        return chr(int(short or long, 16)).encode()
    if letter:
        return _GO_LETTERS.get(letter, letter).encode()
    return part[0].encode()


# --- classic -------------------------------------------------------------------------------------------------------

_CLASSIC = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)[\t\n\f\r ]*(.*?)[\t\n\f\r ]*", re.DOTALL
)
_CLASSIC_BODY = re.compile(r"(?:[^\"\\]|\\.|\\\Z)*", re.DOTALL)
_CLASSIC_ESCAPE = re.compile(r"\\([\"\\n])")


def classic(text: str) -> list[Parsed]:
    """Parse matchers by the classic grammar.

    Raises:
        MatcherError: The text does not parse.
    """
    start = 1 if text.startswith("{") else 0
    end = len(text) - 1 if text.endswith("}") and len(text) > start else len(text)
    return [_classic_matcher(text, *span) for span in _classic_spans(text, start, end)]


def _classic_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the span of each matcher: commas outside quotes separate them; a trailing comma is allowed."""
    spans = []
    begin = start
    is_quoted = is_escaped = False
    for at in range(start, end):
        char = text[at]
        if char == ",":
            # Alertmanager does not reset a pending escape here; neither does this.
            if not is_quoted:
                spans.append((begin, at))
                begin = at + 1
        elif char == "\\":
            is_escaped = not is_escaped
        else:
            if char == '"' and not is_escaped:
                is_quoted = not is_quoted
            is_escaped = False
    rest = text[begin:end]
    if bare := rest.strip(_SPACE):
        at = begin + rest.index(bare)
        spans.append((at, at + len(bare)))
    return spans


def _classic_matcher(text: str, start: int, end: int) -> Parsed:
    match = _CLASSIC.fullmatch(text, start, end)
    if not match:
        message = f"expected a label name, an operator (=, !=, =~ or !~) and a value instead of {text[start:end]!r}"
        raise MatcherError(message, start, end)
    name, op, raw = match.groups()
    at = match.start(3)
    is_quoted = raw.startswith('"')
    body = _CLASSIC_BODY.match(raw, int(is_quoted))
    body_end = body.end() if body else 0
    if raw[body_end:] != ('"' if is_quoted else ""):
        if body_end == len(raw):
            raise MatcherError("the closing quote is missing", at, at + len(raw))
        raise MatcherError('a double quote inside a value is written \\"', at + body_end, at + body_end + 1)
    value = _CLASSIC_ESCAPE.sub(lambda part: "\n" if part[1] == "n" else part[1], raw[int(is_quoted) : body_end])
    return Parsed(name, op, value, at, at + len(raw))
