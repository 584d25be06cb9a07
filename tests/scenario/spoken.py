"""Every message about three real alerts, in every channel, as readable text.

``python -m scenario.spoken`` (``make messages``) writes them to tests/fixtures/messages/.
"""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from functools import cache
from pathlib import Path

from msgspec import structs

from scenario.emergency import ROOT
from scenario.own_troubles import CALL_ALEX, TROUBLES
from tocsin.app.kinds import KINDS
from tocsin.channels.console import payload as console
from tocsin.channels.console.printed import Printed
from tocsin.channels.email import payload as email
from tocsin.channels.email.settings import EmailSettings
from tocsin.channels.pagerduty import payload as pagerduty
from tocsin.channels.slack import payload as slack
from tocsin.channels.twilio import payload as twilio
from tocsin.channels.twilio.settings import TwilioSettings
from tocsin.channels.webhook import payload as webhook
from tocsin.conf.bundle import Bundle, load
from tocsin.conf.secrets import Secret
from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.content.page import Content
from tocsin.core.errors import StoreLost, StoreUnavailable
from tocsin.core.incident.event import Actor
from tocsin.core.incident.outbox import Job
from tocsin.core.oncall.people import Contact
from tocsin.core.playbook.reminder import Reminder
from tocsin.engine.responses.declare import Declaration
from tocsin.engine.selfwatch.troubles import Fault, alert_of
from tocsin.store.sqlite.rescue import how_to_restore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness
from tocsin.testing.recording import RecordingChannel
from tocsin.web.alertmanager import payload as wire

FOLDER = ROOT / "tests" / "fixtures" / "messages"
PAYLOADS = ROOT / "tests" / "fixtures" / "alertmanager"
STARTS = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
"""A Friday: 04:00 in Berlin, where alex, who is on call, lives."""
OUTSIDE = "https://tocsin.example.com"

Scene = tuple[str, Content]
"""(what it shows, one message)"""


@cache
def bundle() -> Bundle:
    """The shipped configuration, with two people who live somewhere."""
    loaded = load(ROOT / "config", ROOT / "rules", KINDS, {})
    persons = dict(loaded.people.persons)
    persons["alex"] = structs.replace(persons["alex"], time_zone="Europe/Berlin")
    persons["morgan"] = structs.replace(persons["morgan"], time_zone="America/New_York")
    playbooks = {name: structs.replace(plan, actions=()) for name, plan in loaded.playbooks.items()}
    people = structs.replace(loaded.people, persons=persons)
    return dataclasses.replace(loaded, people=people, playbooks=playbooks)


def tocsin(changed: Bundle | None = None) -> Harness:
    harness = Harness.of(changed or bundle(), clock=VirtualClock(STARTS))
    harness.live.policy = dataclasses.replace(harness.live.policy, external_url=OUTSIDE)
    return harness


# The alerts.


def crash_looping_pods(severity: str = "critical", *, count: int = 30, first: int = 0) -> list[Alert]:
    """As kube-prometheus has it: one summary for all, the facts in the description."""
    return [
        _alert(
            {
                "alertname": "KubePodCrashLooping",
                "cluster": "eu-1",
                "container": "api",
                "endpoint": "http",
                "job": "kube-state-metrics",
                "namespace": "checkout",
                "pod": f"api-6f7d8c9b5-{number:05d}",
                "severity": severity,
                "uid": f"0b1c2d3e-0000-4000-8000-{number:012d}",
            },
            {
                "summary": "Pod is crash looping.",
                "description": f"Pod checkout/api-6f7d8c9b5-{number:05d} (api) is in waiting state "
                '(reason: "CrashLoopBackOff") on cluster eu-1.',
                "runbook_url": "https://runbooks.prometheus-operator.dev/runbooks/kubernetes/kubepodcrashlooping",
            },
        )
        for number in range(first, first + count)
    ]


def grafana(severity: str = "critical") -> list[Alert]:
    body = (PAYLOADS / "grafana_annotated.json").read_bytes()
    (alert,) = wire.read(body, "grafana", lambda: round(STARTS.timestamp() * 1_000_000)).alerts
    labels = {**alert.labels, "severity": severity}
    return [structs.replace(alert, labels=labels, fingerprint=fingerprint(labels))]


def without_annotations(severity: str = "critical") -> list[Alert]:
    labels = {"alertname": "NodeFilesystemFull", "instance": "db-3:9100", "job": "node", "mountpoint": "/var"}
    return [_alert({**labels, "severity": severity}, {})]


def _alert(labels: dict[str, str], annotations: dict[str, str]) -> Alert:
    return Alert(
        source="default",
        fingerprint=fingerprint(labels),
        status=AlertStatus.FIRING,
        labels=labels,
        annotations=annotations,
        starts_at=round(STARTS.timestamp() * 1_000_000) - 60_000_000,
        ends_at=None,
        generator_url="https://prometheus.example.com/graph?g0.expr=up",
    )


def ended(alerts: list[Alert], at: int) -> list[Alert]:
    return [structs.replace(alert, status=AlertStatus.RESOLVED, ends_at=at) for alert in alerts]


# What happens.


class Stage:
    """A tocsin, and what it has sent since somebody last looked."""

    def __init__(self, harness: Harness) -> None:
        self.tocsin = harness
        self._seen = 0

    def show(self, title: str, *jobs: Job, target: str = "") -> Iterator[Scene]:
        """Each new message of these jobs."""
        sent = self.tocsin.sent()
        new, self._seen = sent[self._seen :], len(sent)
        for content in new:
            if content.job in jobs and target in ("", content.target):
                yield f"{title} ({content.job} for {content.target})", content


async def life(alerts: Callable[[str], list[Alert]]) -> list[Scene]:
    """An incident from its first page to its end."""
    scenes: list[Scene] = []
    async with tocsin() as harness:
        stage = Stage(harness)
        firing = alerts("critical")
        await harness.take(*firing)
        scenes += stage.show("The first page", Job.PAGE, Job.ANNOUNCE, Job.HISTORY)
        await harness.advance(minutes=31)
        scenes += stage.show("Nobody has acknowledged it", Job.PAGE, Job.UPDATE, Job.HISTORY)
        await harness.acknowledge("alex")
        scenes += stage.show("Somebody acknowledges it", Job.ACKNOWLEDGE, Job.HISTORY, Job.UPDATE)
        await harness.advance(minutes=30)
        scenes += stage.show("It is acknowledged and not resolved", Job.PAGE, Job.UPDATE, Job.HISTORY)
        worse = alerts("emergency")
        await harness.take(*worse)
        scenes += stage.show("New alerts, and a higher severity", Job.PAGE, Job.ANNOUNCE, Job.HISTORY)
        await harness.acknowledge("alex")
        scenes += stage.show("It is acknowledged again", Job.ACKNOWLEDGE, Job.HISTORY, Job.UPDATE)
        await harness.escalate("alex")
        scenes += stage.show("A person asks for the next tier", Job.PAGE, Job.HISTORY)
        await harness.take(*ended(firing, harness.clock.now()))
        scenes += stage.show("Some alerts resolve", Job.ANNOUNCE, Job.HISTORY)
        await harness.take(*ended(worse, harness.clock.now()))
        await harness.advance(minutes=5)
        scenes += stage.show("It is resolved", Job.RESOLVE, Job.UPDATE, Job.HISTORY)
        await harness.advance(hours=49)
        scenes += stage.show("The postmortem is due", Job.UPDATE, Job.HISTORY)
    return scenes


async def others() -> list[Scene]:
    """Rarer messages, about one alert each."""
    told = [*await _flapping(), *await _storm(), *await _handover(), *await _handover_of_several()]
    told += [*await _reminder(), *await _lost_contacts()]
    return [*told, *await _declared(), *await _own_words(), *await _about_itself(), *await _alarms()]


async def _flapping() -> list[Scene]:
    async with tocsin() as harness:
        stage, alerts = Stage(harness), grafana()
        await harness.take(*alerts)
        for _ in range(8):
            await harness.take(*ended(alerts, harness.clock.now()))
            await harness.advance(minutes=3)
            alerts = [structs.replace(alert, starts_at=harness.clock.now()) for alert in alerts]
            await harness.take(*alerts)
            await harness.advance(minutes=0.5)
        list(stage.show(""))
        await harness.advance(minutes=10)
        return list(stage.show("A digest of an alert that comes and goes", Job.PAGE, Job.UPDATE))


async def _storm() -> list[Scene]:
    async with tocsin() as harness:
        stage = Stage(harness)
        for number in range(12):
            labels = {"alertname": "TargetDown", "job": f"shop-{number}", "severity": "critical"}
            await harness.take(_alert(labels, {"summary": "A target is down"}))
        return [scene for scene in stage.show("A storm", Job.PAGE, Job.ANNOUNCE) if scene[1].members is not None]


async def _handover() -> list[Scene]:
    async with tocsin() as harness:
        stage = Stage(harness)
        await harness.take(*grafana())
        await harness.acknowledge("alex")
        await harness.advance(hours=100)
        scenes = stage.show("The next shift begins", Job.UPDATE, target="taylor")
        return [scene for scene in scenes if "on call (" in scene[1].because][:1]


async def _handover_of_several() -> list[Scene]:
    async with tocsin() as harness:
        stage = Stage(harness)
        for number in range(8):
            labels = {"alertname": "TargetDown", "job": f"shop-{number}", "severity": "critical"}
            await harness.take(_alert(labels, {"summary": "A target is down"}))
            await harness.acknowledge("alex", str(number + 1))
        await harness.advance(hours=100)
        scenes = stage.show("The next shift begins, with several incidents", Job.UPDATE, target="taylor")
        return [scene for scene in scenes if "on call (" in scene[1].because][:1]


async def _reminder() -> list[Scene]:
    reminder = Reminder(
        name="Weekly review of incidents",
        rrule="FREQ=WEEKLY;BYDAY=FR",
        starts="2026-01-09T10:00:00",
        time_zone="Europe/Berlin",
        to=("alex", "incidents"),
        text="Review all incidents of the week, and update the playbook.",
    )
    playbooks = dict(bundle().playbooks)
    playbooks["emergency-response"] = structs.replace(playbooks["emergency-response"], reminders=(reminder,))
    async with tocsin() as harness:
        harness.live.policy = dataclasses.replace(harness.live.policy, playbooks=playbooks)
        stage = Stage(harness)
        await harness.advance(hours=8)
        return list(stage.show("A recurring reminder", Job.UPDATE))


async def _lost_contacts() -> list[Scene]:
    """Alex has only a pager; casey has nothing at all."""
    people = bundle().people
    persons = {**people.persons}
    persons["alex"] = structs.replace(persons["alex"], contact=Contact("pager", "main"))
    persons["morgan"] = structs.replace(persons["morgan"], contact=None)
    places = {**people.places, "incidents": Contact("chat", "C0INCIDENTS")}
    async with tocsin() as harness:
        pager = RecordingChannel("pager", handles=frozenset(pagerduty.ACTIONS))
        channels = {**harness.channels, "pager": pager, "chat": RecordingChannel("chat")}
        harness.channels = channels
        changed = structs.replace(people, persons=persons, places=places)
        harness.live.policy = dataclasses.replace(harness.live.policy, people=changed, channels=channels)
        stage = Stage(harness)
        await harness.take(*grafana())
        await harness.advance(minutes=31)
        scenes = list(stage.show("A person without any contact", Job.PAGE, target="morgan"))
        await harness.acknowledge("alex")
        await harness.advance(minutes=31)
        return [
            *scenes,
            *list(stage.show("An update for a person who has only a pager", Job.UPDATE, target="alex"))[:1],
        ]


async def _declared() -> list[Scene]:
    async with tocsin() as harness:
        stage = Stage(harness)
        wanted = Declaration(title="Refunds are paid twice", severity="SEV-2", service="payments")
        await harness.declarer.declare(wanted, Actor("taylor", "cli"))
        await harness.settle()
        await harness.advance(minutes=1)
        return list(stage.show("A person declares an incident", Job.PAGE, Job.ANNOUNCE, Job.HISTORY))


async def _own_words() -> list[Scene]:
    """Messages of the actions of the shipped playbook."""
    whole = load(ROOT / "config", ROOT / "rules", KINDS, {})
    async with tocsin(dataclasses.replace(bundle(), playbooks=whole.playbooks)) as harness:
        stage = Stage(harness)
        await harness.take(*grafana())
        return list(stage.show("A playbook's own words", Job.UPDATE, Job.HISTORY))


async def _about_itself() -> list[Scene]:
    async with tocsin() as harness:
        stage = Stage(harness)
        for trouble in TROUBLES:
            harness.ingest.report(*trouble)
            await harness.settle()
        return list(stage.show("About tocsin itself", Job.PAGE, Job.UPDATE, Job.ANNOUNCE))


async def _alarms() -> list[Scene]:
    """Messages that are sent without the database."""
    path = "/var/lib/tocsin/tocsin.db"
    lost = StoreLost(
        f"{path} is gone: it was removed while tocsin was running",
        f"A copy is saved in {Path(path).parent}.",
        how_to_restore(Path(path), "tocsin.db.rescued-20261120T030000Z"),
    )
    missed = "Alex Example has NOT been reached yet by SMS about #1 payments: Nobody can pay (SEV-2; no one has it)"
    async with tocsin() as harness:
        stage = Stage(harness)
        harness.alarm.store_failed(StoreUnavailable(f"{path}: database or disk is full (SQLITE_FULL)"))
        harness.alarm.store_failed(lost)
        harness.alarm.sound(
            alert_of(Fault("late", "sms"), "Attempts so far: 3", harness.clock.now(), missed, CALL_ALEX)
        )
        await harness.alarm.close()
        return list(stage.show("About tocsin's database", Job.PAGE))


# What the channels make of it.


def _pagerduty(content: Content) -> str:
    action, _, properties = pagerduty.render(content)
    return json.dumps({"event_action": action, **properties}, indent=1, ensure_ascii=False)


def _slack(content: Content) -> str:
    recipient = "" if content.target == "incidents" or content.stranded else "U0PERSON"
    message = slack.render(structs.replace(content, recipient=recipient))
    return f"notification: {message.text}\n\n" + "\n".join(_block(block) for block in message.blocks)


def _block(block: dict) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "actions":
            return "".join(f"[{each['text']['text']}] " for each in block["elements"])
        case "context":
            return "small print: " + " | ".join(each["text"] for each in block["elements"])
    texts = [field["text"].replace("\n", " ") for field in block.get("fields", ())]
    return "\n".join([*texts, *([block["text"]["text"]] if "text" in block else [])]) + "\n"


def _email(content: Content) -> str:
    settings = EmailSettings.model_validate({"host": "mail.example.com", "from": "tocsin@example.com"})
    addressed = structs.replace(content, destination=f"{content.target}@example.com")
    message = message_from_bytes(email.render(addressed, settings), policy=policy.default)
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    invitation = "(with an invitation for the calendar)\n" if len(parts) > 1 else ""
    return f"Subject: {message['Subject']}\n\n{parts[0]}{invitation}"


def _twilio(mode: str) -> TwilioSettings:
    sender = {"mode": mode, "account": "AC" + "0" * 32, "token": Secret("x"), "from": "+15005550006"}
    return TwilioSettings.model_validate(sender)


def _sms(content: Content) -> str:
    return twilio.text(content, _twilio("sms"))


def _call(content: Content) -> str:
    return twilio.twiml(content, _twilio("call")).replace("><", ">\n<")


def _webhook(content: Content) -> str:
    body = json.loads(webhook.render(content))
    shown = {name: body[name] for name in ("job", "target", "because", "remarks", "text")}
    shown |= {"acknowledge": body["acknowledge"]} if body["acknowledge"] else {}
    shown |= {"summary": body["incident"]["summary"]} if body["incident"]["summary"] else {}
    shown |= {"message": body["message"]["text"]} if body["message"] else {}
    shown |= {"history": [entry["text"] for entry in body["history"]]}
    return json.dumps(shown, indent=1, ensure_ascii=False)


def _console(scenes: list[Scene]) -> list[str]:
    """The output of one console about all of them, one after the other."""
    printed, found = Printed(), []
    printed.join("console")
    for _, content in scenes:
        message = console.compose(content, printed, colour=False)
        printed.note(content, announces=message.announces, text=message.text)
        found.append("\n".join(message.lines))
    return found


def _each(form: Callable[[Content], str]) -> Callable[[list[Scene]], list[str]]:
    return lambda scenes: [form(content) for _, content in scenes]


_PERSONAL = frozenset({Job.PAGE, Job.UPDATE, Job.ACKNOWLEDGE, Job.RESOLVE})
CHANNELS: dict[str, tuple[frozenset[Job], Callable[[list[Scene]], list[str]]]] = {
    "pagerduty": (frozenset(pagerduty.ACTIONS), _each(_pagerduty)),
    "slack": (_PERSONAL - {Job.ACKNOWLEDGE} | {Job.ANNOUNCE, Job.HISTORY}, _each(_slack)),
    "email": (_PERSONAL, _each(_email)),
    "sms": (_PERSONAL, _each(_sms)),
    "call": (frozenset({Job.PAGE}), _each(_call)),
    "webhook": (_PERSONAL | {Job.ANNOUNCE, Job.HISTORY}, _each(_webhook)),
    "console": (_PERSONAL | {Job.ANNOUNCE, Job.HISTORY}, _console),
}
STORIES: dict[str, Callable[[], Awaitable[list[Scene]]]] = {
    "crash-looping-pods": lambda: life(crash_looping_pods),
    "grafana": lambda: life(grafana),
    "without-annotations": lambda: life(without_annotations),
    "other": others,
}


def written(scenes: list[Scene], channel: str) -> str:
    """All that a channel says of a story."""
    jobs, form = CHANNELS[channel]
    shown = [(title, content) for title, content in scenes if content.job in jobs]
    texts = zip(shown, form(shown), strict=True)
    return "\n".join(f"===== {title}\n\n{text.rstrip()}\n" for (title, _), text in texts if text)


async def all_messages() -> dict[Path, str]:
    """The text of each file."""
    found = {}
    for story, tell in STORIES.items():
        scenes = await tell()
        for channel in CHANNELS:
            found[FOLDER / story / f"{channel}.txt"] = written(scenes, channel)
    return found


if __name__ == "__main__":
    for path, text in asyncio.run(all_messages()).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
