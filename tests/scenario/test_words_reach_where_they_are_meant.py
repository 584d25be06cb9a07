"""Tickets, the status page and the chat receive the written playbook's own words, with the facts filled in."""

import pytest

from scenario.outside import ALEX, Outside, fits, lines, outside
from tocsin.core.incident.event import Declare, NoteAdded, RoleTaken, StatusSet, UpdatePosted
from tocsin.engine.deliver.messages import post_mortem

TITLE = "Down"


async def opened(house: Outside, playbook: str, severity: str, **labels: str) -> dict[str, str]:
    """Fire an alert of a playbook, acknowledged a minute later."""
    fired = {"alertname": TITLE, "service": "checkout", "playbook": playbook, "severity": severity, **labels}
    await house.tocsin.fire(**fired)
    await house.tocsin.advance(minutes=1)
    await house.tocsin.acknowledge("alex")
    return fired


async def told(house: Outside, text: str, status: str = "") -> None:
    await house.tocsin.say(UpdatePosted(by=ALEX, text=text, status=status))
    await house.tocsin.advance(seconds=1)


async def over(house: Outside, labels: dict[str, str], minutes: float = 16) -> None:
    await house.tocsin.resolve(**labels)
    await house.tocsin.advance(minutes=minutes)


def held(text: str, *words: str) -> bool:
    return all(any(word in line for line in lines(text)) for word in words)


# erlmcp


async def test_erlmcp_has_its_own_words_in_the_ticket_from_the_declaration_to_the_end() -> None:
    async with outside() as house:
        fired = await opened(house, "erlmcp", "P0")
        await house.tocsin.say(Declare(by=ALEX))
        await house.tocsin.advance(seconds=1)
        await house.say(expected_resolution="16:00", next_steps="Restart the nodes", blockers="none")
        await told(house, "The primary database refuses connections")
        await house.say(root_cause="A full disk", contributing_factors="No alert at 80 %", users_affected="300")
        await house.tocsin.advance(seconds=1)
        await over(house, fired)
        [issue] = house.jira_issues
        standup, analysis, resolved = house.jira_comments()
    assert fits("erlmcp", "notification", issue)
    assert held(issue, "Incident ID: #1", "Severity: P0", "Affected Service: checkout")
    assert fits("erlmcp", "stand-up", standup)
    assert held(standup, "The primary database refuses connections", "Restart the nodes", "Blockers: none")
    assert fits("erlmcp", "root cause analysis", analysis)
    assert held(analysis, "Root Cause: A full disk", "Contributing Factors: No alert at 80 %", "acknowledged")
    assert fits("erlmcp", "resolved", resolved)
    assert held(resolved, "Root Cause: A full disk", "Users Affected: 300")


async def test_erlmcp_tells_engineers_and_customers_in_its_words() -> None:
    async with outside() as house:
        await opened(house, "erlmcp", "P1")
        await house.say(expected_resolution="16:00")
        await house.tocsin.say(Declare(by=ALEX))
        await house.tocsin.advance(seconds=1)
        assert await house.confirm() == []
        [customers] = house.chat("customers")
        notified = [text for text in house.chat("incidents") if text.startswith("INCIDENT NOTIFICATION")]
    assert fits("erlmcp", "customers P0 and P1", customers)
    assert held(customers, "affecting checkout.", "Estimated Resolution: 16:00")
    assert len(notified) == 1


async def test_erlmcp_tells_customers_of_minor_issues_in_other_words() -> None:
    async with outside() as house:
        await opened(house, "erlmcp", "P2")
        await house.say(expected_resolution="16:00")
        await house.tocsin.say(Declare(by=ALEX))
        await house.tocsin.advance(seconds=1)
        await house.confirm()
        [customers] = house.chat("customers")
    assert fits("erlmcp", "customers P2 and P3", customers)


async def test_the_stand_up_repeats_the_latest_updates_and_notes() -> None:
    async with outside() as house:
        await opened(house, "erlmcp", "P0")
        for number in range(1, 8):
            await told(house, f"Step {number} is done")
        await house.tocsin.say(NoteAdded(by=ALEX, text="Asked the provider"))
        await told(house, "Step 8 is done")
        standup = house.chat("incidents")[-1]
    assert fits("erlmcp", "stand-up", standup)
    actions = lines(standup)[4:9]
    assert [action.partition(" ")[2] for action in actions] == [
        "Step 5 is done (Alex Example)",
        "Step 6 is done (Alex Example)",
        "Step 7 is done (Alex Example)",
        "Asked the provider (Alex Example)",
        "Step 8 is done (Alex Example)",
    ]


# Ultimate Marketing


async def test_the_status_post_of_ultimate_marketing_has_its_six_contents_and_the_update() -> None:
    async with outside() as house:
        fired = await opened(house, "ultimate-marketing", "P1", automated_recovery="no")
        await house.say(customer_impact="Campaigns cannot be sent", expected_resolution="16:00")
        await house.tocsin.say(Declare(by=ALEX))
        assert await house.confirm() == []
        await told(house, "We found the cause", "Mitigating")
        assert await house.confirm() == []
        await over(house, fired)
        assert await house.confirm() == []
        first, second, last = house.status_updates
        [incident] = house.page.incidents.values()
    assert fits("ultimate-marketing", "status page", first)
    assert held(
        first, "Services affected: checkout", "Impact: Campaigns cannot be sent", "Detected: 2026-11-20 12:00 UTC"
    )
    assert held(first, "Status: Investigating", "Expected to be resolved: 16:00", "Next update: 2026-11-20 12:31 UTC")
    assert fits("ultimate-marketing", "status page", second)
    assert held(second, "We found the cause", "Status: Mitigating")
    assert held(last, "Status: Resolved", "Next update: none")
    assert (incident["name"], incident["status"]) == ("Service disruption: checkout", "resolved")


# Service quick reference


async def test_the_issue_has_the_template_and_the_labels_of_the_text() -> None:
    async with outside() as house:
        fired = await opened(house, "service-quick-reference", "P0")
        await told(house, "We roll back", "Identified")
        await told(house, "Rolled back", "Monitoring")
        await house.say(root_cause="A bad deployment", prevention="Canaries", resolution="Rolled back")
        await over(house, fired)
        [issue] = house.github.issues.values()
        first, second, findings, last = house.comments()
    assert fits("service-quick-reference", "issue", issue["body"])
    assert held(issue["body"], "Severity: P0", "Service: checkout", "Detected By: Prometheus")
    assert [label["name"] for label in issue["labels"]] == ["incident", "priority:high", "area:infra", "P0"]
    assert fits("service-quick-reference", "update", first)
    assert held(first, "Status: Identified", "We roll back")
    assert held(second, "Status: Monitoring", "Rolled back")
    assert held(findings, "A bad deployment", "Prevention: Canaries")
    assert fits("service-quick-reference", "resolution", last)
    assert fits("service-quick-reference", "issue timeline", last)
    assert held(last, "Root Cause: A bad deployment", "Prevention: Canaries")
    assert not held(last, "not recorded - ")


async def test_slack_gets_the_line_and_the_alert_with_the_issues_number() -> None:
    async with outside() as house:
        await house.tocsin.fire(alertname=TITLE, service="checkout", playbook="service-quick-reference", severity="P1")
        line, alert = house.chat("incidents")
    assert fits("service-quick-reference", "slack", line)
    assert lines(line) == ["🚨 INCIDENT: P1 - Down (checkout) - Issue: #1"]
    assert fits("service-quick-reference", "alert", alert)


# Emergency response


async def test_emergency_response_has_its_words_in_the_chat_and_on_the_status_page() -> None:
    async with outside() as house:
        fired = await opened(house, "emergency-response", "SEV-1")
        await house.say(impact="failing payments")
        assert await house.confirm() == []
        await house.say(next_steps="Watch the error rate", expected_resolution="16:00")
        await told(house, "The deployment is rolled back", "Mitigating")
        assert await house.confirm() == []
        await house.say(resolution="Rolled back")
        await over(house, fired)
        assert await house.confirm() == []
        alert, progress, resolution = house.status_updates
        chat = house.chat("incidents")
        [commander] = house.chat("morgan")[:1]
    assert fits("emergency-response", "alert", alert)
    assert held(alert, "We're experiencing failing payments.")
    assert fits("emergency-response", "progress", progress)
    assert held(progress, "Current Status: Mitigating", "Actions Taken: The deployment is rolled back", "ETA: 16:00")
    assert fits("emergency-response", "resolution", resolution)
    assert held(resolution, "Resolution: Rolled back", "Impact: failing payments")
    assert fits("emergency-response", "communication", commander)
    assert held(commander, "Incident Commander: Morgan Example", "Communications: Drew Example")
    assert [
        name
        for name in ("communication", "progress", "resolution")
        if any(fits("emergency-response", name, each) for each in chat)
    ] == ["communication", "progress", "resolution"]


async def test_a_status_page_without_a_post_before_the_end_gets_the_notice_of_the_end_once() -> None:
    async with outside() as house:
        fired = await opened(house, "emergency-response", "SEV-1")
        await told(house, "The deployment is rolled back", "Mitigating")
        await house.say(resolution="Rolled back", impact="failing payments")
        await over(house, fired)
        assert await house.confirm() == []
        [notice] = house.status_updates
        [incident] = house.page.incidents.values()
    assert fits("emergency-response", "resolution", notice)
    assert incident["status"] == "resolved"


async def test_a_minor_incidents_ticket_has_the_text_of_each_update() -> None:
    async with outside() as house:
        fired = await opened(house, "emergency-response", "SEV-3")
        await told(house, "The button is gray again")
        await told(house, "The button is blue")
        await over(house, fired)
        first, second, last = house.jira_comments()
    assert fits("emergency-response", "progress", first)
    assert held(first, "Update #1", "Actions Taken: The button is gray again")
    assert held(second, "Update #2", "Actions Taken: The button is blue")
    assert fits("emergency-response", "resolution", last)


# MgmtVibe


async def test_mgmt_vibe_has_its_words_for_customers_in_chat_and_on_the_status_page_and_in_the_ticket() -> None:
    async with outside() as house:
        fired = await opened(house, "mgmt-vibe", "SEV-0", customer_impact="true")
        await house.say(customer_impact="the login", expected_resolution="16:00")
        assert await house.confirm() == []
        await told(house, "The pool is larger now", "Mitigating")
        assert await house.confirm() == []
        await house.say(root_cause="Too few connections", prevention="A limit for each client")
        await over(house, fired)
        assert await house.confirm() == []
        first, update, last = house.status_updates
        beginning, between, end = house.chat("customers")
        comments = house.jira_comments()
    assert fits("mgmt-vibe", "customers", first)
    assert held(first, "affecting the login.", "Incident reference: INC-1")
    assert held(update, "The pool is larger now", "Current status: Mitigating")
    assert fits("mgmt-vibe", "customers resolved", last)
    assert [
        fits("mgmt-vibe", name, text.partition("\n")[2])
        for name, text in (("customers", beginning), ("customers resolved", end))
    ] == [True, True]
    assert held(between, "The pool is larger now", "Current status: Mitigating")
    assert end.startswith("*Service Restored - Incident INC-1*")
    assert held(comments[0], "The pool is larger now")
    assert held(comments[1], "is resolved after", "Root cause: Too few connections")


# The post-mortem's draft


async def lived(house: Outside, playbook: str, severity: str, *statuses: str) -> str:
    """An incident with all that people can record; return the draft."""
    fired = await opened(house, playbook, severity, automated_recovery="no")
    await house.tocsin.say(Declare(by=ALEX))
    for status in statuses:
        await house.tocsin.advance(minutes=1)
        await house.tocsin.say(StatusSet(by=ALEX, status=status))
    await house.tocsin.say(NoteAdded(by=ALEX, text="Rolled the deployment back"))
    await house.say(
        root_cause="A full disk", users_affected="300", contributing_factors="No alert", prevention="An alert",
        lessons_learned="Look at disks", what_went_well="The page", what_could_be_better="The runbook",
        data_loss="no", impact="Nobody could pay", business_impact="No orders", rto_rpo="within both",
        process_improvements="none", technical_improvements="none", communication_improvements="none",
    )  # fmt: skip
    await over(house, fired)
    return await draft(house)


async def draft(house: Outside) -> str:
    incident = await house.tocsin.incident()
    return (await house.tocsin.store.read(lambda tx: post_mortem(tx, house.tocsin.live.policy, incident))).text.plain


PLAYBOOKS = [
    ("erlmcp", "P0"),
    ("ultimate-marketing", "P1"),
    ("service-quick-reference", "P0"),
    ("emergency-response", "SEV-1"),
    ("mgmt-vibe", "SEV-0"),
]


@pytest.mark.parametrize(("playbook", "severity"), PLAYBOOKS)
async def test_a_draft_leaves_nothing_to_fill_in_that_was_recorded(playbook: str, severity: str) -> None:
    async with outside() as house:
        text = await lived(house, playbook, severity)
    assert "[to fill in" not in text
    assert "Rolled the deployment back" in text
    assert "A full disk" in text


async def test_the_draft_of_emergency_response_has_every_section_of_the_text() -> None:
    async with outside() as house:
        text = await lived(house, "emergency-response", "SEV-1", "Mitigating")
    assert fits("emergency-response", "post-mortem", text)
    assert held(text, "2026-11-20 12:02 UTC | Mitigation started", "2026-11-20 12:00 UTC | Initial detection")


async def test_the_draft_of_mgmt_vibe_has_every_section_of_the_text() -> None:
    async with outside() as house:
        text = await lived(house, "mgmt-vibe", "SEV-0", "Identified", "Mitigating", "Monitoring")
    assert fits("mgmt-vibe", "post-mortem", text)
    assert held(text, "2026-11-20 12:02 UTC - Root cause identified", "2026-11-20 12:04 UTC - Mitigation implemented")


@pytest.mark.parametrize(("playbook", "severity"), PLAYBOOKS)
async def test_where_a_person_must_write_the_draft_says_who_and_how(playbook: str, severity: str) -> None:
    async with outside() as house:
        fired = await opened(house, playbook, severity, automated_recovery="no")
        plan = house.tocsin.live.policy.playbooks[playbook]
        owner = plan.role(plan.duties.post_mortem_by)
        if owner is not None:
            await house.tocsin.say(RoleTaken(by=ALEX, role=owner.key, person="jamie"))
        await over(house, fired)
        text = await draft(house)
    who = f"{owner.name} (Jamie Example)" if owner is not None else "Alex Example"  # who has acknowledged it
    [blank] = [line for line in text.split("\n") if line.endswith('fact 1 root_cause="..."]')]
    assert blank.startswith("[to fill in: ")
    assert f"; {who}: tocsin incidents fact 1 root_cause=" in blank
    assert f'{who} adds each: `tocsin incidents todo 1 "what is to be done"' in text
