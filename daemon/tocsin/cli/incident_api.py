"""What all verbs about one incident have in common."""

import re
from typing import Any

from tocsin.cli.client import Refused
from tocsin.cli.output import say, say_json, state

API = "/api/v1/incidents"

_NAME = re.compile(r"(?:#|[A-Za-z][A-Za-z0-9_-]*-)0*([1-9][0-9]{0,8})")
"""What people call an incident: its number stands at the end."""


def incident_path(incident: str) -> str:
    """Where the API has an incident, by its number, its name (``INC-12``) or its id.

    Raises:
        Refused: It is neither.
    """
    numbered = _NAME.fullmatch(incident)
    if numbered is not None:
        incident = numbered[1]
    if not incident or not all(char.isalnum() or char in "-_" for char in incident):
        raise Refused(f"{incident!r} is neither the number nor the id of an incident")
    return f"{API}/{incident}"


def tell(answer: dict[str, Any], *, as_json: bool) -> None:
    """Say what became of a response."""
    if as_json:
        say_json(answer)
        return
    incident = answer["incident"]
    say(f"#{incident['number']} {incident['title']}: {incident['severity']}, ", state(incident["state"]))
    if answer["note"]:
        say(f"  {answer['note']}")
    elif not answer["changed"]:
        say("  nothing has changed")
