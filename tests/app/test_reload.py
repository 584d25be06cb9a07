"""A reload takes everything over, or nothing."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable

from app.rig import Rig, shipped
from tocsin.app.reload import Reloader
from tocsin.channels.webhook.settings import WebhookSettings
from tocsin.conf.bundle import Bundle
from tocsin.conf.channels import ConfiguredChannel
from tocsin.conf.source import ConfigError, Problem
from tocsin.core.errors import StoreUnavailable

GOOD = WebhookSettings(url="http://127.0.0.1:9/")
UNSTARTABLE = WebhookSettings.model_construct(url="http://127.0.0.1:9/", timeout="soon")


def reloader(rig: Rig, load: Callable[[], Bundle], **how: float) -> Reloader:
    return Reloader(rig.daemon, load, lambda _: None, **how)


def with_channels(**channels: WebhookSettings) -> Bundle:
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


async def test_problems_are_told_and_nothing_changes(rig: Rig) -> None:
    def load() -> Bundle:
        raise ConfigError([Problem("rules/a.yaml", 3, 5, "unknown key")])

    before = (rig.daemon.bundle, rig.daemon.live.policy)
    result = await reloader(rig, load).reload()
    assert (result.ok, result.errors) == (False, ("rules/a.yaml:3:5: unknown key",))
    assert (rig.daemon.bundle, rig.daemon.live.policy) == before
    assert rig.figure("config_last_reload_successful") == 0


async def test_a_reload_while_the_store_is_down_has_happened_and_says_what_it_could_not_compare(rig: Rig) -> None:
    rig.store.failure = StoreUnavailable("the disk is full")
    running = reloader(rig, with_channels)
    result = await running.reload()
    assert result.ok
    assert "could not be compared" in result.notes[-1]
    assert rig.daemon.bundle.fingerprint == "new"
    assert rig.figure("config_last_reload_successful") == 1


async def test_a_channel_that_does_not_start_refuses_the_whole_reload_and_closes_the_others(rig: Rig) -> None:
    before = (rig.daemon.bundle, rig.daemon.live.policy, dict(rig.daemon.channels))
    result = await reloader(rig, lambda: with_channels(first=GOOD, second=UNSTARTABLE)).reload()
    assert not result.ok
    assert "TypeError" in result.errors[0]
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
