"""``tocsin postmortem``: the draft of an incident's postmortem."""

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, connected
from tocsin.cli.incident_api import incident_path
from tocsin.cli.output import say, say_json


@click.command(epilog=options.example("tocsin postmortem 12 > postmortem-12.md"))
@click.argument("incident")
@options.as_json
@connected
async def command(daemon: DaemonClient, incident: str, *, as_json: bool) -> None:
    """Print the draft of an incident's postmortem as Markdown.

    The playbook's template renders it from the incident, its timeline and its
    facts (`tocsin incidents fact`). Blanks that a person has to fill in are
    marked "[to fill in: ...]".
    """
    postmortem = await daemon.get(f"{incident_path(incident)}/postmortem")
    if as_json:
        say_json(postmortem)
        return
    click.echo(postmortem["markdown"])
    if blanks := len(postmortem["blanks"]):
        say(f"{blanks} {'blank is' if blanks == 1 else 'blanks are'} marked [to fill in: ...].", err=True)
    if postmortem["failure"]:
        say(postmortem["failure"], err=True)
