"""``tocsin explain``: why somebody was, or was not, paged."""

import json
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from tocsin.channels.wording import duration, moment
from tocsin.cli import options
from tocsin.cli.client import Daemon, connected
from tocsin.cli.incidents import incident_path
from tocsin.cli.output import SECOND, clean, micros, say, say_json, state

OUTCOME_STYLES = {
    "pages": "bold red",
    "held": "cyan",
    "waits": "cyan",
    "informs": "yellow",
    "suppressed": "dim",
    "heartbeat": "green",
}


@click.command(
    epilog=options.example(
        "tocsin explain 12",
        "tocsin explain alertname=HighErrorRate severity=critical service=checkout",
        "tocsin explain payload.json",
    )
)
@click.argument("what", nargs=-1, required=True)
@click.option("--source", default="default", show_default=True, help="Where the alert would come from.")
@options.as_json
@connected
async def command(daemon: Daemon, what: tuple[str, ...], *, source: str, as_json: bool) -> None:
    """Say why somebody is paged, or nobody.

    Of an incident, or of an alert that has not come; nothing is changed and nobody is told.

    WHAT is an incident's number or id, or an alert's labels as name=value, or
    a file with a webhook's payload (- is standard input).
    """
    alerts = _alerts(what, source)
    if alerts is None:
        found = await daemon.get(f"{incident_path(what[0])}/explain")
        if as_json:
            say_json(found)
        else:
            _tell_incident(found)
        return
    explained = [await daemon.post("/api/v1/explain", alert) for alert in alerts]
    if as_json:
        say_json(explained[0] if len(explained) == 1 else explained)
        return
    for one in explained:
        _tell_alert(one)


def _alerts(what: tuple[str, ...], source: str) -> list[dict[str, Any]] | None:
    """The alerts that are asked about; None where it is an incident."""
    if all("=" in word for word in what) and not Path(what[0]).is_file():
        pairs = (word.partition("=") for word in what)
        return [{"labels": {name: value for name, _, value in pairs}, "source": source}]
    if len(what) > 1:
        raise click.UsageError("give one incident, one file, or labels as name=value")
    if what[0] == "-" or Path(what[0]).is_file():
        with click.open_file(what[0], encoding="utf-8") as file:
            return _of_payload(file.read(), source)
    return None


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


def _tell_alert(found: dict[str, Any]) -> None:
    say(clean(found["outcome"], OUTCOME_STYLES.get(found["outcome"], "")), f": {found['because']}")
    _facts(
        title=found["title"],
        severity=f"{found['severity']} of {found['playbook']}",
        service=found["service"],
        key=found["dedup_key"],
        flags=", ".join(found["flags"]),
    )
    say(clean("Rules", "bold"))
    for rule in found["rules"]:
        if rule["matched"]:
            sets = ", ".join(f"{name}: {value}" for name, value in rule["sets"].items())
            end = " (stop)" if rule["stopped"] else ""
            say(clean("  + ", "green"), f"{rule['rule']} ({rule['path']}:{rule['line']}) {sets}{end}")
        else:
            say(clean(f"  - {rule['rule']} ({rule['path']}:{rule['line']}) not {rule['failed']}", "dim"))
    if found["ladder"]:
        say(clean("Ladder", "bold"))
    for step in found["ladder"]:
        _tell_step(step)
    for place in found["announces"]:
        say(f"  {'message':<13}kept up to date: ", _target(place))


def _tell_incident(found: dict[str, Any]) -> None:
    say(clean(f"#{found['number']} {found['severity']}, ", "bold"), state(found["state"]), f": {found['because']}")
    if found["alerts"]:
        say(clean("Alerts", "bold"))
    for alert in found["alerts"]:
        by = " > ".join(alert["rules"]) or "no rule"
        say(f"  {alert['status']:<10}{alert['severity']} by {by} ({alert['source']}/{alert['fingerprint']})")
    if found["deliveries"]:
        say(clean("Deliveries", "bold"))
    for delivery in found["deliveries"]:
        _tell_delivery(delivery)
    if found["next"]:
        say(clean("Next", "bold"))
    for step in found["next"]:
        _tell_step(step)


def _tell_delivery(delivery: dict[str, Any]) -> None:
    created = micros(delivery["created_at"])
    style = {"sent": "green", "dead": "bold red", "pending": "yellow"}.get(delivery["state"], "dim")
    why = f" ({delivery['because']})" if delivery["because"] else ""
    took = f" after {(micros(delivery['done_at']) - created) / SECOND:.3f} s" if delivery["done_at"] else ""
    say(
        f"  {moment(created)[11:19]} {delivery['job']:<12}{delivery['target']} through {delivery['channel']}: ",
        clean(delivery["state"], style),
        f"{took}{why}",
    )
    for attempt in delivery["attempts"]:
        facts = (attempt["outcome"] or "no answer yet", attempt["http_status"], attempt["detail"] or attempt["ref"])
        say(clean(f"      attempt {attempt['attempt']}: {', '.join(str(fact) for fact in facts if fact)}", "dim"))


def _tell_step(step: dict[str, Any]) -> None:
    if step["due_at"] is not None:
        when = moment(micros(step["due_at"]))[11:19]
    elif step["after_seconds"] is not None:
        when = f"+{duration(int(step['after_seconds'] * SECOND))}" if step["after_seconds"] else "at once"
    else:
        when = "when flagged"
    flags = f" {', '.join(step['flags'])}" if step["flags"] else ""
    targets = [part for told in step["tells"] for part in (Text(", "), _target(told))][1:]
    head = f"  {when:<13}tier {step['tier']} ({step['tier_name']}) {step['kind']} until {step['until']}{flags}: "
    say(head, *(targets or ("nobody",)))


def _target(told: dict[str, Any]) -> Text:
    stranded = clean(" (has no working contact)", "bold red") if told["stranded"] else Text()
    return Text.assemble(clean(f"{told['target']} through {told['channel']}"), stranded)


def _facts(**facts: str) -> None:
    for name, value in facts.items():
        if value:
            say(f"  {name:<10}{value}")
