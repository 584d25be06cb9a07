"""The figures of a report, computed a second time: from timelines, pages and the script alone.

Nothing of `tocsin.core.measures` is used here but the names of the figures; playbooks, objectives and goals are read
from the configuration.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scenario.quarter import LOSSES, OBJECTIVES, USERS, ZONES, Quarter, Seen, Trouble, shipped
from scenario.quarter_events import Key, Owed, Spell, duties_of, items_of, spells

SECOND = 1_000_000
TARGETS = {"respond": 1, "acknowledge": 2, "resolve": 3}
"""The targets in the order of a report."""
DUE = ("due", "in_time", "late", "waived", "pending")
OWED = (*DUE, "open", "overdue")
Mean = dict[str, Any]
"""``seconds``, ``count``"""


def mean(values: Iterable[int]) -> Mean:
    listed = list(values)
    return {"seconds": sum(listed) / len(listed) / SECOND if listed else None, "count": len(listed)}


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def with_share(found: Mapping[str, int]) -> dict[str, Any]:
    return {**found, "in_time_ratio": share(found["in_time"], found["in_time"] + found["late"])}


def below(playbook: str, goal: str, limit: float, achieved: float | None, severity: str = "") -> dict[str, Any]:
    met = None if achieved is None else achieved < limit
    return {
        "playbook": playbook,
        "goal": goal,
        "severity": severity,
        "limit": limit,
        "achieved": achieved,
        "met": met,
    }


def recovered(service: str, objective: str, target: int, values: Sequence[int], unknown: int) -> dict[str, Any]:
    met = sum(value <= target for value in values)
    return {
        "service": service,
        "objective": objective,
        "target_seconds": target / SECOND,
        "met": met,
        "missed": len(values) - met,
        "unknown": unknown,
        "met_ratio": share(met, len(values)),
        "worst_seconds": max(values) / SECOND if values else None,
    }


def midnight(day: date, zone: str) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


class Ledger:
    """The figures of one period, for one playbook or service, or all, as a report has them in JSON."""

    def __init__(
        self, quarter: Quarter, days: tuple[date, date], now: int, months: int = 0, zone: str = "UTC", **only: str
    ) -> None:
        first, last = days
        self.days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        self.starts = [midnight(day, zone) for day in (*self.days, last + timedelta(days=1))]
        self.within = range(self.starts[0], self.starts[-1])
        self.months, self.zone = months, zone
        self.ends, self.now = min(self.within.stop, now + 1), now
        self.seen = [one for one in quarter.seen if all(getattr(one.trouble, k) == v for k, v in only.items())]
        self.plans = [plan for name, plan in sorted(shipped().playbooks.items()) if name == only.get("playbook", name)]
        self.spells = spells(self.seen)
        self.first = min(spell.opened for spell in spells(quarter.seen))
        self.of = {one.trouble.number: one.trouble for one in self.seen}
        self.pages = [page for page in quarter.pages if page[0] in self.within and page[2] in self.of]

    def measures(self) -> dict[str, Any]:
        """All figures."""
        duties = self.duties()
        return {
            **self.counts(self.spells),
            **self.times(self.spells),
            "between": self.between(self.spells),
            "levels": list(self.levels()),
            "playbooks": self.groups("playbook"),
            "services": self.groups("service"),
            "users": self.users(),
            "action_items": self.items(),
            "post_mortems": self.post_mortems(self.seen),
            "duties": with_share({name: sum(each[name] for each in duties) for name in OWED}),
            "duty_groups": duties,
            "recovery": list(self.recovery()),
            "pages": self.page_figures(),
            "people": self.people(),
            "goals": list(self.goals()),
        }

    def counts(self, some: Sequence[Spell]) -> dict[str, int]:
        began = [spell for spell in some if spell.opened in self.within]
        over = self.over(some)
        return {
            "incidents": sum(spell.nth == 1 for spell in began),
            "occurrences": len(began),
            "resolved": len(over),
            "unacknowledged": sum(spell.acknowledged is None for spell in over),
            "open": sum(
                spell.opened < self.ends and (spell.resolved is None or spell.resolved >= self.ends) for spell in some
            ),
        }

    def over(self, some: Iterable[Spell]) -> list[Spell]:
        return [spell for spell in some if spell.resolved is not None and spell.resolved in self.within]

    def times(self, some: Sequence[Spell]) -> dict[str, Mean]:
        acked = ((spell.acknowledged, spell.opened) for spell in some if spell.acknowledged is not None)
        return {
            "acknowledge": mean(at - opened for at, opened in acked if at in self.within),
            "resolve": mean((spell.ended or 0) - spell.opened for spell in self.over(some)),
            "detect": mean(spell.opened - spell.began for spell in some if spell.opened in self.within),
        }

    def between(self, some: Iterable[Spell]) -> Mean:
        began = [spell.opened for spell in some if spell.nth == 1 and spell.opened in self.within]
        length = min(self.within.stop, self.now) - max(self.within.start, self.first)
        failures = sum(opened > self.first for opened in began)
        return {"seconds": length / failures / SECOND if len(began) > 1 else None, "count": len(began)}

    def levels(self) -> Iterator[dict[str, Any]]:
        for plan in self.plans:
            for level in sorted(plan.levels, key=lambda level: level.rank):
                own = [s for s in self.spells if (s.seen.trouble.playbook, s.severity) == (plan.name, level.name)]
                counts, times = self.counts(own), self.times(own)
                targets = [self.target(own, name) for name, _ in level.promises if name != "update"]
                used = any(each["met"] or each["missed"] for each in targets)
                if used or counts["occurrences"] or any(times[name]["count"] for name in ("acknowledge", "resolve")):
                    names = ("incidents", "occurrences")
                    chosen = {name: counts[name] for name in names}
                    key = {"playbook": plan.name, "severity": level.name}
                    yield key | chosen | times | {"targets": sorted(targets, key=lambda each: TARGETS[each["target"]])}

    def target(self, own: list[Spell], target: str) -> dict[str, Any]:
        missed = met = 0
        for spell in own:
            broken = dict(spell.missed)
            missed += broken.get(target, -1) in self.within
            kept = spell.resolved if target == "resolve" else spell.acknowledged
            if target != "resolve" and kept is None and spell.seen.trouble.by_person:
                kept = spell.resolved
            met += target not in broken and kept is not None and kept in self.within
        return {"target": target, "met": met, "missed": missed, "met_ratio": share(met, met + missed)}

    def groups(self, by: str) -> list[dict[str, Any]]:
        pages = Counter(getattr(self.of[number], by) for _, _, number in self.pages)
        found = []
        for name in {getattr(one.trouble, by) for one in self.seen}:
            own = [spell for spell in self.spells if getattr(spell.seen.trouble, by) == name]
            counts, times = self.counts(own), self.times(own)
            if counts["occurrences"] or pages[name] or any(times[each]["count"] for each in ("acknowledge", "resolve")):
                chosen = {each: counts[each] for each in ("incidents", "occurrences")}
                found.append({"name": name, **chosen, "between": self.between(own), **times, "pages": pages[name]})
        return sorted(found, key=lambda each: (-each["incidents"], -each["occurrences"], each["name"]))

    def users(self) -> dict[str, Any]:
        told = [one.trouble for one in self.seen if any(e.kind == "fact" for e in one.entries)]
        first = {spell.seen.trouble.number for spell in self.spells if spell.nth == 1 and spell.opened in self.within}
        numbers = [USERS[one.users] for one in told if one.users is not None and one.number in first]
        known = [number for number in numbers if number is not None]
        return {
            "total": sum(known) if known else None,
            "per_incident": share(sum(known), len(known)),
            "known": len(known),
            "unknown": len(first) - len(known),
        }

    def items(self) -> dict[str, Any]:
        added: dict[Key, tuple[int, int]] = {}
        done: dict[Key, tuple[int, int]] = {}
        for one in self.seen:
            items_of(one, added, done)
        finished = [late for at, late in done.values() if at in self.within]
        left = self.left(added, done)
        return {
            "added": sum(at in self.within for at, _ in added.values() if at < self.ends),
            "done": len(finished),
            "done_late": sum(late > 0 for late in finished),
            "open": len(left),
            "overdue": sum(due < self.ends for _, due in left),
            "completion_ratio": share(len(finished), len(finished) + len(left)),
        }

    def left(self, added: dict[Key, tuple[int, int]], done: dict[Key, tuple[int, int]]) -> list[tuple[str, int]]:
        """(incident, due) of the items that are open at the end."""
        return [
            (key[0], due)
            for key, (at, due) in added.items()
            if at < self.ends and (key not in done or done[key][0] >= self.ends)
        ]

    def post_mortems(self, seen: Iterable[Seen]) -> dict[str, Any]:
        found = self.outcomes([duty for one in seen for duty in duties_of(one) if duty.name == "postmortem"])
        return with_share({name: found[name] for name in DUE})

    def duties(self) -> list[dict[str, Any]]:
        """By playbook and name, where anything was due or open."""
        groups: defaultdict[tuple[str, str], list[Owed]] = defaultdict(list)
        for one in self.seen:
            for duty in duties_of(one):
                if duty.name != "postmortem":
                    groups[duty.playbook, duty.name].append(duty)
        figures = [
            {"playbook": playbook, "duty": name, **with_share(self.outcomes(groups[playbook, name]))}
            for playbook, name in sorted(groups)
        ]
        return [each for each in figures if each["due"] or each["open"]]

    def outcomes(self, duties: list[Owed]) -> dict[str, int]:
        found = dict.fromkeys(OWED, 0)
        for duty in duties:
            is_left = duty.is_left(self.ends)
            found["open"] += is_left
            found["overdue"] += is_left and duty.due < self.ends
            if duty.due not in self.within:
                continue
            found["due"] += 1
            if duty.waived:
                found["waived"] += 1
            elif duty.ended is None and duty.due >= self.now:
                found["pending"] += 1
            else:
                found["late" if duty.ended is None or duty.late else "in_time"] += 1
        return found

    def recovery(self) -> Iterator[dict[str, Any]]:
        for service, objective in sorted(OBJECTIVES.items()):
            over = [spell for spell in self.over(self.spells) if spell.seen.trouble.service == service]
            if objective.rto is not None:
                outages = [(spell.ended or 0) - spell.began for spell in over]
                yield recovered(service, "rto", objective.rto, outages, 0)
            if objective.rpo is not None:
                once = {spell.seen.trouble.number: spell.seen.trouble for spell in over}.values()
                known = [LOSSES[one.loss] for one in once if one.loss is not None]
                losses = [loss for loss in known if loss is not None]
                yield recovered(service, "rpo", objective.rpo, losses, len(once) - len(losses))

    def is_night(self, at: int, person: str) -> date | None:
        """The evening's date."""
        there = datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(ZONES.get(person, self.zone)))
        return (there - timedelta(hours=12)).date() if there.hour >= 22 or there.hour < 7 else None

    def people(self) -> list[dict[str, Any]]:
        own: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for at, person, number in self.pages:
            own[person].append((at, number))
        figures = []
        for person, pages in own.items():
            nights = [night for at, _ in pages if (night := self.is_night(at, person))]
            figures.append(
                {
                    "person": person,
                    "pages": len(pages),
                    "incidents": len({number for _, number in pages}),
                    "at_night": len(nights),
                    "nights": len(set(nights)),
                    "share": len(pages) / len(self.pages),
                }
            )
        return sorted(figures, key=lambda each: (-each["pages"], -each["at_night"], each["person"]))

    def page_figures(self) -> dict[str, Any]:
        people = self.people()
        at_night = sum(each["at_night"] for each in people)
        most = max((each["pages"] for each in people), default=0)
        return {
            "pages": len(self.pages),
            "people": len(people),
            "at_night": at_night,
            "nights": sum(each["nights"] for each in people),
            "per_person": share(len(self.pages), len(people)),
            "per_night": share(at_night, sum(start < self.now for start in self.starts[:-1])),
            "busiest_ratio": most / (len(self.pages) / len(people)) if len(people) > 1 else None,
        }

    def goals(self) -> Iterator[dict[str, Any]]:
        for plan in self.plans:
            if plan.goals is None:
                continue
            own = [spell for spell in self.spells if spell.seen.trouble.playbook == plan.name]
            for level in plan.goals.mttr:
                resolve = self.times([spell for spell in own if spell.severity == level.severity])["resolve"]
                yield below(plan.name, "mttr", level.within / SECOND, resolve["seconds"], level.severity)
            if plan.goals.mttd is not None:
                yield below(plan.name, "mttd", plan.goals.mttd / SECOND, self.times(own)["detect"]["seconds"])
            if plan.goals.incidents_a_month is not None:
                months = max(1.0, self.months or len(self.days) / 30)
                is_known = self.first < min(self.within.stop, self.now)
                count = self.counts(own)["incidents"] / months if is_known else None
                yield below(plan.name, "incidents_a_month", plan.goals.incidents_a_month, count)
            if plan.goals.post_mortems_in_time:
                kept = self.post_mortems(one for one in self.seen if one.trouble.playbook == plan.name)["in_time_ratio"]
                goal = below(plan.name, "post_mortems_in_time", 1.0, kept)
                yield goal | {"met": None if kept is None else kept == 1}

    def slowest(self) -> list[tuple[str, int, float, int]]:
        """(incident, occurrence, seconds, pages) of the ten that took longest."""
        pages = Counter(number for _, _, number in self.pages)
        found = [
            (s.seen.trouble.number, s.nth, ((s.ended or 0) - s.opened) / SECOND, pages[s.seen.trouble.number])
            for s in sorted(self.over(self.spells), key=lambda s: s.opened)
        ]
        return sorted(found, key=lambda each: -each[2])[:10]

    def newest(self) -> list[tuple[str, int, int]]:
        """(incident, occurrence, pages) of all that began, the newest first."""
        pages = Counter(number for _, _, number in self.pages)
        began = [spell for spell in self.spells if spell.opened in self.within]
        return [
            (spell.seen.trouble.number, spell.nth, pages[spell.seen.trouble.number])
            for spell in sorted(began, key=lambda spell: -spell.opened)
        ]

    def noisiest(self) -> list[tuple[int, int, int]]:
        """(pages, occurrences, incidents) of the ten causes with the most: each is an alert's name and a service."""

        def cause(trouble: Trouble) -> tuple[str, str]:
            return trouble.labels["alertname"], trouble.service

        began = [spell for spell in self.spells if spell.opened in self.within]
        pages = Counter(cause(self.of[number]) for _, _, number in self.pages)
        spelled = Counter(cause(spell.seen.trouble) for spell in began)
        once = Counter(cause(spell.seen.trouble) for spell in began if spell.nth == 1)
        keys = pages.keys() | spelled.keys()
        return sorted(((pages[key], spelled[key], once[key]) for key in keys), reverse=True)[:10]

    def open_duties(self) -> list[tuple[int, str, str]]:
        """(due, incident, name of the duty) of all that are open at the end."""
        added: dict[Key, tuple[int, int]] = {}
        done: dict[Key, tuple[int, int]] = {}
        for one in self.seen:
            items_of(one, added, done)
        duties = [(one.trouble.number, duty) for one in self.seen for duty in duties_of(one)]
        found = [(duty.due, number, duty.name) for number, duty in duties if duty.is_left(self.ends)]
        return sorted([*found, *((due, number, "") for number, due in self.left(added, done))])

    def trend(self, step: int) -> list[dict[str, Any]]:
        """The figures of each day, or of as many days."""
        points = []
        for place in range(0, len(self.days), step):
            part = range(self.starts[place], self.starts[min(place + step, len(self.days))])
            if part.start > self.now:
                break
            paged = [page for page in self.pages if page[0] in part]
            acked = [s for s in self.spells if s.acknowledged is not None and s.acknowledged in part]
            over = [s for s in self.spells if s.resolved is not None and s.resolved in part]
            points.append(
                {
                    "first_day": self.days[place].isoformat(),
                    "incidents": sum(spell.nth == 1 and spell.opened in part for spell in self.spells),
                    "acknowledge_seconds": mean((s.acknowledged or 0) - s.opened for s in acked)["seconds"],
                    "resolve_seconds": mean((s.ended or 0) - s.opened for s in over)["seconds"],
                    "pages": len(paged),
                    "at_night": sum(self.is_night(at, person) is not None for at, person, _ in paged),
                }
            )
        return points
