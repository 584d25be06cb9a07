"""The emergency-response playbook for scenarios: the shipped file, with one person per role.

What it says in its own words is left out: of that test_a_playbook_says_it_in_its_own_words tells; and its duties:
test_duties_have_a_deadline.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import load
from tocsin.conf.rules import load_rules
from tocsin.conf.source import Findings
from tocsin.core.duration import MINUTE
from tocsin.core.incident.invariants import violations
from tocsin.core.incident.outbox import Job
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.oncall.maintenance_window import Window
from tocsin.core.oncall.people import Contact, People, Person
from tocsin.core.playbook.playbook import Playbook
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.core.rules.verdict import SERVICE_LABELS
from tocsin.engine.workers.auditor import facts_of
from tocsin.ports.store import IncidentFilter, Reader, Store
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness, rules_by_label
from tocsin.testing.recording import RecordingChannel, RecordingTracker

ROOT = Path(__file__).resolve().parents[2]

ON_CALL = "on-call-engineer"
MANAGER = "engineering-manager"
VP, CTO = "vp-engineering", "cto"
CEO, LEGAL, SECURITY = "ceo", "legal", "security"


@cache
def shipped() -> Playbook:
    whole = load(ROOT / "config", ROOT / "rules", KINDS, {}).playbooks["emergency-response"]
    return structs.replace(whole, actions=(), duties=structs.replace(whole.duties, required=()))


def rules(playbook: Playbook) -> RuleSet:
    """The severity label says the severity; further labels ask for what else a rule can do."""
    return rules_by_label(
        playbook,
        # Alerts of one name join one incident: without a service, each label set is a thing of its own.
        Rule(
            name="service", matchers=(), actions={"service": Template.parse("{" + ", ".join(SERVICE_LABELS) + "|shop}")}
        ),
        Rule(name="breach", matchers=parse_matchers('breach="yes"'), actions={"flags": ("data_breach",)}),
        Rule(name="impact", matchers=parse_matchers('impact="major"'), actions={"flags": ("major_impact",)}),
        Rule(name="heal", matchers=parse_matchers('heal="first"'), actions={"self_heal": 2 * MINUTE}),
        Rule(name="team", matchers=parse_matchers('team!=""'), actions={"dedup_key": Template.parse("{team}")}),
        Rule(name="quiet", matchers=parse_matchers('quiet="yes"'), actions={"suppress": True}),
        Rule(name="watchdog", matchers=parse_matchers('alertname="Watchdog"'), actions={"heartbeat": True}),
    )


def rules_of(text: str) -> RuleSet:
    """The rules of one file, with the shipped playbook."""
    playbook, findings = shipped(), Findings()
    with TemporaryDirectory() as directory:
        (Path(directory) / "10.yaml").write_text(text)
        found = load_rules(Path(directory), {playbook.name: playbook}, playbook.name, findings)
    assert found is not None, findings.problems
    return found


def one_person_a_target(playbook: Playbook) -> People:
    """Each target that the playbook names is one person of that name, on the console."""
    targets = {target for level in playbook.levels for cell in level.cells for target in cell.targets}
    targets |= {target for tier in playbook.tiers for target in tier.targets} | set(playbook.announce)
    targets |= {target for role in playbook.roles for target in (*role.targets, *role.backup)}
    targets |= {target for action in playbook.actions for target in action.targets}
    targets |= {duty.by for duty in playbook.duties.required if duty.by and playbook.role(duty.by) is None}
    names = sorted((*targets, "alice", "bob"))
    return People(persons={name: Person(name, contact=Contact("console", "console")) for name in names})


def tocsin(
    *,
    store: Store | None = None,
    clock: VirtualClock | None = None,
    people: People | None = None,
    channels: Sequence[RecordingChannel] = (),
    playbook: Playbook | None = None,
    first_id: int = 1,
    judged_by: RuleSet | None = None,
    windows: Sequence[Window] = (),
    trackers: Sequence[RecordingTracker] = (),
) -> Harness:
    playbook = playbook or shipped()
    return Harness(
        playbook,
        people or one_person_a_target(playbook),
        rules=judged_by or rules(playbook),
        channels=channels,
        store=store,
        clock=clock,
        first_id=first_id,
        windows=windows,
        trackers=trackers,
    )


def reached_by(channel: RecordingChannel, **persons: str) -> People:
    """Everybody on the console, but these persons (name=destination) on a channel of their own."""
    people = one_person_a_target(shipped())
    moved = {
        name.replace("_", "-"): Person(name.replace("_", "-"), contact=Contact(channel.name, destination))
        for name, destination in persons.items()
    }
    return People(persons={**people.persons, **moved})


def told(harness: Harness, job: Job) -> list[tuple[float, str]]:
    """(minutes since the start, target) of each notification of this kind."""
    return harness.pages(job)


async def kinds(harness: Harness, ref: str = "1") -> list[str]:
    """The kinds of an incident's timeline entries, in order."""
    return [entry.kind for entry in await harness.timeline(ref)]


async def wrong(harness: Harness) -> list[str]:
    """Return the violations of the invariants in the whole store."""

    def check(tx: Reader) -> list[str]:
        incidents = tx.incidents(IncidentFilter(limit=10_000))
        return [
            f"incident {incident.number}: {rule}: {found}"
            for incident in incidents
            for rule, found in violations(facts_of(tx, incident))
        ]

    return await harness.store.read(check)
