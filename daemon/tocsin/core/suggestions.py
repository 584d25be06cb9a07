"""Suggestions for mistyped names."""

import re
from collections.abc import Iterable
from itertools import takewhile

_STEM = 4
"""Minimum number of equal letters at the beginning of two words that differ only in their ending."""
_ENDING = 3
"""The longest ending."""
_SHOWN = 20
"""Maximum number of names that are listed; there may be many people and rotations."""
_LONGEST = 100
"""Maximum number of letters of a word that is compared: no name is longer, but a request may be."""
_NUMBER = re.compile("[0-9]+")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the known words closest to this one, or else all of them."""
    names = sorted({name.lower(): name for name in sorted(set(known))}.values())
    near = nearest(word, names)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(names)}" if names else ""


def did_you_mean_or_add(name: str, known: Iterable[str]) -> str:
    """Return a hint for the name of a person that does not exist: the closest known names, or an entry to add.

    The name may belong to a person who was removed from people.yaml and is still named elsewhere.
    """
    near = did_you_mean(name, known)
    entry = f"add {name} under `people:`"
    if near.endswith("?"):
        return f"{near} If not, {entry}"
    return f"{near}; or {entry}" if near else entry


def choices(word: str, known: Iterable[str]) -> str:
    """Return the known words to choose from: the closest ones, and all in their order."""
    names = list(known)
    near = f"did you mean {' or '.join(words)}? It" if (words := nearest(word, names)) else "it"
    return f"{near} has: {', '.join(names) or 'none'}"


def known_names(word: str, known: Iterable[str]) -> str:
    """Return the nearest of many names, and the first of all in the order of the alphabet."""
    names = sorted(known)
    near = f"did you mean {' or '.join(words)}? Known" if (words := nearest(word, names)) else "known"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{near}: {', '.join(names[:_SHOWN]) or 'none'}{more}"


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that differ slightly from this one, sorted.

    A wrong suggestion costs more than none, so only typing errors (transposed letters, and a few letters in a long
    word) and other endings (matches for match) count. One number is never a typing error for another: SEV-4 is not
    SEV-0.
    """
    if len(word) > _LONGEST:
        return []
    names = {name.lower(): name for name in sorted(set(known)) if _NUMBER.findall(name) == _NUMBER.findall(word)}
    distances = {name: _distance(word.lower(), name) for name in names}
    least = min(distances.values(), default=len(word) + 1)
    if least > max(1, len(word) // 4) or least >= len(word):
        return [names[name] for name in names if _differs_in_its_ending(word.lower(), name)]
    return [names[name] for name, distance in distances.items() if distance == least]


def _differs_in_its_ending(word: str, other: str) -> bool:
    longer = max(len(word), len(other))
    stem = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False)))
    return stem >= _STEM and longer - stem <= _ENDING and stem >= longer * 0.6


def _distance(word: str, other: str) -> int:
    """Return the number of letters to insert, delete, change or swap with their neighbor."""
    if abs(len(word) - len(other)) > len(word):
        return len(word) + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(word):
        last, before, row = before, row, [place + 1]
        for index, wanted in enumerate(other):
            cost = min(before[index + 1] + 1, row[index] + 1, before[index] + (letter != wanted))
            if place and index and letter == other[index - 1] and word[place - 1] == wanted:
                cost = min(cost, last[index - 1] + 1)
            row.append(cost)
    return row[-1]
