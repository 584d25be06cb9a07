"""``rotations:`` and ``methods:`` of people.yaml: valid forms, and mistakes reported at their position."""

from datetime import UTC, datetime

import pytest

from conf.workbench import KINDS, Workbench
from tocsin.conf.bundle import load
from tocsin.core.duration import MINUTE
from tocsin.core.oncall.people import Contact, Method
from tocsin.core.oncall.rotation import OnCallInput, Rotation
from tocsin.testing.cases import default_start

HERE = "  vp-engineering-on-call:\n"
CHAT = {"TOCSIN_CHANNELS": "{chat: {kind: radio, frequency: '1', stations: {north: {key_env: K}}}}", "K": "k"}


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def added(bench: Workbench, rotation: str) -> int:
    """Add a rotation ``x``; returns the line of its name."""
    line, _ = bench.edit("people.yaml", HERE, f"  x: {rotation}\n{HERE}")
    return line


def rotation(bench: Workbench, text: str) -> Rotation:
    added(bench, text)
    return bench.load().people.rotations["x"]


def on_call(found: Rotation, *at: str) -> list[tuple[str, ...]]:
    return [found.on_at(utc(each), OnCallInput(0)) for each in at]


def test_a_weekly_rotation_in_a_time_zone(bench: Workbench) -> None:
    found = rotation(
        bench, '{members: [alex, sam], starts: "2026-01-05 09:00", every: weekly, time_zone: Europe/Berlin}'
    )
    assert on_call(found, "2026-01-05T07:59", "2026-01-05T08:00", "2026-01-12T08:00", "2026-03-30T07:00") == [
        (), ("alex",), ("sam",), ("alex",),
    ]  # fmt: skip


@pytest.mark.parametrize("every", ["daily", "24h", "1d"])
def test_turns_of_a_day(bench: Workbench, every: str) -> None:
    found = rotation(bench, f'{{members: [alex, sam], starts: "2026-01-05 09:00", every: {every}}}')
    assert on_call(found, "2026-01-06T08:59", "2026-01-06T09:00") == [("alex",), ("sam",)]


def test_hand_overs_at_times_of_the_week(bench: Workbench) -> None:
    found = rotation(bench, '{members: [alex, sam], starts: "2026-01-07 12:00", hand_over: ["Fri 17:00", "Mon 09:00"]}')
    assert on_call(found, "2026-01-09T16:59", "2026-01-09T17:00", "2026-01-12T09:00") == [
        ("alex",), ("sam",), ("alex",),
    ]  # fmt: skip


def test_hours_layers_and_everything_else(bench: Workbench) -> None:
    found = rotation(
        bench,
        """
    time_zone: Europe/Berlin
    layers:
      - {members: [alex], only: [{days: Mon-Fri, from: "09:00", to: "17:00"}, {days: Sat, from: "22:00", to: "02:00"}]}
      - {members: [sam, kim], starts: "2026-01-05 00:00", every: 7d}
    secondary: [robin]
    backup: [legal]
    overrides:
      - {person: drew, from: "2026-07-01 10:00", until: "2026-07-01 12:00", comment: a train}
    swaps:
      - {between: [alex, sam], from: "2026-07-02 00:00", until: "2026-07-03 00:00"}""",
    )
    assert on_call(found, "2026-06-30T08:00", "2026-06-30T16:00", "2026-07-04T21:00") == [
        ("alex",),
        ("kim",),
        ("alex",),
    ]
    assert on_call(found, "2026-07-01T07:59", "2026-07-01T08:00", "2026-07-01T10:00") == [
        ("alex",),
        ("drew",),
        ("alex",),
    ]
    assert on_call(found, "2026-07-02T08:00") == [("sam",)]
    assert (found.secondary, found.backup, found.time_zone) == (("robin",), ("legal",), "Europe/Berlin")


def test_a_single_member_needs_no_times(bench: Workbench) -> None:
    assert on_call(rotation(bench, "{members: [sam]}"), "2026-07-01T08:00") == [("sam",)]


MISTAKES = [
    ("{members: [alex, eve], starts: '2026-01-05 09:00', every: daily}", "there is no person 'eve'"),
    ("{members: [alex, sam], every: daily}", "'starts' is missing"),
    ("{members: [alex, sam], starts: '2026-01-05 09:00'}", "does not say when it is handed over"),
    ("{starts: '2026-01-05 09:00', every: daily}", "'members' is missing"),
    ("{members: [], every: daily}", "must not be empty"),
    ("{members: [alex], every: daily, hand_over: '09:00'}", "has both `every` and `hand_over`"),
    ("{members: [alex], every: monthly}", "'monthly' is not a length of a turn"),
    ("{members: [alex], every: 5m}", "a turn is whole minutes long, 30m to 366d"),
    ("{members: [alex], hand_over: ['Mon 25:00']}", "is not a time of the day"),
    ("{members: [alex], hand_over: ['Xyz 09:00']}", "'Xyz' is not a day of the week"),
    ("{members: [alex], hand_over: ['09:00', 'Mon 09:00']}", "names a time twice"),
    ("{members: [alex], hand_over: ['Sun 24:00', 'Mon 00:00']}", "names a time twice"),
    ("{members: [alex], only: [{from: '24:00', to: '06:00'}]}", "24:00 is the end of a day"),
    ("{members: [alex], backup: [x]}", "x cannot stand in for itself"),
    ("{members: [alex], secondary: [sam, x]}", "x cannot stand in for itself"),
    ("{members: [alex], starts: 'monday'}", "'monday' is not a time"),
    ("{members: [alex], starts: '2026-02-30 09:00'}", "there is no time 2026-02-30 09:00"),
    ("{members: [alex], time_zone: Europe/Berlim}", "there is no time zone 'Europe/Berlim'"),
    ("{members: [alex], layers: [{members: [sam]}]}", "has both layers and members of its own"),
    ("{members: [alex], calendar: a.ics}", "has both members and calendar"),
    ("{members: [alex], secondary: nobody}", "'nobody' is not allowed here"),
    ("{members: [alex], secondary: [nobody]}", "'nobody' is neither a person nor a target"),
    ("{members: [alex], backup: [nobody]}", "'nobody' is neither a person nor a target"),
    ("{members: [alex], overrides: [{person: eve, from: '2026-01-05 09:00', until: '2026-01-06 09:00'}]}",
     "there is no person 'eve'"),
    ("{members: [alex], overrides: [{person: sam, from: '2026-01-05 09:00', until: '2026-01-05 09:00'}]}",
     "ends before it begins"),
    ("{members: [alex], swaps: [{between: [alex, alex], from: '2026-01-05 09:00', until: '2026-01-06 09:00'}]}",
     "a person cannot swap with themselves"),
    ("{members: [alex], swaps: [{between: [alex], from: '2026-01-05 09:00', until: '2026-01-06 09:00'}]}",
     "must not be empty"),
    ("{slack_group: {channel: console, group: S0123}}", "the channel console is not a Slack channel"),
    ("{slack_group: {channel: console, group: team}}", "'team' is not a Slack user group id such as S0123ABCD"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_a_mistake_in_a_rotation_is_reported_at_its_line(bench: Workbench, text: str, told: str) -> None:
    line = added(bench, text)
    assert any(problem.startswith(f"people.yaml:{line}:") and told in problem for problem in bench.problems())


def test_one_name_means_one_thing(bench: Workbench) -> None:
    bench.edit("people.yaml", HERE, f"  legal: {{members: [sam]}}\n{HERE}")
    assert any("'legal' is already the name of one of" in told for told in bench.problems())


def test_overrides_that_overlap_are_a_warning(bench: Workbench) -> None:
    line = added(
        bench,
        "{members: [alex], overrides: ["
        "{person: sam, from: '2026-01-05 09:00', until: '2026-01-06 09:00'}, "
        "{person: kim, from: '2026-01-06 08:00', until: '2026-01-07 09:00'}]}",
    )
    [told] = bench.warnings()
    assert told.startswith(f"people.yaml:{line}:")
    assert told.endswith(
        "for some of that time sam is named as well; this one counts; end the one where the other begins"
    )


@pytest.mark.parametrize(
    ("rotation", "is_of_use"),
    [
        ("members: [alex]", False),
        ("members: [alex, sam], every: daily, starts: '2026-01-01 00:00'", True),
        ("members: [alex], overrides: [{person: kim, from: '2026-01-05 00:00', until: '2026-01-06 00:00'}]", False),
    ],
)
def test_a_swap_of_two_who_are_never_on_call_is_a_warning(bench: Workbench, rotation: str, is_of_use: bool) -> None:
    swap = "{between: [sam, kim], from: '2026-01-05 09:00', until: '2026-01-06 09:00'}"
    line = added(bench, f"{{{rotation}, swaps: [{swap}]}}")
    told = f"people.yaml:{line}:"
    said = "neither sam nor kim is ever on call here: the swap changes nothing"
    assert is_of_use == (not any(one.startswith(told) and said in one for one in bench.warnings()))


def test_a_swap_with_a_person_already_on_call_by_a_swap_has_no_effect(bench: Workbench) -> None:
    times = "from: '2026-01-05 09:00', until: '2026-01-06 09:00'"
    swaps = f"[{{between: [alex, sam], {times}}}, {{between: [sam, kim], {times}}}]"
    found = rotation(bench, f"{{members: [alex], swaps: {swaps}}}")
    assert on_call(found, "2026-01-05T12:00") == [("kim",)]
    assert bench.warnings() == []


def test_a_slack_group_on_a_channel_that_is_not_configured_is_a_warning(bench: Workbench) -> None:
    added(bench, "{slack_group: {channel: slack, group: S0123}}")
    [told] = bench.warnings()
    assert "no channel 'slack' is configured: this rotation has no members" in told


def test_a_gap_is_a_warning_of_check_unless_a_backup_is_paged(bench: Workbench) -> None:
    line = added(bench, "{members: [alex], only: [{days: Mon-Fri, from: '09:00', to: '17:00'}]}")

    def warnings() -> list[str]:
        found = load(bench.config, bench.rules, KINDS, {}, now=utc("2026-07-03T12:00")).warnings
        return [str(each).replace(f"{bench.config}/", "") for each in found]

    [told] = warnings()
    assert told.startswith(
        f"people.yaml:{line}:3: no one is on call for x from 2026-07-03 17:00 until 2026-07-06 09:00 (UTC), "
        "and in 41 more gaps of the next 60 days"
    )
    assert bench.warnings() == []
    bench.edit("people.yaml", "to: '17:00'}]}", "to: '17:00'}], backup: [sam]}")
    assert warnings() == []


# Contact methods.


def with_methods(bench: Workbench, methods: str) -> int:
    line, _ = bench.edit(
        "people.yaml", "    email: sam@example.com\n    contact: {channel: console}\n",
        f"    email: sam@example.com\n    methods: {methods}\n",
    )  # fmt: skip
    return line + 1


def test_the_first_method_is_used_at_once_and_the_others_after_their_time(bench: Workbench) -> None:
    with_methods(
        bench, "[{channel: chat, station: north}, {channel: console, after: 2m}, {channel: console, after: 5m}]"
    )
    sam = bench.load(CHAT).people.persons["sam"]
    console = Contact("console", "console")
    assert sam.contact == Contact("chat", "north")
    assert sam.further == (Method(console, 2 * MINUTE), Method(console, 5 * MINUTE))


@pytest.mark.parametrize(
    ("methods", "told"),
    [
        ("[{channel: console, after: 2m}]", "the first method is used at once"),
        ("[{channel: console}, {channel: console, after: 5m}, {channel: console, after: 2m}]",
         "this method comes before the one above it"),
        ("[{channel: console}, {after: 5m}]", "'channel' is missing"),
        ("[{channel: chat, after: 0s}]", "'station' is missing"),
        ("[]", "must not be empty"),
        ("[{channel: console}]\n    contact: {channel: console}", "has both `contact` and `methods`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_persons_methods_is_reported(bench: Workbench, methods: str, told: str) -> None:
    with_methods(bench, methods)
    assert any(told in problem for problem in bench.problems(CHAT))


def test_a_method_without_a_channel_is_skipped_and_a_person_without_any_is_reported(bench: Workbench) -> None:
    line = with_methods(bench, "[{channel: phone}, {channel: console, after: 2m}]")
    assert bench.warnings() == [
        f"people.yaml:{line}:25: no channel 'phone' is configured: this method is skipped; known: console"
    ]
    bench.edit("people.yaml", "{channel: console, after: 2m}]", "{channel: mail, after: 2m}]")
    told = "sam may be paged and no channel of their methods is configured: "
    told += "that page goes to the playbook's announce targets, else to the console"
    assert f"people.yaml:{line}:5: {told}; configure one of the channels" in bench.warnings()


def test_a_target_has_further_contacts(bench: Workbench) -> None:
    bench.edit("people.yaml", "customers: {channel: console}",
               "customers: {channel: chat, station: north, otherwise: [{channel: console}]}")  # fmt: skip
    people = bench.load(CHAT).people
    assert (people.places["customers"], people.spares["customers"]) == (
        Contact("chat", "north"), (Contact("console", "console"),),
    )  # fmt: skip


def test_a_rotation_that_has_not_begun_is_a_warning_although_its_backup_is_paged(bench: Workbench) -> None:
    line = added(bench, '{members: [alex, sam], starts: "2027-03-03 09:00", every: weekly, backup: [kim]}')
    told = [str(warning) for warning in load(bench.config, bench.rules, KINDS, {}, now=utc("2026-06-01")).warnings]
    [warning] = [text for text in told if "backup" in text]
    assert f"people.yaml:{line}:" in warning
    assert "no one is on call for x before 2027-03-03 09:00 (UTC): until then kim is paged as the backup" in warning
    later = load(bench.config, bench.rules, KINDS, {}, now=utc("2027-06-01")).warnings
    assert not any("paged as the backup" in str(text) for text in later)


def test_a_test_begins_when_every_rotation_has_begun(bench: Workbench) -> None:
    assert default_start(bench.load().people) == utc("2026-01-05T09:00")
    added(bench, '{members: [alex, sam], starts: "2027-03-03 09:00", every: weekly, backup: [kim]}')
    assert default_start(bench.load().people) == utc("2027-03-08T09:00")
