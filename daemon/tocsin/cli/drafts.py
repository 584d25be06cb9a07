"""``tocsin incidents drafts``, ``confirm``, ``discard``: drafts that wait for confirmation."""

from datetime import UTC, datetime
from typing import Any, TextIO

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, Refused, connected
from tocsin.cli.incident_api import incident_path, print_result
from tocsin.cli.output import clean, relative_time, say, say_json, say_rows

ALL_DRAFTS = "/api/v1/drafts"


@click.command(epilog=options.example("tocsin incidents drafts", "tocsin incidents drafts 12"))
@click.argument("incident", required=False)
@options.as_json
@connected
async def drafts(daemon: DaemonClient, incident: str | None, *, as_json: bool) -> None:
    """List the drafts that wait for confirmation.

    Without INCIDENT, lists the drafts of all incidents, including resolved ones.
    With INCIDENT, prints its drafts with their full texts.
    """
    if incident is None:
        await _list_all(daemon, as_json=as_json)
        return
    answer = await daemon.get(f"{incident_path(incident)}/drafts")
    if as_json:
        say_json(answer)
        return
    if not answer["drafts"]:
        say(f"#{answer['number']}: no drafts wait for confirmation.")
    for draft in answer["drafts"]:
        _show(answer["number"], draft)


async def _list_all(daemon: DaemonClient, *, as_json: bool) -> None:
    page = await daemon.get(ALL_DRAFTS)
    waiting = page["drafts"]
    while page["next"]:
        page = await daemon.get(ALL_DRAFTS, cursor=page["next"])
        waiting += page["drafts"]
    if as_json:
        say_json({"drafts": waiting})
        return
    if not waiting:
        say("No drafts wait for confirmation.")
        return
    now = datetime.now(UTC)
    say_rows(
        ("#", "draft", "what", "for", "since", "severity", "title"),
        [
            (
                clean(each["number"], "bold"),
                clean(each["draft"]),
                clean(f"{each['verb']} {each['what']}"),
                clean(", ".join(each["to"])),
                clean(relative_time(each["drafted_at"], now)),
                clean(each["severity"]),
                clean(each["title"]),
            )
            for each in waiting
        ],
        cut=("title", "for", "what"),
        optional=("severity", "title"),
    )
    say("To read a draft: tocsin incidents drafts NUMBER")


@click.command(epilog=options.example("tocsin incidents confirm 12 1 --text customers.txt"))
@click.argument("incident")
@click.argument("draft", type=click.IntRange(1, 999_999_999))
@click.option("--text", type=click.File(), help="Send this text instead: a file, or - for standard input.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@options.as_json
@connected
async def confirm(
    daemon: DaemonClient, incident: str, draft: int, *, text: TextIO | None, yes: bool, as_json: bool
) -> None:
    """Confirm a DRAFT, which sends it or carries it out.

    The full text is shown first and is sent exactly as shown.
    """
    path = f"{incident_path(incident)}/drafts"
    answer, wanted = await _find(daemon, path, draft)
    content = text.read() if text is not None else wanted["text"]
    _show(answer["number"], {**wanted, "text": content, "blanks": wanted["blanks"] if text is None else ()}, err=True)
    if not yes:
        click.confirm(_question(wanted), abort=True, err=True)
    print_result(await daemon.post(f"{path}/{draft}/confirm", {"text": content}), as_json=as_json)


@click.command(epilog=options.example('tocsin incidents discard 12 1 --reason "customers do not see it"'))
@click.argument("incident")
@click.argument("draft", type=click.IntRange(1, 999_999_999))
@click.option("--reason", default="", help="Recorded in the timeline.")
@options.as_json
@connected
async def discard(daemon: DaemonClient, incident: str, draft: int, *, reason: str, as_json: bool) -> None:
    """Discard a DRAFT, so that it is never sent.

    The text is shown first.
    """
    path = f"{incident_path(incident)}/drafts"
    answer, wanted = await _find(daemon, path, draft)
    _show(answer["number"], wanted, err=True)
    print_result(await daemon.post(f"{path}/{draft}/discard", {"reason": reason}), as_json=as_json)


async def _find(daemon: DaemonClient, path: str, draft: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the API's answer about the drafts that wait for confirmation, and the draft with that number."""
    waiting = await daemon.get(path)
    wanted = next((each for each in waiting["drafts"] if each["draft"] == draft), None)
    if wanted is None:
        known = ", ".join(str(each["draft"]) for each in waiting["drafts"]) or "none"
        raise Refused(
            f"#{waiting['number']} has no draft {draft} that waits for confirmation. Drafts that do: {known}."
        )
    return waiting, wanted


def _question(draft: dict[str, Any]) -> str:
    to = ", ".join(draft["to"])
    return {
        "message": f"Send this message to {to}?",
        "tracker": f"Post this text in {to}?",
        "automation": f"Start the automation {to}?",
    }[draft["verb"]]


def _show(number: int, draft: dict[str, Any], *, err: bool = False) -> None:
    say(f"#{number} draft {draft['draft']}: {draft['verb']} {draft['what']} for {', '.join(draft['to'])}", err=err)
    if not draft["text"] and draft["verb"] == "automation":
        say("  (no text is sent; confirming starts the automation)", err=err)
    for line in draft["text"].splitlines():
        say(f"  | {line}".rstrip(), err=err)
    for blank in draft["blanks"]:
        say(f"  ! fill in: {blank}", err=err)
    if draft["failure"]:
        say(f"  ! {draft['failure']}", err=err)


VERBS = (drafts, confirm, discard)
"""The commands of `tocsin incidents` in this module."""
