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

_FOR_EPISODES = "--episode is for an alert that came: SOURCE/FINGERPRINT"
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@click.command(
    epilog=options.example(
        "tocsin explain 12",
        "tocsin explain default/8c94ec34d41a5b0b",
        "tocsin explain alertname=HighErrorRate severity=critical service=checkout",
        "tocsin explain payload.json",
        "tocsin explain --config config alertname=HighErrorRate severity=critical",
    )
)
@click.argument("what", nargs=-1, required=True)
@click.option(
    "--source", default="default", show_default=True, help="Where an alert that has not come would come from."
)
@click.option("--episode", type=click.IntRange(1), help="Of an alert that came: which of its episodes, not the newest.")
@click.option("--all", "everything", is_flag=True, help="Also the rules that did not match, and every alert.")
@click.option(
    "--config",
    "config_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Ask this configuration in place of a daemon: of labels or a payload.",
)
@click.option(
    "--rules",
    "rules_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="With --config: where the rules are; rules/ beside it unless given.",
)
@options.as_json
@connected
async def command(  # noqa: PLR0913 - one a flag
    daemon: Daemon,
    what: tuple[str, ...],
    *,
    source: str,
    episode: int | None,
    everything: bool,
    config_dir: Path | None,
    rules_dir: Path | None,
    as_json: bool,
) -> None:
    """Say why somebody is paged, or nobody.

    Of an incident, of an alert that came, or of one that has not; nothing is changed and nobody is told.

    WHAT is an incident's number or id, an alert that came as SOURCE/FINGERPRINT (or its fingerprint alone), an alert's
    labels as name=value, or a file with a webhook's payload (- is standard input).

    Shown are the rules that matched (+) and those that only one thing kept from it (~).

    With --config no daemon is asked: what depends on open incidents, on windows made by hand and on overrides is left
    out.
    """
    alerts = _alerts(what, source)
    _check(has_come=alerts is None, episode=episode, config_dir=config_dir, rules_dir=rules_dir)
    if alerts is not None and config_dir is not None:
        explained = _offline(alerts, config_dir, rules_dir or config_dir.parent / "rules")
        tell = tell_alert
    elif alerts is not None:
        explained = [await daemon.post("/api/v1/explain", alert) for alert in alerts]
        tell = tell_alert
    elif (key := await _stored(daemon, what[0])) is not None:
        path = "/".join(quote(part, safe="") for part in key)
        explained = [await daemon.get(f"/api/v1/alerts/{path}/explain", episode=episode)]
        tell = tell_stored
    else:
        if episode is not None:
            raise click.UsageError(_FOR_EPISODES)
        explained = [await daemon.get(f"{incident_path(what[0])}/explain")]
        tell = tell_incident
    if as_json:
        say_json(explained[0] if len(explained) == 1 else explained)
        return
    for number, one in enumerate(explained):
        if number:
            say("")
        tell(one, everything=everything)


def _check(*, has_come: bool, episode: int | None, config_dir: Path | None, rules_dir: Path | None) -> None:
    """Check that the options go together.

    Raises:
        UsageError: They do not.
    """
    if rules_dir is not None and config_dir is None:
        raise click.UsageError("--rules is for --config: without it the daemon's own rules are asked")
    if has_come and config_dir is not None:
        raise click.UsageError(
            "--config explains labels or a payload; only a daemon knows incidents and alerts that came"
        )
    if not has_come and episode is not None:
        raise click.UsageError(_FOR_EPISODES)


def _offline(alerts: list[dict[str, Any]], config_dir: Path, rules_dir: Path) -> list[Any]:
    """Judge alerts by a configuration on disk, as its daemon would with an empty database."""
    import time

    from tocsin.app.build import policy_of
    from tocsin.channels.registry import build
    from tocsin.cli.loading import loaded
    from tocsin.core.alert import Alert, AlertStatus, fingerprint
    from tocsin.engine.explain.alert import explain_alert
    from tocsin.web.views import public

    bundle = loaded(config_dir, rules_dir)
    policy = policy_of(bundle, {channel.name: build(channel) for channel in bundle.channels}, {})
    now = time.time_ns() // 1000
    return [
        public(
            explain_alert(
                policy,
                Alert(
                    alert["source"],
                    fingerprint(alert["labels"]),
                    AlertStatus.FIRING,
                    alert["labels"],
                    alert.get("annotations", {}),
                ),
                None,
                now,
            )
        )
        for alert in alerts
    ]


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
    """Read a payload as the daemon would, so that whatever it takes can be explained."""
    from tocsin.web import wire

    nothing = "the file holds neither a webhook's payload nor an alert with labels"
    try:
        payload = json.loads(text)
        if not (isinstance(payload, dict) and "alerts" in payload):
            payload = {"alerts": [payload]}
        webhook = wire.read(json.dumps(payload).encode(), source, lambda: 0)
    except (ValueError, wire.Malformed):
        raise click.UsageError(nothing) from None
    if not webhook.alerts:
        raise click.UsageError(nothing if webhook.quarantined is not None else "the payload holds no alerts")
    return [{"labels": alert.labels, "annotations": alert.annotations, "source": source} for alert in webhook.alerts]
