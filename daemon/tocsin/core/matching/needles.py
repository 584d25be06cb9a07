"""Simultaneous search for many expressions in one text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import re2

from tocsin.core.matching.matcher import Matcher

_WORD = re.compile(r"[A-Za-z0-9]+")
_WHOLE_WORD = re.compile(r"(?<=[^A-Za-z0-9])[A-Za-z0-9]+(?=[^A-Za-z0-9])")
_MAX_NEEDLES_PER_WORD = 8
"""A word that at most this many needles contain is a good index key."""
_GRAM = 4
_MAX_UNINDEXED = 12
"""Maximum number of needles that are searched for one by one."""
_LONG = 4096
"""Number of characters from which a text counts as long."""
_FEW_IN_LONG = 1000
"""Maximum number of needles that are searched for one by one in a long text, where that is as fast as an index."""
_SET_SIZE = 256
"""Number of expressions in one RE2 set: more of them thrash its cache."""
_MEMORY = 64 << 20
"""Maximum memory in bytes for the automata of one residue."""
_LEAST_MEMORY = 2 << 20
_ALWAYS = "(?s).*"
"""An expression that is added to every set. If it does not match, RE2 ran out of memory: the result is unusable."""

Needle = tuple[int, tuple[str, ...]]
"""A number, and one or more texts that must all be present."""


class Needles:
    """Needles, indexed by the rarest word or few characters of each."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._needles = needles
        self._by_word: dict[str, list[Needle]] = {}
        self._by_gram: dict[int, dict[str, list[Needle]]] = {}
        if len(needles) <= _MAX_UNINDEXED:
            return
        words = Counter(word for _, texts in needles for word in _whole_words(texts))
        grams = Counter(gram for _, texts in needles for gram in _grams(texts))
        for needle in needles:
            word = min(_whole_words(needle[1]), key=lambda word: (words[word], word), default=None)
            if word is not None and words[word] <= _MAX_NEEDLES_PER_WORD:
                self._by_word.setdefault(word, []).append(needle)
                continue
            gram = min(_grams(needle[1]), key=lambda gram: (grams[gram], -len(gram), gram))
            self._by_gram.setdefault(len(gram), {}).setdefault(gram, []).append(needle)

    def __bool__(self) -> bool:
        return bool(self._needles)

    def found_in(self, text: str) -> list[int]:
        """Return the numbers of the needles that the text contains, each once."""
        few = _MAX_UNINDEXED if len(text) <= _LONG else _FEW_IN_LONG
        return [
            number
            for number, texts in (self._needles if len(self._needles) <= few else self._candidates(text))
            if (texts[0] in text and (len(texts) == 1 or all(each in text for each in texts)))
        ]

    def _candidates(self, text: str) -> list[Needle]:
        result: list[Needle] = []
        # Only what is known is kept: all stretches of a text of megabytes would take gigabytes.
        if by_word := self._by_word:
            for word in {word for match in _WORD.finditer(text) if (word := match[0]) in by_word}:
                result += by_word[word]
        for length, by_gram in self._by_gram.items():
            starts = range(len(text) - length + 1)
            for gram in {gram for start in starts if (gram := text[start : start + length]) in by_gram}:
                result += by_gram[gram]
        return result


def _whole_words(texts: Iterable[str]) -> set[str]:
    """Return the words that are delimited on both sides: a text that contains one of ``texts`` has them as words."""
    return {word for text in texts for word in _WHOLE_WORD.findall(text)}


def _grams(texts: Iterable[str]) -> set[str]:
    """Return the substrings of `_GRAM` characters; for a shorter text, the text itself."""
    return {gram for text in texts for gram in _substrings(text, min(len(text), _GRAM))}


def _substrings(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


class Residue:
    """Expressions without a usable index key, evaluated many at a time by RE2."""

    def __init__(self, numbers: Sequence[int], expressions: Sequence[Matcher]) -> None:
        self._expressions = expressions
        chunks = [numbers[start : start + _SET_SIZE] for start in range(0, len(numbers), _SET_SIZE)]
        self._memory = max(_MEMORY // max(len(chunks), 1), _LEAST_MEMORY)
        self._sets = [compiled for chunk in chunks for compiled in self._in_sets(chunk)]
        in_sets = {number for subset in self._sets for number in subset.numbers}
        self._single = [number for number in numbers if number not in in_sets]

    def __bool__(self) -> bool:
        return bool(self._sets or self._single)

    def matched_by(self, text: str) -> Iterator[int]:
        """Yield the numbers of the expressions that match."""
        for number in self._single:
            if self._expressions[number].test(text):
                yield number
        for subset in self._sets:
            yield from subset.matched_by(text)

    def _in_sets(self, numbers: Sequence[int]) -> "list[_Set]":
        """Compile expressions into sets, without those that are too large for a set; a single one needs no set."""
        if len(numbers) < 2:
            return []
        try:
            return [_Set(numbers, self._expressions, self._memory)]
        except re2.error:
            middle = len(numbers) // 2
            return [*self._in_sets(numbers[:middle]), *self._in_sets(numbers[middle:])]


class _Set:
    """An RE2 set: several expressions in one automaton.

    Raises:
        re2.error: The set needs more memory than it may use.
    """

    def __init__(self, numbers: Sequence[int], expressions: Sequence[Matcher], memory: int) -> None:
        self.numbers = numbers
        self._expressions = expressions
        options = re2.Options()
        options.log_errors = False
        options.max_mem = memory
        self._set = re2.Set.FullMatchSet(options)
        for number in numbers:
            self._set.Add(expressions[number].value)
        self._always = self._set.Add(_ALWAYS)
        self._set.Compile()

    def matched_by(self, text: str) -> Iterable[int]:
        indexes = self._set.Match(text)
        if self._always not in indexes:
            return [number for number in self.numbers if self._expressions[number].test(text)]
        return [self.numbers[index] for index in indexes if index != self._always]
