"""``tocsin incidents drafts``, ``confirm``, ``discard``: the drafts that wait for confirmation."""

from typing import Any, TextIO

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, Refused, connected
from tocsin.cli.incident_api import incident_path, tell
from tocsin.cli.output import say, say_json


@click.command(epilog=options.example("tocsin incidents drafts 12"))
@click.argument("incident")
@options.as_json
@connected
async def drafts(daemon: Daemon, incident: str, *, as_json: bool) -> None:
    """List the drafts that wait for confirmation."""
    found = await daemon.get(f"{incident_path(incident)}/drafts")
    if as_json:
        say_json(found)
        return
    if not found["drafts"]:
        say(f"#{found['number']}: no drafts wait for confirmation.")
    for draft in found["drafts"]:
        _show(found["number"], draft)


@click.command(epilog=options.example("tocsin incidents confirm 12 1 --text customers.txt"))
@click.argument("incident")
@click.argument("draft", type=click.IntRange(1, 999_999_999))
@click.option("--text", type=click.File(), help="Say this instead: a file, or - for standard input.")
@click.option("--yes", is_flag=True, help="Show the text, and do not ask.")
@options.as_json
@connected
async def confirm(daemon: Daemon, incident: str, draft: int, *, text: TextIO | None, yes: bool, as_json: bool) -> None:
    """Send or carry out a DRAFT. Its exact text is shown first; what you read is what goes out, to the letter."""
    path = f"{incident_path(incident)}/drafts"
    found, wanted = await _find(daemon, path, draft)
    said = text.read() if text is not None else wanted["text"]
    _show(found["number"], {**wanted, "text": said, "blanks": wanted["blanks"] if text is None else ()}, err=True)
    if not yes:
        click.confirm(_question(wanted), abort=True, err=True)
    tell(await daemon.post(f"{path}/{draft}/confirm", {"text": said}), as_json=as_json)


@click.command(epilog=options.example('tocsin incidents discard 12 1 --reason "customers do not see it"'))
@click.argument("incident")
@click.argument("draft", type=click.IntRange(1, 999_999_999))
@click.option("--reason", default="", help="Stands in the timeline.")
@options.as_json
@connected
async def discard(daemon: Daemon, incident: str, draft: int, *, reason: str, as_json: bool) -> None:
    """Discard a DRAFT: nothing of it goes out. Its text is shown first."""
    path = f"{incident_path(incident)}/drafts"
    found, wanted = await _find(daemon, path, draft)
    _show(found["number"], wanted, err=True)
    tell(await daemon.post(f"{path}/{draft}/discard", {"reason": reason}), as_json=as_json)


async def _find(daemon: Daemon, path: str, draft: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what waits for confirmation, and the draft of that number among it."""
    waiting = await daemon.get(path)
    wanted = next((each for each in waiting["drafts"] if each["draft"] == draft), None)
    if wanted is None:
        known = ", ".join(str(each["draft"]) for each in waiting["drafts"]) or "none"
        raise Refused(f"#{waiting['number']} has no draft {draft} that waits for confirmation; there is: {known}")
    return waiting, wanted


def _question(draft: dict[str, Any]) -> str:
    to = ", ".join(draft["to"])
    return {
        "message": f"Send this message to {to}?",
        "tracker": f"Post this text in {to}?",
        "automation": f"Ask the automation {to} to do its work?",
    }[draft["verb"]]


def _show(number: int, draft: dict[str, Any], *, err: bool = False) -> None:
    say(f"#{number} draft {draft['draft']}: {draft['verb']} {draft['what']} for {', '.join(draft['to'])}", err=err)
    if not draft["text"] and draft["verb"] == "automation":
        say("  (no text goes out: the automation is asked to do its work)", err=err)
    for line in draft["text"].splitlines():
        say(f"  | {line}".rstrip(), err=err)
    for blank in draft["blanks"]:
        say(f"  ! fill in: {blank}", err=err)
    if draft["failure"]:
        say(f"  ! {draft['failure']}", err=err)


VERBS = (drafts, confirm, discard)
"""Those that `tocsin incidents` has from here."""
