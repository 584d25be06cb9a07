"""The base class of the content of timeline entries."""

from typing import Any, ClassVar

import msgspec


class EntryData(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an entry of one kind: the fields are the entry's ``data``, in the order in which they are stored.

    ``kind`` and the names of the fields are stored and part of the API: never change them.
    """

    kind: ClassVar[str]
    """The entry's ``kind``."""
    phrase: ClassVar[str]
    """The entry as people read it; ``{field}`` stands for a field's value."""
    remark: ClassVar[str] = ""
    """The name of a field that follows the phrase in parentheses, unless it is empty."""

    def data(self) -> dict[str, Any]:
        """Return the fields as they are stored."""
        stored = msgspec.to_builtins(self).items()
        return {name: list(value) if type(value) is tuple else value for name, value in stored}
