"""Transactions that are never committed after a failed write, even if the caller catches the error."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Poisonable:
    """Base class of transactions that remember a failed write, so that nothing is committed after it.

    A statement over many rows may have written some of them before it failed.
    PostgreSQL, too, refuses to continue a transaction after an error.
    """

    failure: BaseException | None = None
    """The error of the failed write; None if all writes have succeeded."""

    def expect_whole(self) -> None:
        """Raise the failure of an earlier write, if any. Call this last before the commit."""
        if self.failure is not None:
            raise self.failure


D = TypeVar("D", bound=Poisonable)


def write(method: Callable[Concatenate[D, P], T]) -> Callable[Concatenate[D, P], T]:
    """Decorate a method that writes, so that a failed write is remembered."""

    @wraps(method)
    def guarded(self: D, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            self.failure = error
            raise

    return guarded  # type: ignore[return-value]  # mypy gives what `wraps` returns a named "self"
