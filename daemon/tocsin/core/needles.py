"""Many expressions looked for in one text at once."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import re2

from tocsin.core.matcher import Matcher

_WORD = re.compile(r"[A-Za-z0-9]+")
_WHOLE_WORD = re.compile(r"(?<=[^A-Za-z0-9])[A-Za-z0-9]+(?=[^A-Za-z0-9])")
_RARE = 8
"""A word that so many needles have is worth looking for."""
_GRAM = 4
_FEW = 12
"""So many needles are looked for one by one."""
_SET = 256
"""How many expressions RE2 looks for at once: more of them thrash its cache."""
_MEMORY = 64 << 20
"""What the automata of one residue may take together, in bytes."""
_LEAST_MEMORY = 2 << 20
_ALWAYS = "(?s).*"
"""Stands in every set. Where not even this matches, RE2 ran out of memory, and nothing it said counts."""

Needle = tuple[int, tuple[str, ...]]
"""A number, and the texts that must all be there; at least one."""


class Needles:
    """Finds the needles all of whose texts stand in a text: through the rarest word or few characters of each."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._needles = needles
        self._by_word: dict[str, list[Needle]] = {}
        self._by_gram: dict[int, dict[str, list[Needle]]] = {}
        if len(needles) <= _FEW:
            return
        words = Counter(word for _, texts in needles for word in _whole_words(texts))
        grams = Counter(gram for _, texts in needles for gram in _grams(texts))
        for needle in needles:
            word = min(_whole_words(needle[1]), key=lambda word: (words[word], word), default=None)
            if word is not None and words[word] <= _RARE:
                self._by_word.setdefault(word, []).append(needle)
                continue
            gram = min(_grams(needle[1]), key=lambda gram: (grams[gram], -len(gram), gram))
            self._by_gram.setdefault(len(gram), {}).setdefault(gram, []).append(needle)

    def __bool__(self) -> bool:
        return bool(self._needles)

    def found_in(self, text: str) -> list[int]:
        """The numbers of the needles that are in it, each once."""
        is_indexed = self._by_word or self._by_gram
        return [
            number
            for number, texts in (self._candidates(text) if is_indexed else self._needles)
            if (texts[0] in text and (len(texts) == 1 or all(each in text for each in texts)))
        ]

    def _candidates(self, text: str) -> list[Needle]:
        found: list[Needle] = []
        if by_word := self._by_word:
            for word in set(_WORD.findall(text)):
                found += by_word.get(word, ())
        for length, by_gram in self._by_gram.items():
            for gram in by_gram.keys() & _stretches(text, length):
                found += by_gram[gram]
        return found


def _whole_words(texts: Iterable[str]) -> set[str]:
    """Words with their ends on both sides: whatever contains one of the texts has them among its own words."""
    return {word for text in texts for word in _WHOLE_WORD.findall(text)}


def _grams(texts: Iterable[str]) -> set[str]:
    """The stretches of a few characters; a shorter text is its only one."""
    return {gram for text in texts for gram in _stretches(text, min(len(text), _GRAM))}


def _stretches(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


class Residue:
    """Expressions of which nothing is known but what RE2 says: asked for many at a time."""

    def __init__(self, numbers: Sequence[int], expressions: Sequence[Matcher]) -> None:
        self._expressions = expressions
        pieces = [numbers[start : start + _SET] for start in range(0, len(numbers), _SET)]
        self._memory = max(_MEMORY // max(len(pieces), 1), _LEAST_MEMORY)
        self._sets = [found for piece in pieces for found in self._in_sets(piece)]
        in_sets = {number for each in self._sets for number in each.numbers}
        self._alone = [number for number in numbers if number not in in_sets]

    def __bool__(self) -> bool:
        return bool(self._sets or self._alone)

    def matched_by(self, text: str) -> Iterator[int]:
        """The numbers of those that match."""
        for number in self._alone:
            if self._expressions[number].test(text):
                yield number
        for each in self._sets:
            yield from each.matched_by(text)

    def _in_sets(self, numbers: Sequence[int]) -> "list[_Set]":
        """Automata for all of them but those that are too large for one, or the only one."""
        if len(numbers) < 2:
            return []
        try:
            return [_Set(numbers, self._expressions, self._memory)]
        except re2.error:
            middle = len(numbers) // 2
            return [*self._in_sets(numbers[:middle]), *self._in_sets(numbers[middle:])]


class _Set:
    """Some expressions in one automaton.

    Raises:
        re2.error: It takes more memory than it may.
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
        found = self._set.Match(text)
        if self._always not in found:
            return [number for number in self.numbers if self._expressions[number].test(text)]
        return [self.numbers[index] for index in found if index != self._always]
