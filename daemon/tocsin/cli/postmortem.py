"""``tocsin postmortem``: the draft of an incident's post-mortem."""

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, connected
from tocsin.cli.incident_api import incident_path
from tocsin.cli.output import say, say_json


@click.command(epilog=options.example("tocsin postmortem 12 > post-mortem-12.md"))
@click.argument("incident")
@options.as_json
@connected
async def command(daemon: Daemon, incident: str, *, as_json: bool) -> None:
    """Print the draft of an incident's post-mortem as Markdown.

    Its playbook's template makes it of the incident, its timeline and its facts
    (`tocsin incidents fact`); what only people know is marked "[to fill in: ...]".
    """
    found = await daemon.get(f"{incident_path(incident)}/postmortem")
    if as_json:
        say_json(found)
        return
    click.echo(found["markdown"])
    for blank in found["blanks"]:
        say(blank, err=True)
    if found["failure"]:
        say(found["failure"], err=True)
