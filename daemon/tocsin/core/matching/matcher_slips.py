"""Common mistakes in matchers, and the correct form of each.

Alertmanager's two grammars accept many of these as a bare name or value, which no alert has, and for the rest their
errors only list the expected tokens.
"""

import re
from typing import NamedTuple

from tocsin.core.errors import MatcherError
from tocsin.core.matching.matcher import Reading, read_matchers

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_UNSEEN = {
    "\u00a0": "a non-breaking space",
    "\u2007": "a figure space",
    "\u202f": "a narrow non-breaking space",
    "\u200b": "a zero-width space",
    "\u200c": "a zero-width non-joiner",
    "\u200d": "a zero-width joiner",
    "\u2060": "a word joiner",
    "\ufeff": "a byte order mark",
}
"""Invisible characters that editors and chat programs insert."""
_BLANKS = "\u00a0\u2007\u202f"


class _Slip(NamedTuple):
    pattern: re.Pattern[str]
    message: str


def _slip(pattern: str, message: str) -> _Slip:
    return _Slip(re.compile(pattern), message)


_NEVER_MEANT = (
    _slip(
        "[\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u2039\u203a\uff02\u2018\u2019\u201a\u201b\u2032\uff07]",
        'typographic quotation marks are text here: type "',
    ),
    _slip("[\uff1d\u2260\uff5e]", "this is not an operator: type =, !=, =~ or !~"),
    _slip(r"(?<=[=~])\s*(?P<at>['`])", 'a value stands in double quotes: write "..."'),
    _slip(r"(?:^|[{,\s])(?P<at>(?:\$|\.)?(?:[Cc]ommon|[Gg]roup)?[Ll]abels\.|\$(?=\w))", "write the label's name alone"),
)
"""Texts that parse as matchers but are always mistakes."""
_SAID_OTHERWISE = (
    _slip(r"===?", "there is no operator {0}: write ="),
    _slip(r"!==", "there is no operator {0}: write !="),
    _slip(r"<>|=!", "there is no operator {0}: write !="),
    _slip(r"!=~|~!|!\s+~", "there is no operator {0}: write !~"),
    _slip(r"~=", "there is no operator {0}: write =~"),
    _slip(r"(?<![=!])~(?!=)", "there is no operator {0}: write =~"),
    _slip(r"&&?|(?i:(?<=[\s\"])and(?=[\s\"]))", "there is no {0} here: write a comma, and all matchers must match"),
    _slip(
        r"\|\|?|(?i:(?<=[\s\"])or(?=[\s\"]))",
        'there is no {0} here: write each alternative on a line of its own below `any:`, or for one label =~"a|b"',
    ),
    _slip(r"(?i:(?<=\s)not\s+in(?=[\s(\[]))", 'there is no {0} here: write !~"a|b"'),
    _slip(r"(?i:(?:^|(?<=[\s,{]))not(?=\s))|(?:^|(?<=[\s,{]))!(?=\w)", "there is no {0} here: write !="),
    _slip(r"(?i:(?<=\s)in(?=[\s(\[]))", 'there is no {0} here: write =~"a|b"'),
    _slip(r"(?i:(?<=\s)(?:is|eq|equals)(?=[\s\"]))", "there is no {0} here: write ="),
)
"""Texts that do not parse, by the first match."""
_OR_ELSE = (
    *_SAID_OTHERWISE,
    _slip(r"(?<=\w)\s*:(?=\s*[\"\w])", "there is no operator {0}: write ="),
    _slip(r";", "there is no {0} here: write a comma between matchers"),
    _slip(r"(?<=\")\s*(?!\s*(?i:and|or|in|is)\b)(?P<at>\w)", "a comma is missing before this"),
)
"""The same, for texts that are allowed in a value without quotes."""


def read_written(text: str) -> Reading:
    """Read matchers that a person has written; see `read_matchers`.

    Raises:
        MatcherError: They do not parse, or contain another program's syntax or invisible characters.
    """
    bare = _QUOTED.sub(lambda result: '"' + "." * (len(result[0]) - 2) + '"', text)
    if (slip := _first(_NEVER_MEANT, bare)) is not None:
        raise slip
    for at, char in enumerate(bare):
        if char in _UNSEEN and char not in _BLANKS:
            raise MatcherError(f"{_UNSEEN[char]} stands here, which is invisible: delete it", at, at + 1)
    try:
        reading = read_matchers(text)
    except MatcherError as error:
        is_closed = '"' not in _QUOTED.sub("", text)
        raise (_first(_OR_ELSE, bare) if is_closed else None) or error from None
    if reading.warning and (slip := _first(_SAID_OTHERWISE, bare)) is not None:  # the classic grammar takes anything
        raise slip
    unseen = next((char for char in text if char in _UNSEEN), None)
    if unseen is not None and not reading.warning:
        how = "type an ordinary space" if unseen in _BLANKS else "delete it"
        return Reading(reading.matchers, f"holds {_UNSEEN[unseen]} (U+{ord(unseen):04X}), which is invisible: {how}")
    return reading


def _first(slips: tuple[_Slip, ...], bare: str) -> MatcherError | None:
    """Return the first mistake in a text whose quoted values are masked."""
    result = [(match, slip) for slip in slips if (match := slip.pattern.search(bare)) is not None]
    if not result:
        return None
    match, slip = min(result, key=lambda each: (each[0].start(), -each[0].end()))
    start = match.start("at") if "at" in match.re.groupindex else match.start()
    return MatcherError(slip.message.format(f"`{match[0].strip()}`"), start, match.end())
