"""Attacks past the limits of calendar files: what is left is read, the rest is told with its line, and counted."""

from scenario.attacks import Case, meanwhile
from scenario.besieged import CALENDAR, PEOPLE, Besieged

FILE = "config/duty.ics"
DAY = "DTSTART:20200105T090000Z\nDTEND:20200105T100000Z"
BY_CALENDAR = {**PEOPLE, "rotations": {"primary": {"calendar": "duty.ics", "backup": ["morgan"]}}}
FILES = {"config/people.yaml": BY_CALENDAR, FILE: CALENDAR.replace("{more}", "")}


def events(*bodies: str, before: str = "") -> str:
    """A calendar in which alex is on call for years, and more."""
    more = "".join(f"BEGIN:VEVENT\n{body}\nEND:VEVENT\n" for body in bodies)
    return CALENDAR.replace("{more}", f"{before}{more}")


def many(count: int, body: str) -> str:
    return events(*(f"UID:{number}\nSUMMARY:alex\n{body}" for number in range(count)))


def of_rule(rule: str, count: int = 1) -> str:
    return many(count, f"{DAY}\nRRULE:{rule}")


def zone(rule: str) -> str:
    parts = f"DTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:{rule}"
    defined = f"BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\n{parts}\nEND:STANDARD\nEND:VTIMEZONE\n"
    return events("UID:1\nSUMMARY:morgan\nDTSTART;TZID=Mine:20200105T090000\nDURATION:PT1H", before=defined)


def faulty(name: str, content: str, said: str) -> Case:
    """Return the case of a calendar of which a part is not read."""

    async def attack(tocsin: Besieged) -> None:
        tocsin.write(FILE, content)
        result = await tocsin.reload()
        told = (*result.notes, *result.errors)
        [note, *_] = [note for note in told if said in note] or [str(told)[:1000]]
        assert said in note, note
        path, line, _ = note.removeprefix(f"{tocsin.folder}/").split(":", 2)
        assert path == FILE
        assert int(line) > 0
        await tocsin.daemon.housekeeper.run_once()
        assert tocsin.figure("oncall_calendar_faults") >= 1

    return meanwhile(attack, name, files=FILES)


async def calendar_bytes(tocsin: Besieged) -> None:
    before = tocsin.daemon.bundle
    tocsin.write(FILE, MANY)
    result = await tocsin.reload()
    [error] = result.errors
    assert "(line 1 is larger than 4 MiB; what comes after that is not read)" in error, error
    assert tocsin.daemon.bundle is before


MANY = many(45_000, DAY)
NESTED = "BEGIN:VTODO\n" * 50 + "END:VTODO\n" * 50

CASES = (
    meanwhile(calendar_bytes, files=FILES),
    faulty("calendar_shifts", many(21_000, DAY), "only the 20000 that begin last are read"),
    faulty("calendar_line", events(f"UID:1\nSUMMARY:morgan{'x' * (2 << 20)}\n{DAY}"), "a line is longer than 1 MiB"),
    faulty("calendar_depth", events(before=NESTED), "nested deeper than 16 levels"),
    faulty("calendar_times_a_day", of_rule("FREQ=SECONDLY"), "86400 times a day"),
    faulty("calendar_times_of_a_file", of_rule("FREQ=HOURLY", 50), "more than 1000 times a day"),
    faulty("calendar_counted", of_rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9", 20), "takes too long to count"),
    faulty("calendar_zone", zone("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU"), "neither the file nor"),
    faulty("calendar_event_time", many(1, "DTSTART:19000101T000000Z\nDTEND:21990101T000000Z"), "ten years"),
)
