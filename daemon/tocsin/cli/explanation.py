"""Explanations in words: the chain from the rules to the receipt, one fact a line."""

import json
from typing import Any

from rich.text import Text

from tocsin.cli.alert_texts import texts_of
from tocsin.cli.output import SECOND, clean, micros, say, state
from tocsin.core.duration import duration
from tocsin.core.moments import exact_moment as moment
from tocsin.core.verdict import UNKNOWN_SERVICE

OUTCOMES = {
    **dict.fromkeys(("pages", "paged"), "bold red"),
    **dict.fromkeys(("informs", "told", "joins"), "yellow"),
    **dict.fromkeys(("held", "waits"), "cyan"),
    **dict.fromkeys(("suppressed", "untold"), "dim"),
    "heartbeat": "green",
}
DELIVERIES = {"sent": "green", "dead": "bold red", "pending": "yellow"}
SHOWN = 10
"""How many alerts of an incident are listed unless all are wanted."""

JUDGED_BY = {
    "stored": "as they were then, ",
    "running": "today's; those that judged it are not kept",
    "none": "none: no rule judges what tocsin says of itself",
}


def tell_alert(found: dict[str, Any], *, everything: bool) -> None:
    """An alert as it might come."""
    _outcome(found)
    _rules(found, "Rules", everything=everything)
    _verdict(found)
    if destined := found["incident"]:
        number = f" #{destined['number']}" if destined["number"] is not None else " a new one"
        _fact("incident", f"{destined['what']}{number}: {destined['because']}")
    if came := found["came"]:
        where = f"tocsin explain {came['source']}/{came['fingerprint']}"
        _fact("came", f"before, as episode {came['episode']}, {came['status']} at {came['severity']}: {where}")
    _ladder("Ladder", found["ladder"])
    for place in found["announces"]:
        say(Text(f"  {'message':<13}"), "kept up to date: ", _target(place))


def tell_stored(found: dict[str, Any], *, everything: bool) -> None:
    """An alert that came."""
    _outcome(found)
    of = f"episode {found['episode']} of {found['latest_episode']}"
    _fact("alert", f"{found['source']}/{found['fingerprint']}, {of}, {found['status']}")
    _fact("labels", ", ".join(f"{name}={value}" for name, value in sorted(found["labels"].items())))
    for line in texts_of([found]):
        _fact("says", line.strip())
    _fact("seen", f"{moment(micros(found['first_seen_at']))} to {moment(micros(found['last_seen_at']))}")
    sha = found["rules_sha"][:12] if found["judged_by"] == "stored" else ""
    _rules(found, f"Rules ({JUDGED_BY[found['judged_by']]}{sha})", everything=everything)
    for condition in found["holds"]:
        say(clean("    ", "dim"), f"held then: {condition}")
    _verdict(found)
    if found["today"]:
        say(clean("Today's rules would decide otherwise", "bold yellow"))
    for difference in found["today"]:
        _fact(difference["what"], f"{difference['then'] or '(none)'} -> {difference['now'] or '(none)'}")
    incident = found["incident"]
    if incident is not None:
        say(clean("Incident", "bold"))
        _fact("which", f"{found['belongs']}, {incident['state']}: {incident['title']}")
        _incident(incident)


def tell_incident(found: dict[str, Any], *, everything: bool) -> None:
    """An incident."""
    say(clean(f"#{found['number']} {found['severity']}, ", "bold"), state(found["state"]), f": {found['because']}")
    _fact("title", found["title"])
    alerts = found["alerts"] if everything else found["alerts"][:SHOWN]
    if alerts:
        say(clean("Alerts", "bold"))
    for line in texts_of(found["alerts"]):
        say(line)
    for alert in alerts:
        by = " > ".join(alert["rules"]) or "no rule"
        say(Text(f"  {alert['status']:<11}"), f"{alert['alertname']} {alert['severity']} by {by}")
        say(Text(" " * 13), clean(f"tocsin explain {alert['source']}/{alert['fingerprint']}", "dim"))
    if left := len(found["alerts"]) - len(alerts):
        say(clean(f"  and {left} more; --all shows them", "dim"))
    say(clean("Incident", "bold"))
    _incident(found)


def _outcome(found: dict[str, Any]) -> None:
    say(clean(found["outcome"], OUTCOMES.get(found["outcome"], "")), f": {found['because']}")


def _rules(found: dict[str, Any], title: str, *, everything: bool) -> None:
    say(clean(title, "bold"))
    hidden = 0
    for rule in found["rules"]:
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
    for error in found["errors"]:
        say(clean("  ! ", "bold red"), error)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _why_not(rule: dict[str, Any]) -> str:
    if rule["found"] is None:
        return f"not {rule['failed']}"
    return f"not {rule['failed']}: it is {rule['found']!r}" if rule["found"] else f"not {rule['failed']}: it has none"


def _verdict(found: dict[str, Any]) -> None:
    by = found["decided_by"]

    def said(*actions: str) -> str:
        rules = dict.fromkeys(by[action] for action in actions if action in by)
        return f" (rule {', '.join(rules)})" if rules else ""

    say(clean("Verdict", "bold"))
    _fact("title", found["title"] + said("title"))
    severity = f"{found['severity']} of {found['playbook']}"
    _fact("severity", severity + (said("severity", "raise", "lower", "cap") or " (no rule says one)"))
    _fact("service", found["service"] + (said("service") or " (its own labels)"))
    _fact("team", found["team"] and found["team"] + said("team"))
    _fact("key", found["dedup_key"] + (said("dedup_key") or f" (the default{_added_to_key(found)})"))
    _fact("flags", ", ".join(found["flags"]) and ", ".join(found["flags"]) + said("flags"))


def _added_to_key(found: dict[str, Any]) -> str:
    """Say what the default dedup key has besides its six parts, and why."""
    if found["service"] == UNKNOWN_SERVICE:
        return ", with every label that may tell it apart: nothing names the service"
    adding = {rule["rule"]: rule["sets"].get("key_labels", ()) for rule in found["rules"] if rule["matched"]}
    used = {rule: [name for name in names if f"/{name}=" in found["dedup_key"]] for rule, names in adding.items()}
    return "".join(f", with {' and '.join(names)} by rule {rule}" for rule, names in used.items() if names)


def _incident(found: dict[str, Any]) -> None:
    _fact("key", f"{found['dedup_key']}; {found['opened_because']}")
    _fact("severity", f"{found['severity']} of {found['playbook']}: {found['severity_because']}")
    if found["storm"] is not None:
        _fact("storm", f"one of many that #{found['storm']} tells of: tocsin explain {found['storm']}")
    if found["members"] is not None:
        _fact("members", f"{found['members']}: tocsin incidents list --storm {found['number']}")
    say(clean("Deliveries", "bold"), "" if found["deliveries"] else ": none, nobody has been told")
    for delivery in found["deliveries"]:
        _delivery(delivery)
    _ladder("Next", found["next"])


def _delivery(delivery: dict[str, Any]) -> None:
    created = micros(delivery["created_at"])
    why = f" ({delivery['because']})" if delivery["because"] else ""
    took = f" after {(micros(delivery['done_at']) - created) / SECOND:.3f} s" if delivery["done_at"] else ""
    tier = f"tier {delivery['tier']} " if delivery["tier"] else ""
    perhaps = " (perhaps delivered)" if delivery["possibly_delivered"] and delivery["state"] != "sent" else ""
    say(
        Text(f"  {moment(created)[11:19]} {delivery['job']:<12}"),
        f"{tier}{delivery['target']} through {delivery['channel']}: ",
        clean(delivery["state"], DELIVERIES.get(delivery["state"], "dim")),
        f"{took}{perhaps}{why}",
    )
    for attempt in delivery["attempts"]:
        when = moment(micros(attempt["finished_at"] or attempt["started_at"]))[11:19]
        ref = f"reference {attempt['ref']}" if attempt["ref"] else ""
        reason = attempt["reason"] if attempt["reason"] != "none" else ""
        facts = (attempt["outcome"] or "no answer yet", attempt["http_status"], reason, attempt["detail"], ref)
        said = ", ".join(str(fact) for fact in facts if fact)
        say(Text(" " * 11), clean(f"{when} attempt {attempt['attempt']}: {said}", "dim"))


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
    targets = [part for told in step["tells"] for part in (Text(", "), _target(told))][1:]
    head = f"tier {step['tier']} ({step['tier_name']}) {step['kind']} until {step['until']}{flags}: "
    say(Text(f"  {when:<13}"), head, *(targets or ("nobody",)))


def _target(told: dict[str, Any]) -> Text:
    stranded = clean(" (no contact method of their own works for this)", "bold red") if told["stranded"] else Text()
    return Text.assemble(clean(f"{told['target']} through {told['channel']}"), stranded)


def _fact(name: str, value: str) -> None:
    if value:
        say(Text(f"  {name:<10}"), value)
