"""A reload applies the whole configuration or none of it."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.rig import Rig, shipped
from tocsin.app.reload import Reloader
from tocsin.channels.webhook.settings import WebhookChannelSettings
from tocsin.conf.bundle import Bundle
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.source import ConfigError, Problem
from tocsin.core.alerts.alert import Alert, AlertStatus, fingerprint
from tocsin.core.errors import StoreUnavailable
from tocsin.core.matching.matcher import parse_matchers
from tocsin.core.matching.placeholders import Template
from tocsin.core.rules.rule import Rule
from tocsin.core.rules.rules import RuleSet
from tocsin.engine.intake.shadow import Shadow, ShadowRules
from tocsin.engine.reload_impact import LOOKED_AT
from tocsin.web.application import NotServed

GOOD = WebhookChannelSettings(url="http://127.0.0.1:9/")
UNSTARTABLE = WebhookChannelSettings.model_construct(url="http://127.0.0.1:9/", timeout="soon")


def reloader(rig: Rig, load: Callable[[], Bundle], **how: Any) -> Reloader:
    return Reloader(rig.daemon, load, lambda _: None, **how)


def with_channels(**channels: WebhookChannelSettings) -> Bundle:
    bundle = shipped()
    more = tuple(ConfiguredChannel(name, "webhook", settings) for name, settings in channels.items())
    return dataclasses.replace(bundle, channels=(*bundle.channels, *more), fingerprint="new")


async def test_a_new_configuration_is_taken_over(rig: Rig) -> None:
    running = reloader(rig, lambda: with_channels(hook=GOOD))
    assert (await running.reload()).ok
    assert rig.daemon.bundle.fingerprint == "new"
    assert "hook" in rig.daemon.live.policy.channels
    assert rig.figure("config_last_reload_successful") == 1
    await running.close()
    await rig.daemon.channels["hook"][1].close()


async def test_problems_are_reported_and_nothing_changes(rig: Rig) -> None:
    def load() -> Bundle:
        raise ConfigError([Problem("rules/a.yaml", 3, 5, "unknown key")])

    before = (rig.daemon.bundle, rig.daemon.live.policy)
    result = await reloader(rig, load).reload()
    assert (result.ok, result.errors) == (False, ("rules/a.yaml:3:5: unknown key",))
    assert (rig.daemon.bundle, rig.daemon.live.policy) == before
    assert rig.figure("config_last_reload_successful") == 0


async def test_a_reload_that_takes_all_channels_is_refused_as_any_bad_one_and_forced_on_purpose(rig: Rig) -> None:
    bundles = [with_channels(hook=GOOD), shipped(), shipped()]
    running = reloader(rig, lambda: bundles.pop(0))
    assert (await running.reload()).ok

    refused = await running.reload()
    assert [error.partition("config/tocsin.yaml: ")[2] for error in refused.errors] == [
        "no channel but the console is left: this removes hook; if this is intended, run `tocsin reload --force`"
    ]
    assert running.last == refused
    assert "hook" in rig.daemon.live.policy.channels
    assert rig.figure("config_last_reload_successful") == 0
    assert rig.figure("config_reloads_total", outcome="refused") == 1

    forced = await running.reload(force=True)
    assert forced.ok
    assert forced.notes[0].startswith("forced: ")
    assert forced.notes[0].endswith("config/tocsin.yaml: no channel but the console is left: this removes hook")
    assert "hook" not in rig.daemon.live.policy.channels
    assert rig.figure("config_last_reload_successful") == 1
    await running.close()


async def test_a_tocsin_error_is_reported_with_its_own_message(rig: Rig) -> None:
    def load() -> Bundle:
        raise NotServed("0.0.0.0:9099 can be reached from other machines, and no token is configured")

    refused = await reloader(rig, load).reload(force=True)
    assert refused.errors == ("0.0.0.0:9099 can be reached from other machines, and no token is configured",)


async def test_a_reload_while_the_store_is_down_has_happened_and_says_what_it_could_not_compare(rig: Rig) -> None:
    rig.store.failure = StoreUnavailable("the disk is full")
    running = reloader(rig, with_channels)
    result = await running.reload()
    assert result.ok
    assert "could not be compared" in result.notes[-1]
    assert rig.daemon.bundle.fingerprint == "new"
    assert rig.figure("config_last_reload_successful") == 1


async def test_a_reload_that_finds_a_damaged_row_has_happened_and_says_so(rig: Rig) -> None:
    rig.store.failure = ValueError("half a row")
    result = await reloader(rig, with_channels).reload()
    assert result.ok
    assert "could not be compared" in result.notes[-1]
    assert "half a row" in result.notes[-1]
    assert rig.daemon.bundle.fingerprint == "new"


async def test_a_channel_that_does_not_start_refuses_the_whole_reload_and_closes_the_others(rig: Rig) -> None:
    before = (rig.daemon.bundle, rig.daemon.live.policy, dict(rig.daemon.channels))
    result = await reloader(rig, lambda: with_channels(first=GOOD, second=UNSTARTABLE)).reload()
    assert not result.ok
    assert result.errors[0].startswith("internal error while applying the configuration (")
    assert "TypeError" not in result.errors[0]
    assert (rig.daemon.bundle, rig.daemon.live.policy, rig.daemon.channels) == before
    assert rig.figure("config_last_reload_successful") == 0
    # That `first` is closed, pytest sees: a session that is left open is a warning, and a warning is an error.


async def test_files_that_hang_refuse_the_reload_and_hold_up_neither_the_next_nor_the_end(rig: Rig) -> None:
    released = threading.Event()

    def hang() -> Bundle:
        released.wait(30)
        return shipped()

    new = with_channels()
    loads = iter([hang, lambda: new])

    def load() -> Bundle:
        return next(loads)()

    running = reloader(rig, load, patience=0.5)
    first, second = await asyncio.gather(running.reload(), running.reload())
    hung = [thread for thread in threading.enumerate() if thread.name == "tocsin-load"]
    released.set()
    for thread in hung:
        assert thread.daemon, "the interpreter does not wait for it"
        thread.join(10)
    assert hung
    assert first.errors == ("the configuration could not be read within 0.5 s",)
    assert second.ok
    assert rig.daemon.bundle.fingerprint == "new"


def rule(name: str, match: str, line: int = 1, **actions: object) -> Rule:
    given = {key: Template.parse(value) if isinstance(value, str) else value for key, value in actions.items()}
    return Rule(name=name, matchers=parse_matchers(match), actions=given, path="rules/90-mine.yaml", line=line)


def with_rules(*more: Rule, without: tuple[str, ...] = ()) -> Bundle:
    bundle = shipped()
    rules = [*(one for one in bundle.rules.rules if one.name not in without), *more]
    playbook = bundle.default_playbook
    levels = {playbook.name: [level.name for level in playbook.levels]}
    ruleset = RuleSet(rules, playbook.name, levels, {playbook.name: playbook.unrouted})
    return dataclasses.replace(bundle, rules=ruleset, fingerprint="new")


async def fires(rig: Rig, **labels: str) -> None:
    alert = Alert("default", fingerprint(labels), AlertStatus.FIRING, labels, starts_at=rig.clock.now())
    await rig.daemon.ingest.take([alert])


async def test_a_reload_says_what_changed_and_which_open_incidents_would_have_been_treated_differently(
    rig: Rig,
) -> None:
    await rig.daemon.store.open()
    await fires(rig, alertname="HighLatency", severity="critical", service="shop", pod="a")
    await fires(rig, alertname="HighLatency", severity="critical", service="shop", pod="b")
    await fires(rig, alertname="DiskFull", severity="critical", service="db")
    await fires(rig, alertname="Chatter", severity="warning", service="chat")
    new = with_rules(
        rule("shop", 'service="shop"', 3, severity="SEV-1", dedup_key="shop"),
        rule("quiet", 'service="chat"', 6, suppress=True),
        without=("probes",),
    )

    result = await reloader(rig, lambda: new).reload()

    assert [(one.kind, one.name, one.how, one.place) for one in result.changes[:2]] == [
        ("rule", "shop", "added", "rules/90-mine.yaml:3"),
        ("rule", "quiet", "added", "rules/90-mine.yaml:6"),
    ]
    assert str(result.changes[2]).startswith("rule probes removed (")
    assert [str(one) for one in result.treatment.incidents] == [
        "incident 3 (chat: Chatter (chat)): suppress no -> yes",
        (
            "incident 1 (shop: HighLatency (shop)): severity SEV-2 -> SEV-1, "
            "dedup_key default/emergency-response/shop/HighLatency// -> shop"
        ),
    ]
    assert (result.treatment.judged, result.treatment.cut) == (3, "")
    assert (result.ok, result.fingerprint, result.at) == (True, "new", rig.clock.now())
    assert rig.figure("config_reloads_total", outcome="taken_over") == 1
    stored = await rig.daemon.store.read(lambda tx: tx.incident("1"))
    assert stored is not None
    assert (stored.severity, stored.is_open) == ("SEV-2", True), "it goes on as it is"


async def test_only_so_many_open_incidents_are_judged_and_the_reload_says_so(rig: Rig) -> None:
    await rig.daemon.store.open()
    alerts = []
    for number in range(LOOKED_AT + 1):
        labels = {"alertname": f"A{number}", "severity": "emergency"}  # which no storm takes
        alerts.append(Alert("default", fingerprint(labels), AlertStatus.FIRING, labels))
    await rig.daemon.ingest.take(alerts)
    new = with_rules(rule("all", 'alertname=~"A.*"', severity="SEV-2"))

    result = await reloader(rig, lambda: new).reload()

    assert len(result.treatment.incidents) == result.treatment.judged == LOOKED_AT
    assert result.notes[-1] == "open incidents evaluated with the new rules: only the newest 1000 were looked at"


async def test_incidents_about_tocsin_itself_are_judged_by_no_rules(rig: Rig) -> None:
    await rig.daemon.store.open()
    rig.daemon.ingest.report("quarantined", "default", "a bad alert")
    await rig.daemon.ingest.close()
    result = await reloader(rig, lambda: with_rules(rule("all", 'alertname=~".*"', severity="SEV-1"))).reload()
    assert (result.treatment.judged, result.treatment.incidents) == (1, ())


async def test_what_became_of_the_last_reload_stays_to_be_seen(rig: Rig) -> None:
    running = reloader(rig, shipped)
    assert running.last is None
    before = rig.daemon.bundle.fingerprint
    result = await running.reload()
    assert running.last is result
    assert (result.changes, result.treatment.incidents) == ((), ())

    def refuse() -> Bundle:
        raise ConfigError([Problem("rules/a.yaml", 3, 5, "unknown key")])

    refused = reloader(rig, refuse)
    await refused.reload()
    assert refused.last is not None
    assert (refused.last.ok, refused.last.fingerprint) == (False, before)
    assert refused.last.errors == ("rules/a.yaml:3:5: unknown key",)
    assert rig.figure("config_reloads_total", outcome="refused") == 1


async def test_the_shadow_is_reloaded_too_and_a_bad_one_leaves_the_old(rig: Rig) -> None:
    await rig.daemon.store.open()
    shadow = Shadow(ShadowRules("there", shipped().rules), rig.daemon.metrics, rig.clock.now)
    rig.daemon.shadow = shadow
    loads = iter([ShadowRules("there", with_rules(rule("all", 'a!="b"', severity="SEV-1")).rules)])

    def load() -> ShadowRules:
        for given in loads:
            return given
        raise ConfigError([Problem("there/a.yaml", 3, 5, "unknown key")])

    running = reloader(rig, shipped, load_shadow=load)
    labels = {"alertname": "A", "severity": "critical"}
    alert = Alert("default", fingerprint(labels), AlertStatus.FIRING, labels)
    pairs = [(alert, rig.daemon.live.policy.rules.evaluate(alert))]
    await shadow.judge(pairs)
    assert (shadow.report().judged, shadow.report().differing) == (1, 0)

    assert (await running.reload()).notes == ()
    await shadow.judge(pairs)
    assert (shadow.report().judged, shadow.report().differing) == (1, 1), "it counts anew"

    result = await running.reload()
    assert result.ok
    assert result.notes == ("shadow rules not reloaded: there/a.yaml:3:5: unknown key",)
    await shadow.judge(pairs)
    assert (shadow.report().judged, shadow.report().differing) == (1, 1), "the old shadow goes on"


async def test_a_calendar_that_has_become_unreadable_does_not_take_its_shifts_away(rig: Rig) -> None:
    calendar = Path("/etc/tocsin/desk.ics")
    rig.daemon.bundle = dataclasses.replace(rig.daemon.bundle, files=(calendar,))
    lost = dataclasses.replace(shipped(), lost_calendars=frozenset({str(calendar)}), fingerprint="new")
    running = reloader(rig, lambda: lost)
    result = await running.reload()
    told = "/etc/tocsin/desk.ics: cannot be read as a whole calendar any more: its last shifts stay in force"
    assert (result.ok, result.errors[0].startswith(told)) == (False, True)
    assert rig.daemon.bundle.fingerprint != "new"
    rig.daemon.bundle = dataclasses.replace(rig.daemon.bundle, lost_calendars=frozenset({str(calendar)}))
    assert (await running.reload()).ok  # it was not readable before either: nothing is lost
    await running.close()
