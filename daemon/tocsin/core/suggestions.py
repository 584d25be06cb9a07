"""What somebody meant who has mistyped a name."""

import re
from collections.abc import Iterable

_NUMBER = re.compile("[0-9]+")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint: the known words that are hardly different from this one, or else all of them."""
    names = sorted({name.lower(): name for name in sorted(set(known))}.values())
    near = nearest(word, names)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(names)}" if names else ""


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return the known words that are hardly different from this one, sorted.

    A wrong suggestion costs more than none, so only a slip of the keyboard is one: letters in the wrong place, and a
    few in a long word. A number is never a slip of another number: SEV-4 is not what SEV-0 means.
    """
    names = {name.lower(): name for name in sorted(set(known))}
    distances = {
        name: _distance(word.lower(), name) for name in names if _NUMBER.findall(name) == _NUMBER.findall(word)
    }
    least = min(distances.values(), default=len(word) + 1)
    if least > max(1, len(word) // 4) or least >= len(word):
        return []
    return [names[name] for name, distance in distances.items() if distance == least]


def _distance(word: str, other: str) -> int:
    """Return how many letters have to be put in, left out, changed or swapped with their neighbor."""
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
