"""``tocsin declare``: declare an incident that no alert has reported."""

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.incident_api import API, print_result
from tocsin.cli.questions import ask, choose, plan_of, terminal_expected


@click.command(
    epilog=options.example(
        'tocsin declare "Customers cannot pay" --severity SEV-1 --service checkout',
        'tocsin declare "Customers cannot pay" --playbook mgmt-vibe --severity SEV-0 --flag customer_impact',
    )
)
@click.argument("title")
@click.option(
    "--severity", default="", help="A severity of the playbook. If omitted, the playbook's questions are asked."
)
@click.option("--playbook", default="", help="Default: the playbook of alerts that no rule routes.")
@click.option("--service", default="", help="The affected service.")
@click.option("--team", default="", help="The responsible team.")
@click.option("--summary", default="", help="The impact, in a sentence or two.")
@click.option("--reason", default="", help="Recorded in the timeline.")
@click.option("--flag", "flags", multiple=True, help="A flag of the playbook. Repeatable.")
@options.as_json
@connected
async def command(  # noqa: PLR0913 - the fields of an incident
    daemon: DaemonClient,
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
    """Declare an incident that no alert has reported.

    People are paged at once. Only a person can resolve the incident. Without
    --severity, the playbook's questions are asked on the terminal; the answers
    become facts and flags of the incident.
    """
    facts: dict[str, str] = {}
    if not severity:
        plan = plan_of((await daemon.get("/api/v1/playbooks"))["playbooks"], playbook)
        with terminal_expected(plan):
            answers = ask(plan)
            severity = choose(plan, answers.severities)
        flags, facts = tuple(dict.fromkeys((*flags, *answers.flags))), answers.facts
    texts = {"title": title, "service": service, "team": team, "summary": summary, "reason": reason}
    body = {**texts, "severity": severity, "playbook": playbook, "flags": flags, "facts": facts}
    print_result(await daemon.post(API, body), as_json=as_json)
