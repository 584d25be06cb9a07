"""A secret: a value that is not shown when it is printed or logged."""

import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

WAYS = ("file", "env", "credential")
"""The ways in which a file names a secret ``token``: ``token_file``, ``token_env``, ``token_credential``."""


class Secret:
    """A value that prints as ``<secret>``."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to be sent or compared."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Return whether the values are equal, in constant time."""
        return hmac.compare_digest(self._value.encode(), candidate.encode(errors="surrogatepass"))

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept an instance unchanged; no other value is converted."""
        del source, handler
        return core_schema.is_instance_schema(cls, serialization=core_schema.to_string_ser_schema())
