"""Declarations of responses: what a person may do about an incident, in which states, and its names.

Each module of ``transitions/`` declares its responses in ``RESPONSES``, beside their
handlers. The table of transitions, the routes of the API and its OpenAPI document are
derived from them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tocsin.core.incident.event import Event
from tocsin.core.incident.incident import State

ANY = tuple(State)
"""The states of an incident, as the states in which a response is allowed."""


@dataclass(frozen=True)
class DeclaredResponse:
    """A response of a person.

    The request takes the fields of ``event`` other than ``by``, unless the API has a body of its own for it.
    """

    name: str
    """Last part of the response's path in the API: ``acknowledge``, ``notes``."""
    event: type[Event]
    handlers: tuple[tuple[tuple[State, ...], Callable[..., None]], ...]
    """States, and the handler of the event in these states; any other state refuses the response."""
    summary: str
    """The response in one sentence, for the reference of the API."""
    cannot: str = "do this"
    """The response in a refusal, after "cannot"."""
    instead: str = ""
    """Advice in a refusal; by default it depends on the state."""
