"""What all verbs about one incident have in common."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import click

from tocsin.cli.client import Daemon, Refused
from tocsin.cli.output import say, say_json, state
from tocsin.core.suggestions import nearest

API = "/api/v1/incidents"
OWN_PLAYBOOK = ("tocsin",)
OWN_SEVERITIES = ("self", "self-notice", "reminder")
"""Severities of the incidents about tocsin itself, which are in no file."""

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


async def respond_to_each(incidents: tuple[str, ...], post: Callable[[str], Awaitable[Any]], *, as_json: bool) -> None:
    """Post the same response to each incident, whatever becomes of the others.

    ``post`` takes the path of an incident. One incident's answer is printed as
    an object, several as a list.

    Raises:
        Refused: The only one, or the last of several, was refused.
    """
    answers: list[Any] = []
    refused: list[Refused] = []
    for incident in incidents:
        try:
            answers.append(await post(incident_path(incident)))
        except Refused as refusal:
            if len(incidents) == 1:
                raise
            refused.append(refusal)
            say(f"{incident}: {refusal.message}", err=True)
            continue
        if not as_json:
            tell(answers[-1], as_json=False)
    if as_json:
        say_json(answers[0] if len(incidents) == 1 else answers)
    if refused:
        raise Refused(f"{len(refused)} of {len(incidents)} were refused", refused[-1].status)


async def expect_known(daemon: Daemon, severity: str | None, playbook: str | None) -> None:
    """Check that a filter that has found nothing names a severity and a playbook that there are.

    Raises:
        UsageError: There is none of that name; the message names those that there are.
    """
    if severity is None and playbook is None:
        return
    plans = (await daemon.get("/api/v1/playbooks"))["playbooks"]
    severities = dict.fromkeys(name for plan in plans for name in plan["severities"])
    for option, wanted, known in (
        ("--playbook", playbook, [*(plan["name"] for plan in plans), *OWN_PLAYBOOK]),
        ("--severity", severity, [*severities, *OWN_SEVERITIES]),
    ):
        if wanted is not None and wanted not in known:
            near = nearest(wanted, known)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"{option}: there is no {option[2:]} {wanted!r}.{hint} Known: {', '.join(known)}")


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
