"""The persons whom the text of an event names."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from tocsin.core.oncall.people import Person


class Names:
    """The texts that identify people: names, full names (also as "Last, First") and e-mail addresses."""

    def __init__(self, persons: Mapping[str, Person]) -> None:
        self._persons: dict[str, list[str]] = {}
        self._emails: dict[str, str] = {}
        for person in persons.values():
            for text in _texts(person):
                self._persons.setdefault(text, []).append(person.name)
            if person.email:
                self._emails[_plain(person.email)] = person.name
        longest_first = sorted(self._persons, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![\w@.-])@?({alternatives})(?![\w@-]|\.\w)") if alternatives else None

    def named(self, summary: str, participants: Iterable[str]) -> tuple[str, ...]:
        """Return the persons whom a summary names, or else the only known participant; empty if there is none.

        If names overlap, the longest counts: "Alex Brown" is not alex.
        """
        text = _plain(summary)
        if text in self._persons:
            return tuple(self._persons[text])
        if self._pattern is not None:
            result = [name for match in self._pattern.finditer(text) for name in self._persons[match[1]]]
            if result:
                return tuple(dict.fromkeys(result))
        emails = (_plain(address).removeprefix("mailto:") for address in participants)
        attending = dict.fromkeys(self._emails[email] for email in emails if email in self._emails)
        return tuple(attending) if len(attending) == 1 else ()


def _texts(person: Person) -> list[str]:
    texts = [person.name, person.full_name, person.email]
    first, _, last = person.full_name.strip().rpartition(" ")
    if first:
        texts.append(f"{last}, {first}")
    return list(dict.fromkeys(plain for text in texts if (plain := _plain(text))))


def _plain(text: str) -> str:
    """Return the text normalized for comparison: case, spaces, composed characters."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
