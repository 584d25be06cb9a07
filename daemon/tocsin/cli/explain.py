"""``tocsin explain``: why somebody was, or was not, paged."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from tocsin.cli import options
from tocsin.cli.client import Daemon, connected
from tocsin.cli.explanation import tell_alert, tell_incident, tell_stored
from tocsin.cli.incident_api import incident_path
from tocsin.cli.output import say, say_json

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@click.command(
    epilog=options.example(
        "tocsin explain 12",
        "tocsin explain default/8c94ec34d41a5b0b",
        "tocsin explain alertname=HighErrorRate severity=critical service=checkout",
        "tocsin explain payload.json",
    )
)
@click.argument("what", nargs=-1, required=True)
@click.option(
    "--source", default="default", show_default=True, help="Where an alert that has not come would come from."
)
@click.option("--episode", type=click.IntRange(1), help="Of an alert that came: which of its episodes, not the newest.")
@click.option("--all", "everything", is_flag=True, help="Also the rules that did not match, and every alert.")
@options.as_json
@connected
async def command(
    daemon: Daemon, what: tuple[str, ...], *, source: str, episode: int | None, everything: bool, as_json: bool
) -> None:
    """Say why somebody is paged, or nobody.

    Of an incident, of an alert that came, or of one that has not; nothing is changed and nobody is told.

    WHAT is an incident's number or id, an alert that came as SOURCE/FINGERPRINT (or its fingerprint alone), an alert's
    labels as name=value, or a file with a webhook's payload (- is standard input).

    Shown are the rules that matched (+) and those that only one thing kept from it (~).
    """
    alerts = _alerts(what, source)
    if alerts is not None:
        if episode is not None:
            raise click.UsageError("--episode is for an alert that came: SOURCE/FINGERPRINT")
        explained = [await daemon.post("/api/v1/explain", alert) for alert in alerts]
        tell = tell_alert
    elif (key := await _stored(daemon, what[0])) is not None:
        path = "/".join(quote(part, safe="") for part in key)
        explained = [await daemon.get(f"/api/v1/alerts/{path}/explain", episode=episode)]
        tell = tell_stored
    else:
        if episode is not None:
            raise click.UsageError("--episode is for an alert that came: SOURCE/FINGERPRINT")
        explained = [await daemon.get(f"{incident_path(what[0])}/explain")]
        tell = tell_incident
    if as_json:
        say_json(explained[0] if len(explained) == 1 else explained)
        return
    for number, one in enumerate(explained):
        if number:
            say("")
        tell(one, everything=everything)


def _alerts(what: tuple[str, ...], source: str) -> list[dict[str, Any]] | None:
    """The alerts that have not come and are asked about; None where it is something else."""
    if all("=" in word for word in what) and not Path(what[0]).is_file():
        pairs = (word.partition("=") for word in what)
        return [{"labels": {name: value for name, _, value in pairs}, "source": source}]
    if len(what) > 1:
        raise click.UsageError("give one incident, one alert, one file, or labels as name=value")
    if what[0] == "-" or Path(what[0]).is_file():
        with click.open_file(what[0], encoding="utf-8") as file:
            return _of_payload(file.read(), source)
    return None


async def _stored(daemon: Daemon, word: str) -> tuple[str, str] | None:
    """The source and fingerprint that are meant; None where it is an incident."""
    source, slash, fingerprint = word.partition("/")
    if slash and source and fingerprint:
        return source, fingerprint
    if not _FINGERPRINT.fullmatch(word):
        return None
    found = (await daemon.get("/api/v1/alerts", fingerprint=word, limit=1))["alerts"]
    if not found:
        raise click.ClickException(f"no alert with the fingerprint {word} is kept")
    return found[0]["source"], word


def _of_payload(text: str, source: str) -> list[dict[str, Any]]:
    try:
        payload = json.loads(text)
        alerts = payload.get("alerts", [payload])
        asked = [
            {"labels": alert["labels"], "annotations": alert.get("annotations") or {}, "source": source}
            for alert in alerts
        ]
    except (ValueError, AttributeError, KeyError, TypeError):
        raise click.UsageError("the file holds neither a webhook's payload nor an alert with labels") from None
    if not asked:
        raise click.UsageError("the payload holds no alerts")
    return asked
