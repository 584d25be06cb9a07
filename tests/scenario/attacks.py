"""A case of a limit: an attack that goes past it, and what it needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from scenario.besieged import Besieged, in_background

Held = Callable[[Besieged], AbstractAsyncContextManager[None]]
Once = Callable[[Besieged], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A row of the table of limits in config/README.md, by the name in its last column."""

    name: str
    held: Held
    """The attack is in place in the block, in which the others are served."""
    setup: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `scenario.besieged.besieged`."""


def held(attack: Callable[[Besieged], AsyncIterator[None]], **setup: Any) -> Case:
    """Return the case of an attack that holds on while it yields."""
    return Case(attack.__name__, asynccontextmanager(attack), setup)


def repeated(attack: Once, name: str = "", **setup: Any) -> Case:
    """Return the case of an attack that is made once, and then again and again while the others are served."""

    @asynccontextmanager
    async def again_and_again(tocsin: Besieged) -> AsyncIterator[None]:
        await attack(tocsin)
        async with in_background(lambda: attack(tocsin)):
            yield

    return Case(name or getattr(attack, "__name__", ""), again_and_again, setup)


def once(attack: Once, name: str = "", **setup: Any) -> Case:
    """Return the case of an attack that is made once, before the others are served: what it leaves stays in place."""

    @asynccontextmanager
    async def made(tocsin: Besieged) -> AsyncIterator[None]:
        await attack(tocsin)
        yield

    return Case(name or getattr(attack, "__name__", ""), made, setup)


def meanwhile(attack: Once, name: str = "", **setup: Any) -> Case:
    """Return the case of an attack that takes long, and is made once while the others are served."""

    @asynccontextmanager
    async def going_on(tocsin: Besieged) -> AsyncIterator[None]:
        task = asyncio.ensure_future(attack(tocsin))
        try:
            yield
        finally:
            await task

    return Case(name or getattr(attack, "__name__", ""), going_on, setup)
