"""Groups of alerts with the same text, shown once, with the labels that distinguish their members.

Thirty pods that crash-loop have one summary, and thirty descriptions that differ only in the pod's name: a page shows
the text once and lists the pods.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tocsin.channels.text import cut_list, cut_words, one_line, sentence
from tocsin.core.alerts.alert import SELF_ALERT
from tocsin.core.content.page import AlertLine

IDENTIFYING = (
    *("incident", "pod", "instance", "node", "hostname", "host", "device", "mountpoint", "persistentvolumeclaim"),
    *("container",),
    *("deployment", "statefulset", "daemonset", "job_name", "namespace", "service", "queue", "topic", "target", "url"),
)
"""Labels that identify the affected object, the most specific first."""

HEADLINE_LABELS = 2
"""Maximum number of identifying labels in a headline."""
HEADLINE_VALUE_LIMIT = 60
"""Maximum number of characters of such a label's value."""
_OWN_LABELS = frozenset({"alertname", "reason", "source", "fault"})
"""The labels of tocsin's own alerts, which their texts already say in words."""
_COMPARED_CHARACTERS = 4000
"""Maximum number of characters of a text that are compared: an annotation may hold 64 KiB."""
_SHORTEST_VALUE = 2
"""A label value of one character is no name: it would be found everywhere in a text."""
_MORE = len(" and 10000 more")
_DIGITS = re.compile(r"(\d+)", re.ASCII)
_LABEL_DUMP = re.compile(r"[\s,;]*\bLABELS\s*[=:]\s*(map\[|\{|\[).*", re.DOTALL)
"""The list of labels at the end of many public rules' descriptions; labels are shown anyway."""


class Member(Struct, frozen=True):
    """One alert of a group."""

    apart: str
    """The labels that distinguish this alert: ``api-1``, or ``pod=api-1, shard=2``; "" if there are none."""
    description: str = ""
    """The member's own description, if the group has none in common."""


class AlertGroup(Struct, frozen=True, kw_only=True):
    """Alerts with the same name, state and text."""

    name: str
    is_firing: bool
    summary: str
    description: str
    """The common description, with the first alert's values; "" if the descriptions differ."""
    apart_by: str
    """The one label that distinguishes the members; "" if several labels are needed."""
    members: tuple[Member, ...]
    labels: tuple[tuple[str, str], ...]
    """The labels that all alerts share, without the name."""
    since: int | None
    """Start of the first alert."""
    first: AlertLine
    repeated: int = 0
    """Number of alerts left out because a member has the same labels except for the severity."""

    def size(self, unseen: int = 0) -> int:
        """Return the number of alerts; ``unseen`` is the number of members that are not in the sample."""
        return len(self.members) + unseen + self.repeated

    def objects(self, unseen: int = 0) -> str:
        """Return how many objects the alerts are about: ``on 30 pods``; "" for one, or if each alert has its own."""
        number = len(self.members) + unseen
        if not self.repeated or number == 1:
            return ""
        named = self.apart_by if self.apart_by in IDENTIFYING and self.apart_by.isalpha() else "object"
        return f"on {number} {named}s"

    def text(self, limit: int, shown: str = "") -> str:
        """Return the common text in one line, without what ``shown`` already contains."""
        texts = [text for text in (self.summary, self.description) if text and not _is_within(text, shown)]
        if len(texts) > 1 and _is_within(texts[0], texts[1]):
            del texts[0]
        return cut_words(" ".join(map(sentence, texts)), limit)

    def facts(self, limit: int, shown: str = "", unseen: int = 0) -> str:
        """Return the text of the first alert; without a text, the identifying labels."""
        if self.summary or self.description:
            text = self.text(limit, shown)
            return f"One of the {self.size(unseen)} alerts: {text}" if text and self._names_its_first else text
        values = dict(self.labels)
        pairs = [pair(name, values[name]) for name in IDENTIFYING if name in values and values[name] not in shown]
        return cut_list(pairs, limit) if pairs else ""

    def place(self, shown: str = "") -> list[str]:
        """Return the identifying labels of alerts without a text, spelled for a headline: ``mountpoint /var``."""
        if self.summary or self.description:
            return []
        values = dict(self.labels)
        named = [name for name in IDENTIFYING if name in values and values[name] and values[name] not in shown]
        return [f"{name} {one_line(values[name])[:HEADLINE_VALUE_LIMIT]}" for name in named[:HEADLINE_LABELS]]

    def members_in_words(self, limit: int, unseen: int = 0, most: int = 10) -> list[str]:
        """Return lines of at most ``limit`` characters with the labels that distinguish the members.

        The list is empty if there is only one alert. ``unseen`` is the number of further members; ``most`` limits the
        number of lines if members have their own text.
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
        """Return the labels that all alerts of the group share.

        The severity is left out if alerts that are not shown may have another severity.
        """
        if self.apart_by == "incident":  # the members are incidents of a storm: these pairs are not labels of alerts
            return []
        return [pair(name, value) for name, value in self.labels if not (unseen or self.repeated) or name != "severity"]

    @property
    def _names_its_first(self) -> bool:
        """Return whether the common text contains the name of the first member."""
        name = self.members[0].apart
        return len(self.members) > 1 and bool(name) and (name in self.description or name in self.summary)


def pair(name: str, value: str) -> str:
    """Return a label as text; a value with spaces is put in quotes: ``team="data platform"``."""
    name, value = one_line(name), one_line(value[:_COMPARED_CHARACTERS])
    return f'{name}="{value}"' if " " in value else f"{name}={value}"


def grouped(alerts: Iterable[AlertLine]) -> tuple[AlertGroup, ...]:
    """Return the groups of some alerts, in the order of their first alerts."""
    alike: dict[tuple[str, bool], list[AlertLine]] = {}
    for alert in distinct(alerts):
        alike.setdefault((alert.labels.get("alertname", ""), alert.firing), []).append(alert)
    return tuple(group for together in alike.values() for group in _by_summary(together))


def common_place(alerts: Sequence[AlertLine], shown: str = "") -> list[str]:
    """Return the identifying labels for a headline if alerts without a text are all about one object; else none.

    Alerts that have resolved count as well, so that the headline stays the same when some of them resolve.
    """
    if any(map(_summary, alerts)):  # the usual case, which needs no groups
        return []
    places = [group.place(shown) for group in grouped(alerts)]
    return places[0] if places and all(place == places[0] for place in places) else []


def distinct(alerts: Iterable[AlertLine]) -> list[AlertLine]:
    """Return one alert for each set of labels, the newest: if an alert fires again, the older one has resolved."""
    return list({tuple(sorted(alert.labels.items())): alert for alert in reversed(list(alerts))}.values())[::-1]


def once_each(alerts: Iterable[AlertLine]) -> list[AlertLine]:
    """Return one alert for each object: of alerts that have the same labels except for the severity, the first."""
    first: dict[tuple[bool, tuple[tuple[str, str], ...]], AlertLine] = {}
    for alert in alerts:
        labels = tuple(sorted((name, value) for name, value in alert.labels.items() if name != "severity"))
        first.setdefault((alert.firing, labels), alert)
    return list(first.values())


def _by_summary(alerts: Sequence[AlertLine]) -> list[AlertGroup]:
    varying = _varying(alerts)
    by_text: dict[str, list[AlertLine]] = {}
    for alert in alerts:
        by_text.setdefault(_without_names(_summary(alert), alert, varying), []).append(alert)
    return [_group(each) for each in by_text.values()]


def _group(alerts: Sequence[AlertLine]) -> AlertGroup:
    varying, size = _varying(alerts), len(alerts)
    alerts = once_each(alerts)
    label = _best(alerts, varying)
    alerts = sorted(alerts, key=lambda alert: _sort_key(_apart(alert, label, varying)))
    first = alerts[0]
    is_own = first.labels.get("alertname") == SELF_ALERT and first.labels.keys() <= _OWN_LABELS
    hidden = {*varying, "alertname", *(_OWN_LABELS if is_own else ())}
    descriptions = [_description(alert) for alert in alerts]
    alike = {_without_names(text, alert, varying) for text, alert in zip(descriptions, alerts, strict=True)}
    return AlertGroup(
        name="Details" if is_own else one_line(first.labels.get("alertname", "alert")),
        is_firing=first.firing,
        summary=_summary(first),
        description=descriptions[0] if len(alike) == 1 else "",
        apart_by=label,
        members=tuple(
            Member(_apart(alert, label, varying), "" if len(alike) == 1 else text)
            for text, alert in zip(descriptions, alerts, strict=True)
        ),
        labels=tuple((name, value) for name, value in first.labels.items() if name not in hidden),
        since=min((alert.starts_at for alert in alerts if alert.starts_at is not None), default=None),
        first=first,
        repeated=size - len(alerts),
    )


def _varying(alerts: Sequence[AlertLine]) -> tuple[str, ...]:
    """Return the labels whose values differ between alerts."""
    if len(alerts) == 1:
        return ()
    names = dict.fromkeys(name for alert in alerts for name in alert.labels)
    return tuple(name for name in names if len({alert.labels.get(name, "") for alert in alerts}) > 1)


def _best(alerts: Sequence[AlertLine], varying: Sequence[str]) -> str:
    """Return a single label that distinguishes these alerts; "" if there is none."""
    unique = [name for name in varying if len({alert.labels.get(name, "") for alert in alerts}) == len(alerts)]
    known = [name for name in IDENTIFYING if name in unique]
    return next(iter(known or sorted(unique, key=lambda name: (len(alerts[0].labels.get(name, "")), name))), "")


def _apart(alert: AlertLine, label: str, varying: Sequence[str]) -> str:
    if label:
        return one_line(alert.labels.get(label, "")[:_COMPARED_CHARACTERS]) or "none"
    shown = [name for name in IDENTIFYING if name in varying] or list(varying)
    return ", ".join(pair(name, alert.labels.get(name, "")) for name in shown[:4])


def _sort_key(text: str) -> list[tuple[int, str]]:
    """Return a sort key that puts ``db-9`` before ``db-10``."""
    return [(len(part), part) if part.isdigit() else (0, part) for part in _DIGITS.split(text)]


def _summary(alert: AlertLine) -> str:
    return one_line(alert.annotations.get("summary", "")[:_COMPARED_CHARACTERS])


def _description(alert: AlertLine) -> str:
    """Return the description: kube-prometheus uses ``description``, older rules use ``message``."""
    text = alert.annotations.get("description") or alert.annotations.get("message") or ""
    return one_line(_LABEL_DUMP.sub("", text[:_COMPARED_CHARACTERS]))


def _without_names(text: str, alert: AlertLine, varying: Sequence[str]) -> str:
    """Return the text with each varying label value replaced by the label's name, longest value first."""
    values = {alert.labels.get(name, ""): name for name in varying}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST_VALUE:
            text = text.replace(one_line(value[:_COMPARED_CHARACTERS]), f"\0{values[value]}\0")
    return text


def _is_within(text: str, other: str) -> bool:
    """Return whether another text contains all the information of this one."""
    return _bare(text) in _bare(other)


def _bare(text: str) -> str:
    return text.strip(" .!").casefold()
