"""Playbooks: the shipped file is read completely, and mistakes are reported at their position."""

import pytest

from conf.workbench import Workbench
from tocsin.core.duration import HOUR, MINUTE
from tocsin.core.playbook.playbook import FlappingLimits, Kind, Playbook, StormLimits, Until

PAGE, UPDATE = Kind.PAGE, Kind.UPDATE
ACKNOWLEDGED, RESOLVED = Until.ACKNOWLEDGED, Until.RESOLVED

TIER = {
    1: ("on-call-engineer",),
    2: ("engineering-manager",),
    3: ("vp-engineering", "cto"),
    4: ("ceo", "legal"),
}
BOTH = ("major_impact", "data_breach")
BREACHES = ("data_breach", "security_breach")
TOP = [
    ("4.1", PAGE, None, BOTH, RESOLVED, TIER[4]),
    ("4.2", PAGE, None, BREACHES, RESOLVED, ("security",)),
    ("4.3", PAGE, None, ("security_breach",), RESOLVED, ("legal",)),
]

WRITTEN = {
    "SEV-1": (15 * MINUTE, [
        ("1.1", PAGE, 0, (), ACKNOWLEDGED, TIER[1]),
        ("1.2", PAGE, 15 * MINUTE, (), ACKNOWLEDGED, TIER[1]),
        ("2.1", PAGE, 30 * MINUTE, (), RESOLVED, TIER[2]),
        ("3.1", PAGE, 30 * MINUTE, (), RESOLVED, TIER[3]),
        *TOP,
    ]),
    "SEV-2": (HOUR, [
        ("1.1", PAGE, 0, (), ACKNOWLEDGED, TIER[1]),
        ("1.2", PAGE, HOUR, (), ACKNOWLEDGED, TIER[1]),
        ("2.1", PAGE, 30 * MINUTE, (), RESOLVED, TIER[2]),
        ("3.1", PAGE, HOUR, (), RESOLVED, TIER[3]),
        *TOP,
    ]),
    "SEV-3": (4 * HOUR, [
        ("1.1", UPDATE, 0, (), ACKNOWLEDGED, TIER[1]),
        ("1.2", UPDATE, 4 * HOUR, (), ACKNOWLEDGED, TIER[1]),
        *TOP,
    ]),
    "SEV-4": (24 * HOUR, [
        ("1.1", UPDATE, 0, (), ACKNOWLEDGED, TIER[1]),
        ("1.2", UPDATE, 24 * HOUR, (), ACKNOWLEDGED, TIER[1]),
        *TOP,
    ]),
}  # fmt: skip
"""emergency-response as its text and its table say: (respond and resolve within, steps)."""


@pytest.fixture
def shipped(bench: Workbench) -> Playbook:
    return bench.load().playbooks["emergency-response"]


def test_the_severities_are_those_of_the_text_highest_first(shipped: Playbook) -> None:
    assert [(level.name, level.rank) for level in shipped.levels] == [(name, rank) for rank, name in enumerate(WRITTEN)]


@pytest.mark.parametrize("severity", WRITTEN)
def test_recipients_times_and_end_conditions_are_as_written(shipped: Playbook, severity: str) -> None:
    within, steps = WRITTEN[severity]
    level = shipped.level(severity)
    assert (level.respond_within, level.resolve_within) == (within, within)
    assert [(c.key, c.kind, c.after, c.flags, c.until, c.targets) for c in level.cells] == steps


def test_the_escalation_path_is_that_of_the_text(shipped: Playbook) -> None:
    assert [(tier.number, tier.targets) for tier in shipped.tiers] == list(TIER.items())
    assert [tier.name for tier in shipped.tiers] == [
        "On-call engineer", "Engineering manager", "VP Engineering / CTO", "CEO / Legal",
    ]  # fmt: skip


def test_what_no_rule_places_pages(shipped: Playbook) -> None:
    assert shipped.unrouted == "SEV-2"
    assert shipped.level(shipped.unrouted).pages
    assert not shipped.level("SEV-3").pages


def test_it_round_trips_through_the_form_in_which_incidents_keep_it(shipped: Playbook) -> None:
    assert Playbook.from_json(shipped.to_json()) == shipped


def test_times_are_the_defaults_unless_the_playbook_says_its_own(bench: Workbench) -> None:
    bench.edit(bench.playbook, "unrouted: SEV-2\n", "unrouted: SEV-2\nresolve_after: 15m\n")
    playbook = bench.load({"TOCSIN_DEFAULTS_REOPEN_WITHIN": "20m"}).playbooks["emergency-response"]
    assert (playbook.resolve_after, playbook.reopen_within) == (15 * MINUTE, 20 * MINUTE)
    assert (playbook.fallback_after, playbook.resolved_by_hand_grace) == (2 * MINUTE, HOUR)


def test_storms_and_flapping_are_as_the_defaults_say_but_for_what_the_playbook_says(bench: Workbench) -> None:
    own = "unrouted: SEV-2\nstorm: {more_than: 30}\nflapping: {within: 1h, digest_every: 2h}\n"
    bench.edit(bench.playbook, "unrouted: SEV-2\n", own)
    environ = {"TOCSIN_DEFAULTS_STORM_AGAIN_AFTER": "20m", "TOCSIN_DEFAULTS_FLAPPING_MORE_THAN": "9"}
    loaded = bench.load(environ)
    playbook = loaded.playbooks["emergency-response"]
    assert playbook.storm == StormLimits(more_than=30, within=5 * MINUTE, again_after=20 * MINUTE)
    assert playbook.flapping == FlappingLimits(more_than=9, within=HOUR, digest_every=2 * HOUR)
    assert loaded.self_playbook.storm == StormLimits(more_than=10, within=5 * MINUTE, again_after=20 * MINUTE)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("storm: {more_than: 0}", "must be at least 1"),
        ("storm: {more_then: 3}", "unknown key 'more_then'; did you mean more_than?"),
        ("flapping: {within: 0s}", "must be longer than nothing; write for example 10s"),
    ],
)
def test_a_mistake_in_them_is_reported_at_its_position(bench: Workbench, line: str, told: str) -> None:
    bench.edit(bench.playbook, "unrouted: SEV-2\n", f"unrouted: SEV-2\n{line}\n")
    assert any(told in problem for problem in bench.problems()), bench.problems()


WHEN = "a step says when in one way; write either after: 15m, on: declared or flagged: [a_flag]"
STEP = '{tier: 1, after: respond_within}     # not acknowledged within the response time\n      # "if unresolved in 30'


ROLES = "communications, incident-commander, technical-lead"


@pytest.mark.parametrize(
    ("old", "new", "offset", "told"),
    [
        (STEP, "{tier: 5, after: 15m} # not", 7, "there is no tier 5; known: 1, 2, 3, 4"),
        (STEP, "{tier: one, after: 15m} # not", 7, "a whole number is expected here"),
        (STEP, "{tier: 1} # not", 0, WHEN),
        (STEP, "{tier: 1, after: 15m, flagged: [data_breach]} # not", 0, WHEN),
        (
            STEP,
            "{tier: 1, after: 0s} # not",
            17,
            "this step of tier 1 is not later than the one before it; write a tier's steps in the order of their times",
        ),
        (STEP, "{tier: 1, nth: 1, after: 15m} # not", 0, "tier 1 has two steps number 1; give each its own nth"),
        (
            STEP,
            "{tier: 1, after: 15m, until: acknowleged} # not",
            29,
            "'acknowleged' is not allowed here; did you mean acknowledged?",
        ),
        (STEP, "{tier: 1, after: 15m, kind: pages} # not", 28, "'pages' is not allowed here; did you mean page?"),
        (
            STEP,
            "{tier: 1, after: 15} # not",
            17,
            "a duration needs its unit; write 15s for seconds, 15m for minutes or 15h for hours",
        ),
        (
            STEP,
            "{tier: 1, flagged: [data_breech]} # not",
            20,
            "there is no flag 'data_breech'; did you mean data_breach?",
        ),
        (
            STEP,
            "{tier: 1, after: 15m, targets: [alx]} # not",
            32,
            (
                "'alx' is neither a person, a group nor a target of people.yaml; did you mean alex? "
                "If not, add alx under `people:`"
            ),
        ),
        (STEP, "{tier: 1, afer: 15m} # not", 10, "unknown key 'afer'; did you mean after?"),
        (
            "{tier: 3, after: 30m, until: resolved}",
            "{tier: 3, after: 10m, until: resolved}",
            17,
            "tier 3 is reached before a lower tier; give the lower tier the shorter time",
        ),
        (
            "unrouted: SEV-2",
            "unrouted: SEV-3",
            10,
            "SEV-3 pages no one; what no rule could place must page: name a severity that does",
        ),
        ("unrouted: SEV-2", "unrouted: SEV2", 10, "there is no severity 'SEV2'; did you mean SEV-2?"),
        (
            "announce: [incidents]",
            "announce: [incident]",
            11,
            (
                "'incident' is neither a person, a group nor a target of people.yaml; did you mean incidents? "
                "If not, add incident under `people:`"
            ),
        ),
        (
            "flags: [major_impact, data_breach,",
            "flags: [major_impact, data breach,",
            22,
            "write letters, digits, - _ and . only, a letter or digit first",
        ),
        ("updates_by: communications", "updates_by: comms", 12, f"there is no role 'comms'; known: {ROLES}"),
        ("updates_by: communications", "declare_at: ack", 12, "'ack' is not allowed here; known: acknowledgment"),
        (
            "updates_by: communications",
            "follow_ups: [{text: x, within: 1d, role: scribe}]",
            41,
            f"there is no role 'scribe'; known: {ROLES}",
        ),
        (
            "updates_by: communications",
            "follow_ups: [{text: x, within: 1d, severities: [SEV1]}]",
            48,
            "there is no severity 'SEV1'; did you mean SEV-1?",
        ),
        (
            "Investigating, Mitigating, Resolved",
            "Investigating, Mitigating, Mitigating",
            27,
            "'Mitigating' is given twice; remove one",
        ),
        (
            "    severities: [SEV-1]\n",
            "    severities: [SEV1]\n",
            17,
            "there is no severity 'SEV1'; did you mean SEV-1?",
        ),
    ],
)
def test_a_mistake_is_reported_at_its_position(bench: Workbench, old: str, new: str, offset: int, told: str) -> None:
    line, column = bench.edit(bench.playbook, old, new)
    assert f"{bench.playbook}:{line}:{column + offset}: {told}" in bench.problems()


def test_a_missing_key_is_reported_where_it_belongs(bench: Workbench) -> None:
    line, _ = bench.edit(bench.playbook, "title: Emergency response\n", "")
    first_key = line + bench.text(bench.playbook).splitlines()[line - 1 :].index("unrouted: SEV-2")
    assert bench.problems() == [f"{bench.playbook}:{first_key}:1: 'title' is missing"]


def test_tiers_are_numbered_without_a_gap(bench: Workbench) -> None:
    bench.edit(bench.playbook, "  3: {name: VP", "  5: {name: VP")
    line = bench.text(bench.playbook).partition("tiers:\n")[0].count("\n") + 2
    told = "tiers are numbered 1, 2, 3 ... without a gap"
    assert bench.problems() == [f"{bench.playbook}:{line}:3: {told}"]


def test_a_severity_without_a_matrix_is_a_problem(bench: Workbench) -> None:
    text = bench.text(bench.playbook)
    cut = text[: text.index("  # Low: cosmetic")] + "  SEV-4:\n    respond_within: 24h\n"
    bench.write(bench.playbook, cut)
    line = cut.count("\n") - 1
    assert bench.problems() == [f"{bench.playbook}:{line}:3: 'matrix' is missing"]


def test_a_severity_that_notifies_no_one_at_once_is_a_problem(bench: Workbench) -> None:
    head = "    respond_within: 24h\n    resolve_within: respond_within\n    post_mortem_within: 48h\n    matrix:\n"
    line, _ = bench.edit(bench.playbook, f"{head}      - {{tier: 1, after: 0s, kind: update}}\n", head)
    told = "no step notifies tier 1 when the incident opens; write {tier: 1, after: 0s}"
    assert bench.problems() == [f"{bench.playbook}:{line + 4}:7: {told}"]


def test_a_playbook_with_a_mistake_does_not_make_the_rules_wrong_that_name_it(bench: Workbench) -> None:
    bench.write("playbooks/another.yaml", bench.text(bench.playbook))
    line, _ = bench.edit(bench.playbook, "title: Emergency response\n", "title: 7\n")
    assert bench.problems() == [f"{bench.playbook}:{line}:8: text is expected here; put it in quotes"]


def test_a_file_that_is_not_read_as_a_playbook_is_reported(bench: Workbench) -> None:
    bench.write("playbooks/mine.yml", bench.text(bench.playbook))
    assert bench.problems() == ["playbooks/mine.yml:1:1: is not read as a playbook; name it mine.yaml"]


def test_the_name_of_the_built_in_playbook_is_taken(bench: Workbench) -> None:
    bench.write("playbooks/tocsin.yaml", bench.text(bench.playbook))
    assert bench.problems() == [
        "playbooks/tocsin.yaml:1:1: the playbook tocsin is built in; give this one another name"
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('business_hours: {from: "17:00", to: "09:00"}', "16:1: closes before it opens"),
        ("business_hours: {days: Mon-Fry}", "did you mean Fri?"),
        ("business_hours: {time_zone: Europe/Berln}", "did you mean Europe/Berlin?"),
        ('business_hours: {from: "9:00"}', 'is not a time of the day; write hours and minutes, in quotes: "09:00"'),
        ('business_hours: {holidays: ["2026-02-30"]}', "there is no day 2026-02-30"),
        ("ack_timeout: false", "a duration or never is expected here; write never"),
        ("next_tier_on: [data_breech]", "there is no flag 'data_breech'; did you mean data_breach?"),
    ],
)
def test_a_mistake_in_what_the_ladder_waits_for_is_reported(bench: Workbench, line: str, told: str) -> None:
    place, _ = bench.edit(bench.playbook, "unrouted: SEV-2\n", f"unrouted: SEV-2\n{line}\n")
    said = told.partition("16:1: ")[2] or told
    assert any(said in problem and f":{place + 1}:" in problem for problem in bench.problems()), bench.problems()


FIRST = (
    "respond_within: 15m\n    resolve_within: respond_within\n    update_every: 15m\n    post_mortem_within: 48h\n"
    "    matrix:\n      - {tier: 1, after: 0s}\n"
)


def test_a_severity_whose_first_step_is_for_business_hours_pages_in_them_but_for_flags(bench: Workbench) -> None:
    bench.edit(bench.playbook, FIRST, FIRST.replace("0s", "0s, hours: business"))
    level = bench.load().playbooks["emergency-response"].level("SEV-1")
    assert level.is_business
    assert level.business == {"1.1", "1.2", "2.1", "3.1"}


def test_a_step_fired_by_an_acknowledgment_continues_after_it(bench: Workbench) -> None:
    bench.edit(bench.playbook, FIRST, f"{FIRST}      - {{tier: 2, on: declared}}\n")
    cell = bench.load().playbooks["emergency-response"].level("SEV-1").cell("2.1")
    assert cell is not None
    assert (cell.on, cell.until) == ("declared", RESOLVED)


def test_what_an_acknowledgment_fires_and_makes_pointless_is_a_mistake(bench: Workbench) -> None:
    step = "{tier: 2, on: acknowledged, until: acknowledged}"
    bench.edit(bench.playbook, FIRST, f"{FIRST}      - {step}\n")
    told = "an acknowledgment fires this step and makes it pointless; write until: resolved"
    assert any(problem.endswith(told) for problem in bench.problems())


# Times that follow from a target.

TARGETS = "    respond_within: 15m\n    resolve_within: respond_within\n"


@pytest.mark.parametrize(
    ("after", "minutes"),
    [
        ("respond_within", 10),
        ("2 x respond_within", 20),
        ("2x respond_within", 20),
        ("1.5 x respond_within", 15),
        ("acknowledge_within", 12),
        ("resolve_within", 30),
        ("0.5 x resolve_within", 15),
        ("15m", 15),
    ],
)
def test_a_step_follows_from_a_target_of_its_severity(bench: Workbench, after: str, minutes: int) -> None:
    targets = TARGETS.replace("15m", "10m").replace("resolve_within: ", "resolve_within: 3 x ")
    targets += "    acknowledge_within: 1.2 x respond_within\n"
    bench.edit(bench.playbook, TARGETS, targets)
    bench.edit(bench.playbook, STEP, STEP.replace("respond_within", after))
    level = bench.load().playbooks["emergency-response"].level("SEV-1")
    assert (level.respond_within, level.acknowledge_within, level.resolve_within) == tuple(
        minutes * 60_000_000 for minutes in (10, 12, 30)
    )
    step = level.cell("1.2")
    assert step is not None
    assert step.after == minutes * 60_000_000


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("respond_withn", "names no target of this severity: did you mean respond_within?"),
        ("2 x acknowledge_within", "names no target of this severity: known: resolve_within, respond_within"),
        ("update_every", "names no target of this severity"),
        ("999 x resolve_after", "names no target of this severity"),
        ("respond_within + 5m", "is not a duration"),
        ("2 x 15m", "is not a duration"),
        ("-1 x respond_within", "is not a duration"),
        ("0 x respond_within", "this step of tier 1 is not later than the one before it"),
    ],
)
def test_a_time_that_names_no_target_is_reported_at_its_position(bench: Workbench, after: str, told: str) -> None:
    line, column = bench.edit(bench.playbook, STEP, STEP.replace("respond_within", after))
    [problem] = bench.problems()
    assert problem.startswith(f"{bench.playbook}:{line}:{column + 17}: ")
    assert told in problem


def test_targets_do_not_go_round_in_a_circle(bench: Workbench) -> None:
    targets = TARGETS.replace(
        "    resolve_within: respond", "    acknowledge_within: resolve_within\n    resolve_within: acknowledge"
    )
    bench.edit(bench.playbook, TARGETS, targets)
    assert all("names no target of this severity" in problem for problem in bench.problems())


@pytest.mark.parametrize(
    ("after", "is_close"),
    [("13m29s", False), ("13m30s", True), ("14m", True), ("15m", False), ("16m30s", True), ("16m31s", False)],
)
def test_a_step_close_to_a_target_and_not_equal_to_it_is_a_warning(
    bench: Workbench, after: str, is_close: bool
) -> None:
    line, column = bench.edit(bench.playbook, STEP, STEP.replace("respond_within", after))
    told = [str(one).rpartition("/config/")[2] for one in bench.load().warnings if "close to" in str(one)]
    if is_close:
        place = f"{bench.playbook}:{line}:{column + 17}"
        hint = "write after: respond_within, so that it moves with the target"
        assert told == [f"{place}: this step comes at {after}, close to respond_within (15m); {hint}"]
    else:
        assert told == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bridge: https://zoom.us/j/1\nbridge_at: [SEV1]", "there is no severity 'SEV1'; did you mean SEV-1?"),
        ("bridge_at: [SEV-1]", "there is no bridge:"),
    ],
)
def test_a_war_room_for_some_severities_needs_a_link_and_known_severities(
    bench: Workbench, line: str, told: str
) -> None:
    bench.edit(bench.playbook, "announce: [incidents]", f"announce: [incidents]\n{line}")
    [problem] = bench.problems()
    assert told in problem


def test_a_war_room_may_be_for_some_severities_and_another_for_one(bench: Workbench) -> None:
    lines = "bridge: https://zoom.us/j/1\nbridge_at: [SEV-1, SEV-2]"
    bench.edit(bench.playbook, "announce: [incidents]", f"announce: [incidents]\n{lines}")
    bench.edit(bench.playbook, "  SEV-3:\n", "  SEV-3:\n    bridge: https://zoom.us/j/3\n")
    texts = bench.load().playbooks["emergency-response"].texts
    found = [texts.bridge_at(severity) for severity in ("SEV-1", "SEV-2", "SEV-3", "SEV-4")]
    assert found == ["https://zoom.us/j/1", "https://zoom.us/j/1", "https://zoom.us/j/3", ""]
