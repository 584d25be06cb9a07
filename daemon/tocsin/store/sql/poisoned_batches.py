"""A transaction in which a write has failed is never committed, even if the caller caught the error."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Doomed:
    """Base class of transactions that remember a failed write.

    A caller that swallows the error still commits nothing. A statement over many
    rows may have written some of them before it failed; PostgreSQL, too, refuses
    to continue such a transaction.
    """

    failure: BaseException | None = None

    def expect_whole(self) -> None:
        """Raise the failure of an earlier write, if any. Call this last before the commit."""
        if self.failure is not None:
            raise self.failure


D = TypeVar("D", bound=Doomed)


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
