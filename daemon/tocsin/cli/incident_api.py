"""Functions shared by all commands about incidents."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import click

from tocsin.cli.client import DaemonClient, Refused
from tocsin.cli.output import relative_time, say, say_json, state
from tocsin.core.suggestions import nearest

API = "/api/v1/incidents"
OWN_PLAYBOOK = ("tocsin",)
"""The playbook of tocsin's own incidents, which is built in."""
OWN_SEVERITIES = ("self", "self-notice", "reminder")
"""Severities of tocsin's own incidents, which no playbook file defines."""

Left = Callable[[dict[str, Any]], str]
"""Returns lines about the work that is left for an incident."""

_NAME = re.compile(r"(?:#|[A-Za-z][A-Za-z0-9_-]*-)0*([1-9][0-9]{0,8})")
"""The form of an incident's name, such as ``#12`` or ``INC-12``, which ends with the number."""


def incident_path(incident: str) -> str:
    """Return the API path of an incident by its number, name (``INC-12``) or id.

    Raises:
        Refused: The text is neither a number nor a name nor an id.
    """
    numbered = _NAME.fullmatch(incident)
    if numbered is not None:
        incident = numbered[1]
    if not incident or not all(char.isalnum() or char in "-_" for char in incident):
        raise Refused(
            f"{incident!r} is neither the number nor the id of an incident; `tocsin incidents list` shows both"
        )
    return f"{API}/{incident}"


async def respond_to_each(
    incidents: tuple[str, ...],
    post: Callable[[str], Awaitable[Any]],
    *,
    as_json: bool,
    done: str = "",
    left: Left | None = None,
) -> None:
    """Post the same response to each incident; a refusal for one incident does not stop the others.

    ``post`` takes the path of an incident. As JSON, the answer about one incident is an
    object, and the answers about several incidents are a list.
    ``left`` returns what is still to be done.

    Raises:
        Refused: The response was refused for at least one incident.
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
            print_result(answers[-1], as_json=False, done=done)
            for line in (left(answers[-1]["incident"]) if left is not None else "").splitlines():
                say(f"  {line}")
    if as_json:
        say_json(answers[0] if len(incidents) == 1 else answers)
    if refused:
        raise Refused(f"{len(refused)} of {len(incidents)} incidents were refused.", refused[-1].status)


async def expect_known(daemon: DaemonClient, severity: str | None, playbook: str | None) -> None:
    """Check that the severity and the playbook of a filter exist, for a filter without results.

    Raises:
        UsageError: The severity or the playbook does not exist; the message lists the known names.
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


def print_result(answer: dict[str, Any], *, as_json: bool, done: str = "") -> None:
    """Print the result of a response: the incident, what has changed, and the next page.

    ``done`` describes the change where the state of the incident does not show it.
    """
    if as_json:
        say_json(answer)
        return
    incident = answer["incident"]
    say(f"#{incident['number']} {incident['title']}: {incident['severity']}, ", state(incident["state"]))
    if answer["note"]:
        say(f"  {answer['note']}")
    elif not answer["changed"]:
        say("  nothing has changed")
    elif done:
        say(f"  {done}")
    if text := next_page(incident, datetime.now(UTC)):
        say(f"  next: {text}")
    if incident.get("can_declare") and incident["state"] in ("acknowledged", "snoozed"):
        say(f"  if the problem is real, declare the incident: tocsin incidents declare {incident['number']}")


def next_page(incident: dict[str, Any], now: datetime) -> str:
    """Return the recipients and the time of the next step; "" for a resolved incident without firing alerts."""
    if incident["state"] == "resolved" and (firing := incident.get("alerts_firing", 0)):
        alerts = "1 alert still fires" if firing == 1 else f"{firing} alerts still fire"
        return f"{alerts}; if this goes on, the incident opens again and pages"
    if incident["state"] in ("resolved", "pending") or "next_step" not in incident:
        return ""
    step = incident["next_step"]
    if step is None and incident["state"] == "snoozed":
        return "page the tier that was reached last, when the snooze ends"
    if step is None:
        return "no further page is planned"
    action = "page" if step["kind"] == "page" else "inform"
    is_silent = step["until"] == "acknowledged" and incident["state"] == "acknowledged"
    unless = "if there is no activity until then" if is_silent else f"unless it is {step['until']}"
    return f"{action} {', '.join(step['targets'])} (tier {step['tier']}) {relative_time(step['at'], now)}, {unless}"
