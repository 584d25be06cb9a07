"""``tocsin declare``: an incident that no alert tells of."""

from typing import Any, NamedTuple

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, Refused, connected
from tocsin.cli.incident_api import API, tell
from tocsin.cli.output import say


class Answers(NamedTuple):
    """What the questions of a playbook have brought out."""

    severities: tuple[str, ...]
    flags: tuple[str, ...]
    facts: dict[str, str]


@click.command(
    epilog=options.example(
        'tocsin declare "Nobody can pay" --severity SEV-1 --service checkout',
        'tocsin declare "Nobody can pay" --playbook mgmt-vibe --severity SEV-0 --flag customer_impact',
    )
)
@click.argument("title")
@click.option("--severity", default="", help="One of the playbook's; without it, its questions are asked.")
@click.option("--playbook", default="", help="The one of what no rule places, unless given.")
@click.option("--service", default="")
@click.option("--team", default="")
@click.option("--summary", default="", help="What it means, in a sentence or two.")
@click.option("--reason", default="", help="Stands in the timeline.")
@click.option("--flag", "flags", multiple=True, help="A flag of the playbook; may be given several times.")
@options.as_json
@connected
async def command(  # noqa: PLR0913 - the fields of an incident
    daemon: Daemon,
    title: str,
    *,
    severity: str,
    playbook: str,
    service: str,
    team: str,
    summary: str,
    reason: str,
    flags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Declare an incident that no alert tells of: people are paged at once, and only a person resolves it.

    Without --severity the playbook's questions are asked, on a terminal; their
    answers are kept as facts and flags of the incident.
    """
    facts: dict[str, str] = {}
    if not severity:
        plan = _plan((await daemon.get("/api/v1/playbooks"))["playbooks"], playbook)
        answers = _ask(plan["questions"])
        severity = _choose(plan, answers.severities)
        flags, facts = tuple(dict.fromkeys((*flags, *answers.flags))), answers.facts
    words = {"title": title, "service": service, "team": team, "summary": summary, "reason": reason}
    body = {**words, "severity": severity, "playbook": playbook, "flags": flags, "facts": facts}
    tell(await daemon.post(API, body), as_json=as_json)


def _plan(plans: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = next((plan for plan in plans if plan["name"] == name or (not name and plan["default"])), None)
    if found is None:
        raise Refused(f"there is no playbook {name!r}; there is: {', '.join(plan['name'] for plan in plans)}")
    return found


def _ask(questions: list[dict[str, Any]]) -> Answers:
    """Ask until an answer ends it."""
    flags: list[str] = []
    facts: dict[str, str] = {}
    for question in questions:
        answer = click.confirm(question["ask"], err=True)
        if question["fact"]:
            facts[question["fact"]] = "yes" if answer else "no"
        if question["flag"] and answer:
            flags.append(question["flag"])
        branch = question["yes" if answer else "no"]
        if branch is None:
            continue
        if branch["advice"]:
            say(branch["advice"], err=True)
        if not branch["severities"]:
            click.confirm("Declare it all the same?", abort=True, err=True)
        return Answers(tuple(branch["severities"]), tuple(flags), facts)
    return Answers((), tuple(flags), facts)


def _choose(plan: dict[str, Any], suggested: tuple[str, ...]) -> str:
    if len(suggested) == 1:
        return suggested[0]
    chosen: str = click.prompt("Severity", type=click.Choice(list(suggested or plan["severities"])), err=True)
    return chosen
