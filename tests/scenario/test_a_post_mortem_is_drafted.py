"""A playbook's ``post_mortem:`` template, and the findings that people add."""

import dataclasses

import msgspec

from scenario.emergency import ROOT, rules, shipped
from tocsin.conf.source import Findings
from tocsin.conf.templates import MessageTemplate, default_post_mortem, read_templates
from tocsin.conf.templates.samples import samples
from tocsin.core.content.template_context import VARIABLES
from tocsin.core.incident.event import Actor, SetFacts
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.playbook import Playbook
from tocsin.engine.deliver.messages import RenderedMessage, post_mortem
from tocsin.testing.harness import Harness

ALICE = Actor("alice", "api")


def playbook(template: str = "emergency-response-post-mortem") -> Playbook:
    texts = msgspec.structs.replace(shipped().texts, post_mortem=template)
    return msgspec.structs.replace(shipped(), texts=texts)


def harness(plan: Playbook, **more: MessageTemplate) -> Harness:
    alice = Person("alice", full_name="Alice Example", contact=Contact("console", "console"))
    tocsin = Harness(plan, People(persons={"alice": alice}), rules=rules(plan))
    templates = {**read_templates(ROOT / "config" / "templates", Findings()), **more}
    tocsin.live.policy = dataclasses.replace(tocsin.live.policy, templates=templates)
    return tocsin


async def draft(tocsin: Harness) -> RenderedMessage:
    incident = await tocsin.incident()
    return await tocsin.store.read(lambda tx: post_mortem(tx, tocsin.live.policy, incident))


async def test_it_tells_what_happened_and_asks_for_the_rest():
    async with harness(playbook()) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1", service="shop")
        await tocsin.advance(minutes=5)
        await tocsin.acknowledge(by="alice")
        await tocsin.respond.apply(
            "1", SetFacts(by=ALICE, facts={"root_cause": "a full disk", "users_affected": "about 300"})
        )
        await tocsin.resolve(alertname="Down", severity="SEV-1", service="shop")
        await tocsin.advance(minutes=3)
        saying = await draft(tocsin)
    text = saying.text.plain
    assert saying.failure == ""
    assert "- Users affected: about 300" in text
    assert "## Root Cause\na full disk" in text
    assert "| 2026-11-20 12:05 UTC | acknowledged (Alice Example) |" in text
    who = "Incident Commander (incident-commander)"
    how = 'tocsin incidents fact 1 resolution="..."'
    assert f"[to fill in: how the issue was resolved; {who}: {how}]" in saying.text.blanks
    assert not any("root_cause" in blank for blank in saying.text.blanks)


async def test_a_fact_is_kept_until_it_is_taken_back_and_the_timeline_has_both():
    async with harness(playbook()) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        for text in ("a full disk", "a full disk", ""):
            await tocsin.respond.apply("1", SetFacts(by=ALICE, facts={"root_cause": text}))
        told = [entry.data for entry in await tocsin.timeline() if entry.kind == "fact"]
        assert told == [{"name": "root_cause", "text": "a full disk"}, {"name": "root_cause", "text": ""}]
        assert any("of what caused the incident; " in blank for blank in (await draft(tocsin)).text.blanks)


async def test_what_a_label_says_is_no_markdown():
    async with harness(playbook()) as tocsin:
        await tocsin.fire(alertname="# Down **now** @everyone [x](http://y) <b>", severity="SEV-1")
        said = (await draft(tocsin)).text
    assert r"# Post-Mortem: \# Down \*\*now\*\*" in said.markdown
    assert "@everyone" not in said.markdown
    assert "@everyone" in said.plain


async def test_a_template_that_fails_is_replaced_by_plain_words_that_name_it():
    broken = MessageTemplate("broken", "one\n{{ facts.nothing }}")
    async with harness(playbook("broken"), broken=broken) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1")
        saying = await draft(tocsin)
    assert saying.failure.startswith("template broken, line 2: ")
    assert saying.failure in saying.text.plain
    assert "Down" in saying.text.plain


async def test_a_playbook_without_a_template_gets_the_default_draft() -> None:
    async with harness(playbook(template="")) as tocsin:
        await tocsin.fire(alertname="Down", severity="SEV-1", service="shop")
        await tocsin.respond.apply("1", SetFacts(by=ALICE, facts={"root_cause": "a full disk"}))
        saying = await draft(tocsin)
    assert saying.failure == ""
    assert saying.text.plain.startswith("# Postmortem #1: Down")
    assert "## Root cause\n\na full disk" in saying.text.plain
    assert any(blank.startswith("[to fill in: what ended it; ") for blank in saying.text.blanks)


def test_the_default_draft_renders_whatever_an_incident_of_a_shipped_playbook_has() -> None:
    default = default_post_mortem()
    assert default.variables <= VARIABLES.keys()
    for sample in samples(shipped()):
        assert default.render(sample).plain
