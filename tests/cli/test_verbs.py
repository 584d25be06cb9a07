"""Commands against a real daemon."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from cli.daemons import Running, StandIn


def incident(daemon: Running) -> dict[str, Any]:
    """A new incident of its own, by a drill that stays firing."""
    drilled = daemon.run("drill", "--keep")
    assert drilled.exit_code == 0, drilled.output
    number = re.search(r"incident #(\d+)", drilled.output)
    assert number
    found: dict[str, Any] = json.loads(daemon.run("incidents", "show", number[1], "--json").output)
    return found


def test_a_drill_ends_well_when_a_page_was_delivered(daemon: Running) -> None:
    drilled = daemon.run("drill", "--ack")

    assert drilled.exit_code == 0, drilled.output
    assert re.search(r"^incident #\d+ triggered at SEV-\d of emergency-response", drilled.output, re.MULTILINE)
    assert re.search(r"^page to \w+ through console: delivered \d+ ms after", drilled.output, re.MULTILINE)
    assert "acknowledged" in drilled.output
    assert "PAGE DRILL" in daemon.output.read_text()


def test_a_drill_resolves_its_alert(daemon: Running) -> None:
    drilled = daemon.run("drill")

    number = re.search(r"incident #(\d+)", drilled.output)
    assert number
    shown = json.loads(daemon.run("incidents", "show", number[1], "--json").output)
    assert [alert["status"] for alert in shown["alerts"]] == ["resolved"]
    assert shown["alerts"][0]["labels"]["tocsin_drill"] == "true"


def test_list_prints_exactly_the_apis_objects(daemon: Running) -> None:
    found = incident(daemon)

    page = json.loads(daemon.run("incidents", "list", "--state", "triggered", "--limit", "500", "--json").output)

    assert set(page) == {"incidents", "next"}
    listed = next(one for one in page["incidents"] if one["id"] == found["id"])
    details = {"team", "summary", "runbook", "automation", "alerts", "timeline", "cut"}
    details |= {"declared_at", "declared_by", "status", "roles", "checklists"}
    details |= {"targets", "update_due_at", "post_mortem", "action_items", "tickets", "drafts", "duties", "closed_at"}
    details |= {"names", "tiers"}
    assert listed == {name: value for name, value in found.items() if name not in details}


def test_list_filters_and_continues_across_pages(daemon: Running) -> None:
    first, second = incident(daemon), incident(daemon)

    page = json.loads(daemon.run("incidents", "list", "--limit", "1", "--json").output)
    after = json.loads(daemon.run("incidents", "list", "--limit", "1", "--cursor", page["next"], "--json").output)

    assert [one["number"] for one in (*page["incidents"], *after["incidents"])] == [second["number"], first["number"]]
    service = uuid.uuid4().hex
    assert daemon.run("incidents", "list", "--service", service).output == (
        f"No open incidents match --service {service}.\n"
    )


def test_show_tells_the_timeline_in_words(daemon: Running) -> None:
    shown = daemon.run("incidents", "show", str(incident(daemon)["number"]))

    assert shown.exit_code == 0
    assert "drill=" in shown.output
    assert re.search(r"^  \d\d:\d\d:\d\d UTC opened at SEV-\d$", shown.output, re.MULTILINE)


def test_a_person_acknowledges_and_resolves_an_incident(daemon: Running) -> None:
    number = str(incident(daemon)["number"])

    taken = json.loads(daemon.run("incidents", "ack", number, "--json").output)
    assert (taken["changed"], taken["incident"]["state"], taken["incident"]["acknowledged_by"]) == (
        True,
        "acknowledged",
        "sam",
    )
    assert "resolved" in daemon.run("incidents", "resolve", number).output
    entries = json.loads(daemon.run("incidents", "show", number, "--json").output)["timeline"]
    assert {entry["via"] for entry in entries if entry["actor"] == "sam"} == {"cli"}


def test_only_an_incident_that_another_person_has_is_taken_over(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    refused = daemon.run("incidents", "take", number)
    assert (refused.exit_code, "cannot take it over" in refused.output) == (1, True)

    daemon.run("incidents", "ack", number)
    again = daemon.run("incidents", "take", number)
    assert (again.exit_code, "sam has it already" in again.output) == (0, True)


def test_the_person_who_takes_an_incident_over_reads_that_it_is_theirs(
    answering: Callable[[int, object], StandIn],
) -> None:
    incident = {"number": 7, "title": "Disk full", "severity": "high", "state": "acknowledged"}
    tocsin = answering(200, {"incident": incident, "changed": True, "note": ""})
    taken = tocsin.run("incidents", "take", "7")
    assert [one.path for one in tocsin.seen] == ["/api/v1/incidents/7/take-over"]
    assert taken.output.splitlines()[:2] == [
        "#7 Disk full: high, acknowledged",
        "  you have it now; the person who had it is notified",
    ]


def test_escalate_severity_and_flags_are_taken(daemon: Running) -> None:
    number = str(incident(daemon)["number"])

    assert daemon.run("incidents", "escalate", number).exit_code == 0
    pinned = json.loads(daemon.run("incidents", "severity", number, "SEV-1", "--reason", "worse", "--json").output)
    assert pinned["incident"]["severity"] == "SEV-1"
    assert daemon.run("incidents", "severity", number, "--unpin").exit_code == 0
    assert daemon.run("incidents", "flags", number, "--add", "major_impact").exit_code == 0

    kinds = [
        entry["kind"] for entry in json.loads(daemon.run("incidents", "show", number, "--json").output)["timeline"]
    ]
    assert {"escalation_asked", "severity", "unpinned", "flags"} <= set(kinds)


def test_what_does_not_exist_is_exit_1_with_a_reason(daemon: Running) -> None:
    for arguments in (
        ("show", "999999"),
        ("ack", "999999"),
        ("show", "../../metrics"),
        ("severity", "999999", "SEV-1"),
    ):
        result = daemon.run("incidents", *arguments)

        assert result.exit_code == 1, arguments
        assert "999999" in result.output or "neither the number nor the id" in result.output
        assert "Traceback" not in result.output


def test_a_level_that_the_playbook_does_not_have_is_exit_1(daemon: Running) -> None:
    result = daemon.run("incidents", "severity", str(incident(daemon)["number"]), "P0")

    assert result.exit_code == 1
    assert "P0" in result.output


@pytest.mark.parametrize("arguments", [("severity", "1"), ("severity", "1", "SEV-1", "--unpin"), ("flags", "1")])
def test_half_a_command_is_wrong_usage(daemon: Running, arguments: tuple[str, ...]) -> None:
    assert daemon.run("incidents", *arguments).exit_code == 2


def test_explain_tells_what_would_become_of_labels(daemon: Running) -> None:
    told = daemon.run("explain", "alertname=CheckoutDown", "severity=critical", "service=checkout")

    assert told.exit_code == 0
    assert told.output.startswith("pages: ")
    assert re.search(r"^  \+ critical \(.*00-base\.yaml:\d+\) severity: SEV-2", told.output, re.MULTILINE)
    assert re.search(r"^  at once +tier 1 .* through console", told.output, re.MULTILINE)


def test_explain_reads_a_webhooks_payload(daemon: Running, tmp_path: Path) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text(
        json.dumps({"alerts": [{"labels": {"alertname": "Watchdog"}}, {"labels": {"alertname": "Other"}}]})
    )

    told = json.loads(daemon.run("explain", str(payload), "--json").output)

    assert [one["outcome"] for one in told] == ["heartbeat", "pages"]


def test_explain_shows_who_was_paged_for_an_incident_and_who_is_next(daemon: Running) -> None:
    number = str(incident(daemon)["number"])

    told = daemon.run("explain", number)

    assert told.exit_code == 0
    assert re.search(r"^  \d\d:\d\d:\d\d page +tier 1 \w+ through console: sent after", told.output, re.MULTILINE)
    assert re.search(r"^  \d\d:\d\d:\d\d +tier 2 ", told.output, re.MULTILINE)
    assert json.loads(daemon.run("explain", number, "--json").output)["number"] == int(number)


def test_explain_refuses_a_file_that_is_no_payload(daemon: Running, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not JSON")

    result = daemon.run("explain", str(file))

    assert result.exit_code == 2
    assert "payload" in click.unstyle(result.output)


def test_explain_finds_a_received_alert_by_its_fingerprint(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    [alert, *_] = json.loads(daemon.run("explain", number, "--json").output)["alerts"]

    told = daemon.run("explain", f"{alert['source']}/{alert['fingerprint']}")

    assert told.exit_code == 0
    assert re.search(r"^Rules \(as they were then, [0-9a-f]{12}\)$", told.output, re.MULTILINE)
    assert re.search(r"^  \+ critical \(.*00-base\.yaml:\d+\) severity: SEV-2", told.output, re.MULTILINE)
    assert re.search(r"^  severity +SEV-2 of emergency-response \(rule critical\)$", told.output, re.MULTILINE)
    assert re.search(rf"^  which +(opened|joined|reopened) #{number}", told.output, re.MULTILINE)
    assert re.search(r"^  \d\d:\d\d:\d\d page +tier 1 \w+ through console: sent after", told.output, re.MULTILINE)
    assert daemon.run("explain", alert["fingerprint"]).output == told.output


def test_explain_shows_what_nearly_matched_and_with_all_every_rule(daemon: Running) -> None:
    labels = ("alertname=RedisDown", "severity=critical", "cluster=eu", "instance=r1:9121")

    told, every = daemon.run("explain", *labels).output, daemon.run("explain", *labels, "--all").output

    assert re.search(r"^  ~ database-server \(.*\) nearly: not cluster=\"\": it is 'eu'$", told, re.MULTILINE)
    assert "  - mysql (" not in told
    assert re.search(r"^  \d+ more did not match; --all shows them$", told, re.MULTILINE)
    assert re.search(r"^  - mysql \(.*\) not alertname=~.*: it is 'RedisDown'$", every, re.MULTILINE)
    assert "more did not match" not in every


def test_explain_says_what_does_not_exist(daemon: Running) -> None:
    for word in ("0123456789abcdef", "default/0123456789abcdef", "default/a b", "nowhere/a%2Fb"):
        result = daemon.run("explain", word)
        assert result.exit_code == 1, word
        assert re.search("no (stored )?alert", result.output)


@pytest.mark.parametrize("arguments", [("1",), ("alertname=X",)])
def test_explain_takes_an_episode_only_of_an_alert_that_came(daemon: Running, arguments: tuple[str, ...]) -> None:
    result = daemon.run("explain", *arguments, "--episode", "2")
    assert result.exit_code == 2
    assert "SOURCE/FINGERPRINT" in click.unstyle(result.output)


def test_a_person_who_resolves_is_told_of_the_open_points_of_checklists(daemon: Running) -> None:
    number = str(incident(daemon)["number"])
    daemon.run("incidents", "severity", number, "SEV-1")
    answer = daemon.run("incidents", "resolve", number).output
    assert "  Checklists: 11 of 11 points of sev-1 are not ticked.\n" in answer
    assert f"  To see them: tocsin incidents show {number}\n" in answer
    assert "1 alert still fires" in answer
