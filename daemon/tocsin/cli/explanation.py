"""The text output of explanations: from the rules to the delivery receipts, one fact per line."""

import json
from typing import Any

from rich.text import Text

from tocsin.cli.alert_texts import texts_of
from tocsin.cli.output import clean, micros, say, state
from tocsin.core.duration import SECOND, duration
from tocsin.core.rules.verdict import UNKNOWN_SERVICE
from tocsin.core.schedule.moments import exact_moment as moment

OUTCOMES = {
    **dict.fromkeys(("pages", "paged"), "bold red"),
    **dict.fromkeys(("informs", "told", "joins"), "yellow"),
    **dict.fromkeys(("held", "waits"), "cyan"),
    **dict.fromkeys(("suppressed", "untold"), "dim"),
    "heartbeat": "green",
}
DELIVERIES = {"sent": "green", "dead": "bold red", "pending": "yellow"}
SHOWN = 10
"""Maximum number of alerts of an incident that are listed without ``--all``."""

_RULES_USED = {
    "stored": "as they were then, ",
    "running": "today's; the ones of that time are not stored",
    "none": "none: rules do not apply to alerts about tocsin itself",
}
"""Texts about the rules by which a received alert is explained."""


def print_alert(explanation: dict[str, Any], *, everything: bool) -> None:
    """Print the explanation of a hypothetical alert."""
    _outcome(explanation)
    _rules(explanation, "Rules", everything=everything)
    _verdict(explanation)
    if destined := explanation["incident"]:
        number = f" #{destined['number']}" if destined["number"] is not None else " a new one"
        _fact("incident", f"{destined['what']}{number}: {destined['because']}")
    if came := explanation["came"]:
        where = f"tocsin explain {came['source']}/{came['fingerprint']}"
        _fact("came", f"received before, as episode {came['episode']}, {came['status']} at {came['severity']}: {where}")
    _ladder("Ladder", explanation["ladder"])
    for place in explanation["announces"]:
        say(Text(f"  {'message':<13}"), "kept up to date: ", _target(place))


def print_stored(explanation: dict[str, Any], *, everything: bool) -> None:
    """Print the explanation of a received alert."""
    _outcome(explanation)
    of = f"episode {explanation['episode']} of {explanation['latest_episode']}"
    _fact("alert", f"{explanation['source']}/{explanation['fingerprint']}, {of}, {explanation['status']}")
    _fact("labels", ", ".join(f"{name}={value}" for name, value in sorted(explanation["labels"].items())))
    for line in texts_of([explanation]):
        _fact("says", line.strip())
    _fact("seen", f"{moment(micros(explanation['first_seen_at']))} to {moment(micros(explanation['last_seen_at']))}")
    sha = explanation["rules_sha"][:12] if explanation["judged_by"] == "stored" else ""
    _rules(explanation, f"Rules ({_RULES_USED[explanation['judged_by']]}{sha})", everything=everything)
    for condition in explanation["holds"]:
        say(clean("    ", "dim"), f"held then: {condition}")
    _verdict(explanation)
    if explanation["today"]:
        say(clean("Today's rules would decide differently", "bold yellow"))
    for difference in explanation["today"]:
        _fact(difference["what"], f"{difference['then'] or '(none)'} -> {difference['now'] or '(none)'}")
    incident = explanation["incident"]
    if incident is not None:
        say(clean("Incident", "bold"))
        _fact("which", f"{explanation['belongs']}, {incident['state']}: {incident['title']}")
        _incident(incident)


def print_incident(explanation: dict[str, Any], *, everything: bool) -> None:
    """Print the explanation of an incident."""
    say(
        clean(f"#{explanation['number']} {explanation['severity']}, ", "bold"),
        state(explanation["state"]),
        f": {explanation['because']}",
    )
    _fact("title", explanation["title"])
    alerts = explanation["alerts"] if everything else explanation["alerts"][:SHOWN]
    if alerts:
        say(clean("Alerts", "bold"))
    for line in texts_of(explanation["alerts"]):
        say(line)
    for alert in alerts:
        by = " > ".join(alert["rules"]) or "no rule"
        say(Text(f"  {alert['status']:<11}"), f"{alert['alertname']} {alert['severity']} by {by}")
        say(Text(" " * 13), clean(f"tocsin explain {alert['source']}/{alert['fingerprint']}", "dim"))
    if left := len(explanation["alerts"]) - len(alerts):
        say(clean(f"  and {left} more; --all shows them", "dim"))
    say(clean("Incident", "bold"))
    _incident(explanation)


def _outcome(explanation: dict[str, Any]) -> None:
    say(clean(explanation["outcome"], OUTCOMES.get(explanation["outcome"], "")), f": {explanation['because']}")


def _rules(explanation: dict[str, Any], title: str, *, everything: bool) -> None:
    say(clean(title, "bold"))
    hidden = 0
    for rule in explanation["rules"]:
        where = f"{rule['rule']} ({rule['path']}:{rule['line']})"
        if rule["matched"]:
            sets = ", ".join(f"{name}: {_written(value)}" for name, value in rule["sets"].items())
            end = " (stop)" if rule["stopped"] else ""
            say(clean("  + ", "green"), f"{where} {sets}{end}")
        elif rule["near"]:
            say(clean("  ~ ", "yellow"), f"{where} nearly: {_why_not(rule)}")
        elif everything:
            say(clean(f"  - {where} {_why_not(rule)}", "dim"))
        else:
            hidden += 1
    if hidden:
        say(clean(f"  {hidden} more did not match; --all shows them", "dim"))
    for error in explanation["errors"]:
        say(clean("  ! ", "bold red"), error)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _why_not(rule: dict[str, Any]) -> str:
    if rule["found"] is None:
        return f"not {rule['failed']}"
    return f"not {rule['failed']}: it is {rule['found']!r}" if rule["found"] else f"not {rule['failed']}: there is none"


def _verdict(explanation: dict[str, Any]) -> None:
    by = explanation["decided_by"]

    def origin(*actions: str) -> str:
        rules = dict.fromkeys(by[action] for action in actions if action in by)
        return f" (rule {', '.join(rules)})" if rules else ""

    say(clean("Verdict", "bold"))
    _fact("title", explanation["title"] + origin("title"))
    severity = f"{explanation['severity']} of {explanation['playbook']}"
    _fact("severity", severity + (origin("severity", "raise", "lower", "cap") or " (no rule sets one)"))
    _fact("service", explanation["service"] + (origin("service") or " (from its labels)"))
    _fact("team", explanation["team"] and explanation["team"] + origin("team"))
    _fact("key", explanation["dedup_key"] + (origin("dedup_key") or f" (the default{_added_to_key(explanation)})"))
    _fact("flags", ", ".join(explanation["flags"]) and ", ".join(explanation["flags"]) + origin("flags"))


def _added_to_key(explanation: dict[str, Any]) -> str:
    """Return a text about the labels that the default dedup key contains besides its six parts, with the reason."""
    if explanation["service"] == UNKNOWN_SERVICE:
        return ", with every distinguishing label, because nothing names the service"
    adding = {rule["rule"]: rule["sets"].get("key_labels", ()) for rule in explanation["rules"] if rule["matched"]}
    used = {rule: [name for name in names if f"/{name}=" in explanation["dedup_key"]] for rule, names in adding.items()}
    return "".join(f", with {' and '.join(names)} by rule {rule}" for rule, names in used.items() if names)


def _incident(explanation: dict[str, Any]) -> None:
    _fact("key", f"{explanation['dedup_key']}; {explanation['opened_because']}")
    _fact("severity", f"{explanation['severity']} of {explanation['playbook']}: {explanation['severity_because']}")
    if explanation["storm"] is not None:
        _fact("storm", f"a member of storm #{explanation['storm']}: tocsin explain {explanation['storm']}")
    if explanation["members"] is not None:
        _fact("members", f"{explanation['members']} incidents: tocsin incidents list --storm {explanation['number']}")
    say(clean("Deliveries", "bold"), "" if explanation["deliveries"] else ": none, no one has been notified")
    for delivery in explanation["deliveries"]:
        _delivery(delivery)
    _ladder("Next", explanation["next"])


def _delivery(delivery: dict[str, Any]) -> None:
    created = micros(delivery["created_at"])
    why = f" ({delivery['because']})" if delivery["because"] else ""
    took = f" after {(micros(delivery['done_at']) - created) / SECOND:.3f} s" if delivery["done_at"] else ""
    tier = f"tier {delivery['tier']} " if delivery["tier"] else ""
    uncertain = " (possibly delivered)" if delivery["possibly_delivered"] and delivery["state"] != "sent" else ""
    say(
        Text(f"  {moment(created)[11:19]} {delivery['job']:<12}"),
        f"{tier}{delivery['target']} through {delivery['channel']}: ",
        clean(delivery["state"], DELIVERIES.get(delivery["state"], "dim")),
        f"{took}{uncertain}{why}",
    )
    for attempt in delivery["attempts"]:
        when = moment(micros(attempt["finished_at"] or attempt["started_at"]))[11:19]
        ref = f"reference {attempt['ref']}" if attempt["ref"] else ""
        reason = attempt["reason"] if attempt["reason"] != "none" else ""
        facts = (attempt["outcome"] or "no answer yet", attempt["http_status"], reason, attempt["detail"], ref)
        result = ", ".join(str(fact) for fact in facts if fact)
        say(Text(" " * 11), clean(f"{when} attempt {attempt['attempt']}: {result}", "dim"))


def _ladder(title: str, steps: list[dict[str, Any]]) -> None:
    if steps:
        say(clean(title, "bold"))
    for step in steps:
        _step(step)


def _step(step: dict[str, Any]) -> None:
    if step["due_at"] is not None:
        when = moment(micros(step["due_at"]))[11:19]
    elif step["after_seconds"] is not None:
        when = f"+{duration(int(step['after_seconds'] * SECOND))}" if step["after_seconds"] else "at once"
    else:
        when = "when flagged"
    flags = f" {', '.join(step['flags'])}" if step["flags"] else ""
    targets = [part for recipient in step["tells"] for part in (Text(", "), _target(recipient))][1:]
    head = f"tier {step['tier']} ({step['tier_name']}) {step['kind']} until {step['until']}{flags}: "
    say(Text(f"  {when:<13}"), head, *(targets or ("no one",)))


def _target(recipient: dict[str, Any]) -> Text:
    stranded = (
        clean(" (no contact method of their own works for this)", "bold red") if recipient["stranded"] else Text()
    )
    return Text.assemble(clean(f"{recipient['target']} through {recipient['channel']}"), stranded)


def _fact(name: str, value: str) -> None:
    if value:
        say(Text(f"  {name:<10}"), value)
