"""A secret: a value that never shows itself."""

import hmac
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

WAYS = ("file", "env", "credential")
"""How a file says where a secret ``token`` is to be found: ``token_file``, ``token_env``, ``token_credential``."""


class Secret:
    """A value that prints as ``<secret>``."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one who must send it or compare it."""
        return self._value

    def matches(self, candidate: str) -> bool:
        """Whether this is the value, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self._value.encode(), candidate.encode(errors="surrogatepass"))

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A model takes it as it is; nothing else becomes one."""
        del source, handler
        return core_schema.is_instance_schema(cls, serialization=core_schema.to_string_ser_schema())
