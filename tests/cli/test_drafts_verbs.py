"""``tocsin incidents drafts``, ``confirm`` and ``discard`` against a real daemon."""

import json
from collections.abc import Callable
from pathlib import Path

from cli.daemons import Running, Seen, StandIn


def declared(daemon: Running, *more: str) -> str:
    told = daemon.run(
        *(
            "declare",
            "Customers cannot pay",
            "--playbook",
            "mgmt-vibe",
            "--severity",
            "SEV-0",
            "--flag",
            "customer_impact",
            *more,
        ),
        "--json",
    )
    assert told.exit_code == 0, told.output
    return str(json.loads(told.stdout)["incident"]["number"])


def test_a_draft_is_read_filled_in_and_sent_as_it_was_read(daemon: Running, tmp_path: Path) -> None:
    number = declared(daemon)
    shown = daemon.run("incidents", "drafts", f"INC-{number}").output
    assert "draft 1: message mgmt-vibe-customer-notification for customers" in shown
    assert "! fill in: [to fill in: describe impact; " in shown
    assert "draft 2: tracker status for status\n  | Subject: Service Disruption Notice\n" in shown
    refused = daemon.run("incidents", "confirm", number, "1", "--yes")
    assert refused.exit_code == 1
    assert "fill in first" in refused.output
    text = tmp_path / "customers.txt"
    text.write_text("Payments fail for some of you. We mend it.\n")
    sent = daemon.run("incidents", "confirm", number, "1", "--text", str(text), typed="y\n")
    assert sent.exit_code == 0, sent.output
    assert "| Payments fail for some of you. We mend it." in sent.output
    found = json.loads(daemon.run("incidents", "show", number, "--json").stdout)
    [entry] = [entry for entry in found["timeline"] if entry["kind"] == "confirmed"]
    assert entry["data"]["text"] == "Payments fail for some of you. We mend it."


def test_without_a_number_the_drafts_of_all_incidents_are_listed(daemon: Running) -> None:
    numbers = [declared(daemon), declared(daemon)]
    told = daemon.run("incidents", "drafts").output
    lines = told.splitlines()
    assert lines[-1] == "To read a draft: tocsin incidents drafts NUMBER"
    for number in numbers:
        assert [line.split()[1:4] for line in lines if line.split()[0] == number] == [
            ["1", "message", "mgmt-vibe-customer-notification"],
            ["2", "tracker", "status"],
        ]
    found = json.loads(daemon.run("incidents", "drafts", "--json").stdout)["drafts"]
    assert {str(draft["number"]) for draft in found} >= set(numbers)


def test_the_list_continues_across_pages(answering: Callable[[int, object], StandIn]) -> None:
    draft = {
        "title": "Down",
        "severity": "SEV-1",
        "draft": 1,
        "verb": "message",
        "what": "sorry",
        "to": ["customers"],
        "drafted_at": "2026-11-20T12:00:00Z",
    }

    def page(seen: list[Seen]) -> object:
        is_last = "cursor=7" in seen[-1].path
        return {"drafts": [{**draft, "number": 5 if is_last else 7}], "next": None if is_last else "7"}

    told = answering(200, page).run("incidents", "drafts", "--json")
    assert [each["number"] for each in json.loads(told.output)["drafts"]] == [7, 5]


def test_declining_sends_nothing_and_a_draft_can_be_discarded(daemon: Running) -> None:
    number = declared(daemon)
    declined = daemon.run("incidents", "confirm", number, "2", typed="n\n")
    assert declined.exit_code == 1
    text, question = declined.output.index("  | Current status: "), declined.output.index("Post this text in status?")
    assert text < question, "the exact text comes first"
    discarded = daemon.run("incidents", "discard", number, "2", "--reason", "no customer sees it")
    assert discarded.exit_code == 0
    assert "  | Current status: " in discarded.output
    left = json.loads(daemon.run("incidents", "drafts", number, "--json").stdout)["drafts"]
    assert [draft["draft"] for draft in left] == [1]
    gone = daemon.run("incidents", "confirm", number, "2", "--yes")
    assert gone.exit_code == 1
    assert "has no draft 2 that waits for confirmation. Drafts that do: 1." in gone.output


def test_what_is_shown_before_it_is_confirmed_goes_out_to_the_letter_also_without_a_question(daemon: Running) -> None:
    number = declared(daemon, "--service", "the login")
    assert daemon.run("incidents", "fact", number, "customer_impact=the login").exit_code == 0
    draft = json.loads(daemon.run("incidents", "drafts", number, "--json").stdout)["drafts"][1]
    sent = daemon.run("incidents", "confirm", number, "2", "--yes")
    assert sent.exit_code == 0, sent.output
    for line in draft["text"].splitlines():
        assert f"  | {line}".rstrip() in sent.output.splitlines()
    found = json.loads(daemon.run("incidents", "show", number, "--json").stdout)
    [entry] = [entry for entry in found["timeline"] if entry["kind"] == "confirmed"]
    assert entry["data"]["text"] == draft["text"].strip()


def test_two_that_are_one_are_merged_and_split_is_refused_without_an_alert(daemon: Running) -> None:
    first, second = declared(daemon), declared(daemon)
    assert daemon.run("incidents", "merge", second, "--into", first).exit_code == 0
    shown = daemon.run("incidents", "show", second).output
    assert f"merged into incident #{first}" in shown
    assert daemon.run("incidents", "split", second).exit_code == 1
    assert daemon.run("incidents", "link", second, first).exit_code == 0
