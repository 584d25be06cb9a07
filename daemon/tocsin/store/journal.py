"""What the memory store remembers of a transaction, so that it can take all of it back."""

from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """Remembers what each change replaced."""

    def __init__(self) -> None:
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """Set a value."""
        self._undo.append((table, key, table.get(key, self)))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        """Remove a value, where there is one."""
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def roll_back(self) -> None:
        """Take everything back."""
        for table, key, old in reversed(self._undo):
            if old is self:
                del table[key]
            else:
                table[key] = old
