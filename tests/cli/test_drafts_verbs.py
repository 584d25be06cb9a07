"""``tocsin incidents drafts``, ``confirm`` and ``discard`` against a real daemon."""

import json
from pathlib import Path

from cli.daemons import Running


def declared(daemon: Running) -> str:
    told = daemon.run(
        *("declare", "Nobody can pay", "--playbook", "mgmt-vibe", "--severity", "SEV-0", "--flag", "customer_impact"),
        "--json",
    )
    assert told.exit_code == 0, told.output
    return str(json.loads(told.stdout)["incident"]["number"])


def test_a_draft_is_read_filled_in_and_sent_as_it_was_read(daemon: Running, tmp_path: Path) -> None:
    number = declared(daemon)
    shown = daemon.run("incidents", "drafts", f"INC-{number}").output
    assert "draft 1: message mgmt-vibe-customer-notification for customers" in shown
    assert "! fill in: [to fill in: describe impact]" in shown
    assert f"draft 2: tracker status for status\n  | Subject: [SEV-0] INC-{number} Nobody can pay\n" in shown
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


def test_whoever_says_no_sends_nothing_and_a_draft_may_be_discarded(daemon: Running) -> None:
    number = declared(daemon)
    declined = daemon.run("incidents", "confirm", number, "2", typed="n\n")
    assert declined.exit_code == 1
    text, question = declined.output.index("  | - State: "), declined.output.index("Post this text in status?")
    assert text < question, "the exact text comes first"
    discarded = daemon.run("incidents", "discard", number, "2", "--reason", "no customer sees it")
    assert discarded.exit_code == 0
    assert "  | - State: " in discarded.output
    left = json.loads(daemon.run("incidents", "drafts", number, "--json").stdout)["drafts"]
    assert [draft["draft"] for draft in left] == [1]
    gone = daemon.run("incidents", "confirm", number, "2", "--yes")
    assert gone.exit_code == 1
    assert "has no draft 2 that waits for confirmation; there is: 1" in gone.output


def test_what_is_shown_before_it_is_confirmed_goes_out_to_the_letter_also_without_a_question(daemon: Running) -> None:
    number = declared(daemon)
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
