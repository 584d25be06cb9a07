"""Attacks past the limits of files: each reload is refused with the place and what to write; the daemon goes on."""

import asyncio
import threading
from typing import Any

from scenario.attacks import Case, once, repeated
from scenario.besieged import PLAYBOOK, Besieged
from tocsin.app.reload import Reloader
from tocsin.conf.bundle import Bundle

TEMPLATE = "config/templates/notice.md.j2"
PLAYBOOK_FILE = "config/playbooks/emergency-response.yaml"
RULES_FILE = "rules/10-attack.yaml"
ACTION = {"at": "opened", "message": "notice", "to": ["room"]}
WITH_TEMPLATE = {PLAYBOOK_FILE: {**PLAYBOOK, "actions": [ACTION]}, TEMPLATE: "{{ title }}\n"}


def refused(name: str, file: str, content: Any, said: str, hint: str, place: str = "", **setup: Any) -> Case:
    """Return the case of a file with which a reload is refused; ``place`` is that of the mistake if in another file."""

    async def attack(tocsin: Besieged) -> None:
        before = tocsin.daemon.bundle
        tocsin.write(file, content)
        result = await tocsin.reload()
        assert not result.ok, "it is taken over"
        [error] = [error for error in result.errors if said in error] or [str(result.errors)[:1000]]
        assert said in error, error
        assert hint, error
        assert hint in error, error
        path, line, column, _ = error.removeprefix(f"{tocsin.folder}/").split(":", 3)
        assert path == (place or file)
        assert int(line) > 0
        assert int(column) > 0
        assert tocsin.daemon.bundle is before, "the old configuration goes on"
        assert tocsin.logged("reload_failed")

    return repeated(attack, name, **setup)


def template(name: str, content: str, said: str, hint: str) -> Case:
    return refused(name, TEMPLATE, content, said, hint, files=WITH_TEMPLATE)


def rule(expression: str) -> dict[str, Any]:
    return {"rules": [{"name": "attack", "match": f'a=~"{expression}"', "set": {"severity": "SEV-1"}}]}


def windows(**parts: Any) -> dict[str, Any]:
    common = {"name": "Upgrade", "match": 'cluster="eu1"', "time_zone": "UTC", "starts": "2026-11-01 02:00"}
    return {"windows": [{**common, **parts}]}


def settings(**parts: Any) -> dict[str, Any]:
    """Settings that differ from the shipped defaults in one value only, which is refused."""
    return {"listen": "127.0.0.1:9099", **parts}


async def reading_time(tocsin: Besieged) -> None:
    released = threading.Event()

    def hang() -> Bundle:
        released.wait(60)
        return tocsin.daemon.bundle

    before = tocsin.daemon.bundle
    slow = Reloader(tocsin.daemon, hang, lambda _: None, patience=0.2)
    result = await slow.reload()
    released.set()
    assert result.errors == ("the configuration could not be read within 0.2 s",)
    assert tocsin.daemon.bundle is before
    await slow.close()
    await asyncio.sleep(0)


def duty(**parts: Any) -> dict[str, Any]:
    return {**PLAYBOOK, "duties": {"call": {"what": "Call", "since": "opened", "within": "2h", **parts}}}


LOOP, END = "{% for a in timeline %}", "{% endfor %}"
DAILY, HOURS = "FREQ=DAILY", "1,2,3,4,5,6,7,8,9,10,11"
UNUSED = "{{0 and 1" + "-1" * 25 + "}}"
"""Costs steps, and hardly any time."""
SIMPLER = "write it shorter or simpler"
WINDOWS_FILE = "config/windows.yaml"
REGEX_HINT = "repeat less, name smaller classes"

CASES = (
    refused("duties", PLAYBOOK_FILE,
            {**PLAYBOOK, "duties": {f"d{n}": {"what": "x", "since": "opened", "within": "1h"} for n in range(51)}},
            "dictionary should have at most 50", "at most 50 items"),
    refused("duty_characters", PLAYBOOK_FILE, duty(what="x" * 301), "string should have", "at most 300"),
    refused("meeting_guests", PLAYBOOK_FILE, duty(meeting={"invite": ["x"] * 31}), "tuple should have", "at most 30"),
    refused("meeting_agenda", PLAYBOOK_FILE, duty(meeting={"agenda": ["x"] * 21}), "tuple should have", "at most 20"),
    refused("file_bytes", RULES_FILE, "# " + "x" * 1_048_576, "is larger than 1 MiB", "split it"),
    refused("yaml_depth", RULES_FILE, f"rules: {'[' * 25}{']' * 25}", "deeper than 20 levels", "with fewer"),
    refused("yaml_aliases", RULES_FILE, "rules: &a [x]\nother: *a\n", "an alias (*name) is not", "write the value"),
    refused("secret_bytes", "config/token", "x" * 70_000, "is larger than 64 KiB", "put the secret into it",
            place="config/tocsin.yaml"),
    refused("regex_repetitions", RULES_FILE, rule("(?:ab){999}(?:cd){999}(?:ef){999}"), "too large", REGEX_HINT),
    refused("regex_classes", RULES_FILE, rule(r"\\pZ" * 101), "too large a regular expression", REGEX_HINT),
    refused("regex_bytes", RULES_FILE, rule(".{1,1000}"), "too large a regular expression", REGEX_HINT),
    refused("file_duration", PLAYBOOK_FILE, {**PLAYBOOK, "resolve_after": "3661d"}, "ten years", "write at most 3660d"),
    refused("file_numbers", "config/tocsin.yaml", settings(delivery={"concurrency": 1001}), "must be", "at most 1000"),
    refused("rotation_shift", "config/people.yaml",
            {"people": {"alex": {"contact": {"channel": "wire"}}},
             "rotations": {"primary": {"members": ["alex"], "starts": "2026-01-05 09:00", "every": "367d"}}},
            "30m to 366d", "write daily, weekly, or a length"),
    refused("closed_days", PLAYBOOK_FILE,
            {**PLAYBOOK, "business_hours": {"days": ["mon"], "holidays": [f"2027-{month:02}-{day:02}"
             for month in range(1, 13) for day in range(1, 29)]}}, "nothing opens for 31 days", "remove some"),
    refused("window_file_time", WINDOWS_FILE, windows(duration="32d"), "longer than 31 days", "write a rule"),
    refused("rrule_characters", WINDOWS_FILE, windows(duration="1h", rrule=f"{DAILY};BYHOUR={'1,' * 300}"),
            "longer than 500 characters", "for example FREQ=WEEKLY"),
    refused("rrule_times_a_day", WINDOWS_FILE,
            windows(duration="1m", rrule=f"{DAILY};BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5"), "25 times", "at most 24"),
    refused("rrule_set", WINDOWS_FILE, windows(duration="1m", rrule=f"FREQ=YEARLY;BYHOUR={HOURS};BYSETPOS=1"),
            "BYSETPOS", "4000"),
    refused("rrule_count", WINDOWS_FILE, windows(duration="1h", rrule=f"{DAILY};COUNT=10001"), "COUNT cannot",
            "write 1 to 10000"),
    template("template_characters", "x" * 65_537, "is longer than 65536 characters", "split it"),
    template("template_output", "{{ title }}" + "x" * 60_100, "more than 60000 characters", SIMPLER),
    template("template_depth", "{{ " + "not " * 45 + "title }}", "nested", "simpler"),
    template("template_loops", LOOP * 3 + END * 3, "at most 2 deep", "with fewer"),
    template("template_steps", LOOP * 2 + UNUSED * 950 + END * 2, "loops take too long", SIMPLER),
    template("template_numbers", "{{ 1000000000000000 * 10 * 10 }}", "is for numbers", SIMPLER),
    template("template_separator", f"{{{{ flags | join('{'x' * 21}') }}}}", "join is for a list", SIMPLER),
    once(reading_time),
)  # fmt: skip
