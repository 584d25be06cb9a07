"""Alerts that say the same, told once, with what sets each of them apart.

Thirty pods that crash-loop have one summary, and thirty descriptions that
differ in the pod's name alone: a page says it once and lists the pods.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tocsin.channels.text import cut_list, cut_words, one_line, sentence
from tocsin.core.page import AlertLine

IDENTIFYING = (
    *("incident", "pod", "instance", "node", "hostname", "host", "device", "mountpoint", "persistentvolumeclaim"),
    *("container",),
    *("deployment", "statefulset", "daemonset", "job_name", "namespace", "service", "queue", "topic", "target", "url"),
)
"""Labels that say which of several things is ill, the best first."""

_COMPARED = 4000
"""Characters of a text that are looked at: an annotation may hold 64 KiB."""
_SHORTEST_VALUE = 2
"""A label value of one character is no name: it would be found everywhere in a text."""
_MORE = len(" and 10000 more")
_DIGITS = re.compile(r"(\d+)", re.ASCII)
_LABEL_DUMP = re.compile(r"[\s,;]*\bLABELS\s*[=:]\s*(map\[|\{|\[).*", re.DOTALL)
"""What many public rules end their descriptions with: labels, which are shown anyway."""


class Member(Struct, frozen=True):
    """One alert of a group."""

    apart: str
    """What sets it apart: ``api-1``, or ``pod=api-1, shard=2``; "" where nothing does."""
    description: str = ""
    """Its own description, where the group has none in common."""


class AlertGroup(Struct, frozen=True, kw_only=True):
    """Alerts of one name and one state that say the same."""

    name: str
    is_firing: bool
    summary: str
    description: str
    """What all of them say, in the words of the first; "" where each says something of its own."""
    apart_by: str
    """The label that sets its members apart, "" where it takes several."""
    members: tuple[Member, ...]
    labels: tuple[tuple[str, str], ...]
    """Those that all of them share, without the name."""
    since: int | None
    """When the first of them began to fire."""
    first: AlertLine

    def text(self, limit: int, shown: str = "") -> str:
        """Return what all of them say, in one line; nothing of what has been ``shown`` already is repeated."""
        said = [text for text in (self.summary, self.description) if text and not _is_within(text, shown)]
        if len(said) > 1 and _is_within(said[0], said[1]):
            del said[0]
        return cut_words(" ".join(map(sentence, said)), limit)

    def facts(self, limit: int, shown: str = "") -> str:
        """Return what the first of them says; where they have no texts, the labels that say what is ill."""
        if self.summary or self.description:
            text = self.text(limit, shown)
            return f"For example: {text}" if text and self._names_its_first else text
        told = dict(self.labels)
        found = [pair(name, told[name]) for name in IDENTIFYING if name in told and told[name] not in shown]
        return f"({cut_list(found, limit)})" if found else ""

    def members_in_words(self, limit: int, unseen: int = 0, most: int = 10) -> list[str]:
        """Return lines about what sets the members apart, of at most ``limit`` characters each; none for one alert.

        ``unseen`` more alerts are not among the members; ``most`` lines are written where each has words of its own.
        """
        names = [member.apart for member in self.members]
        if any(member.description for member in self.members):
            lines = [
                cut_words(": ".join(filter(None, [member.apart, member.description])), limit)
                for member in self.members[:most]
            ]
            left = len(names) - len(lines) + unseen
            return [*lines, f"and {left} more"] if left else lines
        if len(names) + unseen == 1 or not all(names):
            return [f"and {unseen} more"] if unseen else []
        by = f"{self.apart_by} " if self.apart_by and self.apart_by != "incident" else ""
        if self._names_its_first:
            more = len(names) - 1 + unseen
            what = f" {self.apart_by}s" if self.apart_by.isalpha() else ""
            by = f"Also {more} more{what if more > 1 else ''}: "
            names = names[1:]
        return [f"{by}{cut_list(names, max(limit // 2, limit - len(by) - _MORE), unseen)}"]

    def labels_in_words(self, unseen: int = 0) -> list[str]:
        """Return the labels that all of them share; not the severity where ``unseen`` alerts may have another one."""
        if self.apart_by == "incident":  # of a storm's members these are no labels
            return []
        return [pair(name, value) for name, value in self.labels if not unseen or name != "severity"]

    @property
    def _names_its_first(self) -> bool:
        """Whether what all of them say names the first one."""
        name = self.members[0].apart
        return len(self.members) > 1 and bool(name) and (name in self.description or name in self.summary)


def pair(name: str, value: str) -> str:
    """Return a label as text, its value in quotes where that has spaces: ``team="data platform"``."""
    name, value = one_line(name), one_line(value[:_COMPARED])
    return f'{name}="{value}"' if " " in value else f"{name}={value}"


def grouped(alerts: Iterable[AlertLine]) -> tuple[AlertGroup, ...]:
    """Return the groups of some alerts, in the order in which each begins."""
    alike: dict[tuple[str, bool], list[AlertLine]] = {}
    for alert in distinct(alerts):
        alike.setdefault((alert.labels.get("alertname", ""), alert.firing), []).append(alert)
    return tuple(group for together in alike.values() for group in _by_summary(together))


def distinct(alerts: Iterable[AlertLine]) -> list[AlertLine]:
    """Return the newest of the alerts that have the same labels: one that fires again has resolved before."""
    return list({tuple(sorted(alert.labels.items())): alert for alert in reversed(list(alerts))}.values())[::-1]


def _by_summary(alerts: Sequence[AlertLine]) -> list[AlertGroup]:
    varying = _varying(alerts)
    found: dict[str, list[AlertLine]] = {}
    for alert in alerts:
        found.setdefault(_without_names(_summary(alert), alert, varying), []).append(alert)
    return [_group(each) for each in found.values()]


def _group(alerts: Sequence[AlertLine]) -> AlertGroup:
    varying = _varying(alerts)
    label = _best(alerts, varying)
    alerts = sorted(alerts, key=lambda alert: _in_order(_apart(alert, label, varying)))
    first = alerts[0]
    descriptions = [_description(alert) for alert in alerts]
    alike = {_without_names(text, alert, varying) for text, alert in zip(descriptions, alerts, strict=True)}
    return AlertGroup(
        name=one_line(first.labels.get("alertname", "alert")),
        is_firing=first.firing,
        summary=_summary(first),
        description=descriptions[0] if len(alike) == 1 else "",
        apart_by=label,
        members=tuple(
            Member(_apart(alert, label, varying), "" if len(alike) == 1 else text)
            for text, alert in zip(descriptions, alerts, strict=True)
        ),
        labels=tuple((name, value) for name, value in first.labels.items() if name not in {*varying, "alertname"}),
        since=min((alert.starts_at for alert in alerts if alert.starts_at is not None), default=None),
        first=first,
    )


def _varying(alerts: Sequence[AlertLine]) -> tuple[str, ...]:
    """Return the labels that are not the same in all alerts."""
    if len(alerts) == 1:
        return ()
    names = dict.fromkeys(name for alert in alerts for name in alert.labels)
    return tuple(name for name in names if len({alert.labels.get(name, "") for alert in alerts}) > 1)


def _best(alerts: Sequence[AlertLine], varying: Sequence[str]) -> str:
    """Return the label that alone tells these alerts apart; "" where none does."""
    unique = [name for name in varying if len({alert.labels.get(name, "") for alert in alerts}) == len(alerts)]
    known = [name for name in IDENTIFYING if name in unique]
    return next(iter(known or sorted(unique, key=lambda name: (len(alerts[0].labels.get(name, "")), name))), "")


def _apart(alert: AlertLine, label: str, varying: Sequence[str]) -> str:
    if label:
        return one_line(alert.labels.get(label, "")[:_COMPARED]) or "none"
    shown = [name for name in IDENTIFYING if name in varying] or list(varying)
    return ", ".join(pair(name, alert.labels.get(name, "")) for name in shown[:4])


def _in_order(text: str) -> list[tuple[int, str]]:
    """A key that puts ``db-9`` before ``db-10``."""
    return [(len(part), part) if part.isdigit() else (0, part) for part in _DIGITS.split(text)]


def _summary(alert: AlertLine) -> str:
    return one_line(alert.annotations.get("summary", "")[:_COMPARED])


def _description(alert: AlertLine) -> str:
    """The facts: kube-prometheus puts them into ``description``, older rules into ``message``."""
    text = alert.annotations.get("description") or alert.annotations.get("message") or ""
    return one_line(_LABEL_DUMP.sub("", text[:_COMPARED]))


def _without_names(text: str, alert: AlertLine, varying: Sequence[str]) -> str:
    """The text with each label value that varies replaced by the label's name, longest first."""
    values = {alert.labels.get(name, ""): name for name in varying}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_VALUE:
            text = text.replace(one_line(value[:_COMPARED]), f"\0{values[value]}\0")
    return text


def _is_within(text: str, other: str) -> bool:
    """Whether a text says nothing that another one does not say as well."""
    return _bare(text) in _bare(other)


def _bare(text: str) -> str:
    return text.strip(" .!").casefold()
