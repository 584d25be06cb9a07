"""A transaction of which one write failed is never committed."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Doomed:
    """Base of the transactions: remembers the failure, so that a caller who swallows it commits nothing.

    A statement over many rows may have written some of them before it failed;
    PostgreSQL would refuse to go on as well.
    """

    failure: BaseException | None = None

    def expect_whole(self) -> None:
        """Raise the failure, if there was one: the last thing before the commit."""
        if self.failure is not None:
            raise self.failure


D = TypeVar("D", bound=Doomed)


def write(method: Callable[Concatenate[D, P], T]) -> Callable[Concatenate[D, P], T]:
    """Mark a method that writes."""

    @wraps(method)
    def guarded(self: D, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            self.failure = error
            raise

    return guarded  # type: ignore[return-value]  # mypy gives what `wraps` returns a named "self"
