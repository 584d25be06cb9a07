"""``tocsin explain``: why a person was or was not paged."""

import json
import re
import shlex
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from tocsin.cli import options
from tocsin.cli.client import DaemonClient, Refused, connected
from tocsin.cli.explanation import print_alert, print_incident, print_stored
from tocsin.cli.incident_api import incident_path
from tocsin.cli.output import say, say_json

_FOR_EPISODES = "--episode needs a received alert: SOURCE/FINGERPRINT"
_ALERT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
@click.option("--source", default="default", show_default=True, help="The source of a hypothetical alert.")
@click.option("--episode", type=click.IntRange(1), help="The episode of a received alert. Default: the newest.")
@click.option("--all", "everything", is_flag=True, help="Also show the rules that did not match, and every alert.")
@click.option(
    "--config",
    "config_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Use this configuration instead of a daemon; for labels or a payload.",
)
@click.option(
    "--rules",
    "rules_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="The rules to use with --config. Default: rules/ beside it.",
)
@options.as_json
@connected
async def command(  # noqa: PLR0913 - one argument per option
    daemon: DaemonClient,
    what: tuple[str, ...],
    *,
    source: str,
    episode: int | None,
    everything: bool,
    config_dir: Path | None,
    rules_dir: Path | None,
    as_json: bool,
) -> None:
    """Explain who is paged about an incident or an alert, and why.

    Nothing is changed and no one is notified.

    WHAT is the number or id of an incident, a received alert as SOURCE/FINGERPRINT (or the fingerprint alone), the
    labels of a hypothetical alert as name=value, or a file with a webhook payload (- is standard input).

    The output lists the rules that matched (+) and those that nearly matched (~), with the reason.

    With --config no daemon is asked. Open incidents, manual maintenance windows and overrides are then not taken into
    account.
    """
    alerts = _alerts(what, source)
    _check(is_received=alerts is None, episode=episode, config_dir=config_dir, rules_dir=rules_dir)
    if alerts is not None and config_dir is not None:
        explained = _explained_offline(alerts, config_dir, rules_dir or config_dir.parent / "rules")
        print_explanation = print_alert
    elif alerts is not None:
        explained = await _explained_by_daemon(daemon, alerts, what)
        print_explanation = print_alert
    elif (key := await _stored(daemon, what[0])) is not None:
        path = "/".join(quote(part, safe="") for part in key)
        explained = [await daemon.get(f"/api/v1/alerts/{path}/explain", episode=episode)]
        print_explanation = print_stored
    else:
        if episode is not None:
            raise click.UsageError(_FOR_EPISODES)
        explained = [await _explained_incident(daemon, what[0])]
        print_explanation = print_incident
    if as_json:
        say_json(explained[0] if len(explained) == 1 else explained)
        return
    for number, explanation in enumerate(explained):
        if number:
            say("")
        print_explanation(explanation, everything=everything)


async def _explained_incident(daemon: DaemonClient, word: str) -> Any:
    """Return the daemon's explanation of an incident; if there is none, suggest to explain an alert of that name."""
    try:
        return await daemon.get(f"{incident_path(word)}/explain")
    except Refused as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND or not _ALERT_NAME.fullmatch(word):
            raise
        raise Refused(
            f"{refusal.message} To explain an alert of this name: tocsin explain alertname={word}", refusal.status
        ) from None


def _check(*, is_received: bool, episode: int | None, config_dir: Path | None, rules_dir: Path | None) -> None:
    """Check the combination of options.

    Raises:
        UsageError: The options contradict each other.
    """
    if rules_dir is not None and config_dir is None:
        raise click.UsageError("--rules needs --config; without --config, the daemon uses its own rules")
    if is_received and config_dir is not None:
        raise click.UsageError(
            "--config explains labels or a payload; only a daemon knows incidents and received alerts"
        )
    if not is_received and episode is not None:
        raise click.UsageError(_FOR_EPISODES)


async def _explained_by_daemon(daemon: DaemonClient, alerts: list[dict[str, Any]], what: tuple[str, ...]) -> list[Any]:
    """Return the daemon's explanations of hypothetical alerts; if it cannot be reached, name the command without it."""
    try:
        return [await daemon.post("/api/v1/explain", alert) for alert in alerts]
    except Refused as refusal:
        if refusal.status is not None:
            raise
        raise Refused(
            f"{refusal.message} Without a daemon: tocsin explain --config config {shlex.join(what)}"
        ) from None


def _explained_offline(alerts: list[dict[str, Any]], config_dir: Path, rules_dir: Path) -> list[Any]:
    """Return the explanations of alerts by a configuration on disk, like those of a daemon with an empty database."""
    import time

    from tocsin.app.build import policy_of
    from tocsin.channels.registry import build
    from tocsin.cli.loading import loaded
    from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
    from tocsin.engine.explain.alert import explain_alert
    from tocsin.web.api.views import public

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
    """Return the hypothetical alerts to explain; None if WHAT names an incident or a received alert."""
    if all("=" in word for word in what) and not Path(what[0]).is_file():
        pairs = (word.partition("=") for word in what)
        return [{"labels": {name: value for name, _, value in pairs}, "source": source}]
    if len(what) > 1:
        raise click.UsageError("give one incident, one alert, one file, or only labels as name=value")
    if Path(what[0]).suffix in (".json", ".txt") and not Path(what[0]).exists():
        raise click.UsageError(
            f"there is no file {what[0]!r}; it must contain the JSON of a webhook from Alertmanager, or of one alert "
            'such as {"labels": {"alertname": "HighErrorRate"}}'
        )
    if what[0] == "-" or Path(what[0]).is_file():
        with click.open_file(what[0], encoding="utf-8") as file:
            return _of_payload(file.read(), source)
    return None


async def _stored(daemon: DaemonClient, word: str) -> tuple[str, str] | None:
    """Return the source and fingerprint of a received alert; None if the word names an incident."""
    source, slash, fingerprint = word.partition("/")
    if slash and source and fingerprint:
        return source, fingerprint
    if not _FINGERPRINT.fullmatch(word):
        return None
    alerts = (await daemon.get("/api/v1/alerts", fingerprint=word, limit=1))["alerts"]
    if not alerts:
        raise click.ClickException(f"There is no stored alert with the fingerprint {word}.")
    return alerts[0]["source"], word


def _of_payload(text: str, source: str) -> list[dict[str, Any]]:
    """Return the alerts of a payload, read as the daemon reads it."""
    from tocsin.web.alertmanager import payload as wire

    nothing = "the file contains neither a webhook payload nor an alert with labels"
    try:
        payload = json.loads(text)
        if not (isinstance(payload, dict) and "alerts" in payload):
            payload = {"alerts": [payload]}
        webhook = wire.read(json.dumps(payload).encode(), source, lambda: 0)
    except (ValueError, wire.Malformed):
        raise click.UsageError(nothing) from None
    if not webhook.alerts:
        raise click.UsageError(nothing if webhook.quarantined is not None else "the payload contains no alerts")
    return [{"labels": alert.labels, "annotations": alert.annotations, "source": source} for alert in webhook.alerts]
