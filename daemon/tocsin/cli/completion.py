"""Names that the shell completes, as the daemon knows them."""

import click

from tocsin.cli.client import DEFAULT_URL, fetch
from tocsin.cli.incident_api import incident_path

SECONDS = 2.0
"""Seconds for the daemon's answer: a person waits for it at the prompt."""


def open_duties(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the open duties of the command's incident that begin with the text; none without the daemon's answer."""
    given = context.params
    try:
        path = incident_path(given.get("incident") or "")
        incident = fetch(given.get("url") or DEFAULT_URL, given.get("token_file"), path, SECONDS)
    except click.ClickException:
        return []
    duties = [duty for duty in incident["duties"] if duty["outcome"] == "open"]
    return [duty["name"] for duty in duties if duty["name"].startswith(incomplete)]
