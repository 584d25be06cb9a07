"""``tocsin oncall`` against a real daemon: current on-call people, overrides and swaps."""

import json
from typing import Any

import pytest

from cli.daemons import Running

ROTATION = "on-call-engineer"


def on_call(daemon: Running, *at: str) -> dict[str, Any]:
    found = json.loads(daemon.run("oncall", *at, "--json").output)
    return next(one for one in found["rotations"] if one["name"] == ROTATION)


def made(daemon: Running, *arguments: str) -> dict[str, Any]:
    told = daemon.run("oncall", *arguments, "--json")
    assert told.exit_code == 0, told.output
    override: dict[str, Any] = json.loads(told.output)
    return override


def test_it_says_who_has_each_rotation_and_who_is_next(daemon: Running) -> None:
    told = daemon.run("oncall").output
    assert all(name in told for name in (ROTATION, "engineering-manager", "vp-engineering-on-call"))
    assert on_call(daemon)["on_call"][0]["name"] in told


def test_an_override_takes_effect_at_once_and_is_ended_again(daemon: Running) -> None:
    before = [one["name"] for one in on_call(daemon)["on_call"]]
    override = made(daemon, "override", ROTATION, "--person", "kim", "--for", "8h", "--comment", "a day off")
    assert [one["name"] for one in on_call(daemon)["on_call"]] == ["kim"]
    assert (override["person"], override["comment"], override["swap_with"]) == ("kim", "a day off", None)
    ended = daemon.run("oncall", "end", override["id"])
    assert ": ended, " in ended.output
    assert [one["name"] for one in on_call(daemon)["on_call"]] == before
    assert daemon.run("oncall", "end", override["id"]).exit_code == 1


def test_a_swap_gives_each_the_shifts_of_the_other(daemon: Running) -> None:
    times = ("--from", "2027-03-01T00:00Z", "--until", "2027-03-02T00:00Z")
    noon = ("--at", "2027-03-01T12:00Z")
    [had] = [one["name"] for one in on_call(daemon, *noon)["on_call"]]
    other = next(name for name in ("alex", "taylor", "jamie") if name != had)
    swap = made(daemon, "swap", ROTATION, had, other, *times)
    assert [one["name"] for one in on_call(daemon, *noon)["on_call"]] == [other]
    assert f"{had} and {other} swap shifts" in daemon.run("oncall", *noon).output
    assert daemon.run("oncall", "end", swap["id"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("override", ROTATION, "--person", "kim"), 2, "give --for or --until"),
        (("override", ROTATION, "--person", "kim", "--for", "8"), 1, "duration is not a duration"),
        (("override", ROTATION, "--person", "kim", "--for", "8h", "--from", "tomorrow"), 2, "is not a time"),
        (("override", "nobody", "--person", "kim", "--for", "8h"), 1, "there is no rotation 'nobody'"),
        (("override", ROTATION, "--person", "nobody", "--for", "8h"), 1, "there is no person 'nobody'"),
        (("swap", ROTATION, "kim", "kim", "--for", "8h"), 1, "a person cannot swap with themselves"),
        (("end", "nothing"), 1, "there is no override with the id 'nothing'"),
    ],
)
def test_what_cannot_be_says_why(daemon: Running, arguments: tuple[str, ...], code: int, told: str) -> None:
    found = daemon.run("oncall", *arguments)
    assert (found.exit_code, told in found.output) == (code, True), found.output
