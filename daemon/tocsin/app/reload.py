"""Reloading the configuration of a running daemon: all steps that can fail come first, then one swap."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, TypeVar

import structlog

from tocsin.app.build import Daemon, policy_of, prepare, running, ways_out
from tocsin.channels import registry
from tocsin.conf.bundle import Bundle
from tocsin.conf.changes import ConfigChange, changes
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.losses import losses
from tocsin.conf.source import ConfigError
from tocsin.core.errors import StoreUnavailable, TocsinError
from tocsin.core.incident.incident import OPEN
from tocsin.core.oncall.gap import uncovered
from tocsin.engine.change.oncall import on_call_input
from tocsin.engine.intake.shadow import ShadowRules
from tocsin.engine.reload_impact import ReloadImpact, compare
from tocsin.ports.channel import Channel
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.ports.tracker import Tracker
from tocsin.trackers import registry as tracker_registry
from tocsin.web.edge import ReloadResult

_log = structlog.get_logger("tocsin.app.reload")

T = TypeVar("T")
C = TypeVar("C", ConfiguredChannel, ConfiguredTracker)
W = TypeVar("W")


class _Integrations(NamedTuple):
    """The running channels and trackers of a configuration."""

    channels: dict[str, tuple[ConfiguredChannel, Channel]]
    trackers: dict[str, tuple[ConfiguredTracker, Tracker]]


LISTED = 1000
"""Maximum number of open incidents that are checked for a change of playbook."""
LOGGED = 50
"""Maximum number of changes, and of incidents, in the log; the API has all of them."""
LOAD_PATIENCE = 30.0
"""Seconds for reading the files and starting the channels; after that, the reload is refused."""
COMPARE_PATIENCE = 5.0
"""Seconds that the store gets to list the incidents that keep an older plan."""


class Reloader:
    """Reloader of one daemon.

    ``load`` reads the files and may raise `ConfigError`. ``adopt`` is called with each
    new bundle. ``load_shadow`` reads the shadow rules, if there are any.
    """

    def __init__(
        self,
        daemon: Daemon,
        load: Callable[[], Bundle],
        adopt: Callable[[Bundle], None],
        patience: float = LOAD_PATIENCE,
        load_shadow: Callable[[], ShadowRules | None] | None = None,
    ) -> None:
        self._daemon = daemon
        self._load = load
        self._adopt = adopt
        self._patience = patience
        self._load_shadow = load_shadow
        self.last: ReloadResult | None = None
        """Result of the last reload."""
        self._one_at_a_time = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def reload(self, *, force: bool = False) -> ReloadResult:
        """Apply the configuration files as they are now; a bad configuration never replaces a good one.

        With ``force``, also apply a configuration that removes every token, channel or contact.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(self._patience):
                    bundle = await asyncio.wrap_future(_in_thread(self._load))
                    lost = losses(self._daemon.bundle, bundle)
                    if lost and not force:
                        return self._refuse(*(str(loss) for loss in lost))
                    integrations = await self._open(bundle)
            except ConfigError as error:
                return self._refuse(*(problem.shown for problem in error.problems))
            except TocsinError as error:
                return self._refuse(str(error))
            except TimeoutError:
                return self._refuse(f"the configuration could not be read within {self._patience:g} s")
            except Exception as error:  # noqa: BLE001 - nothing was applied: the running configuration stays in force
                _log.exception("reload_crashed")
                return self._refuse(f"internal error while applying the configuration ({error}); see tocsin's log")
            old = self._daemon.bundle
            forced = tuple(f"forced: {loss.path}: {loss.message}" for loss in lost)
            applied = self._apply(bundle, integrations)
            notes = (*forced, *await self._uncovered(), *applied, *await self._reload_shadow())
            treatment, more_notes = await self._compare(old, bundle)
            return self._succeed(bundle, (*notes, *more_notes), changes(old, bundle), treatment)

    async def close(self) -> None:
        """Close the replaced channels and trackers now."""
        await asyncio.sleep(0)  # a task that is canceled before it has started would close nothing
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _refuse(self, *problems: str) -> ReloadResult:
        daemon = self._daemon
        daemon.metrics.gauge("config_last_reload_successful", 0)
        daemon.metrics.count("config_reloads_total", outcome="refused")
        _log.error("reload_failed", problems=problems)
        self.last = ReloadResult(
            ok=False, errors=problems, at=daemon.clock.now(), fingerprint=daemon.bundle.fingerprint
        )
        return self.last

    def _succeed(
        self, bundle: Bundle, notes: tuple[str, ...], changed: tuple[ConfigChange, ...], treatment: ReloadImpact
    ) -> ReloadResult:
        daemon = self._daemon
        daemon.metrics.count("config_reloads_total", outcome="taken_over")
        _log.info(
            "reloaded",
            fingerprint=bundle.fingerprint,
            notes=notes,
            changes=_first(changed),
            incidents=_first(treatment.incidents),
        )
        self.last = ReloadResult(
            ok=True,
            notes=notes,
            at=daemon.clock.now(),
            fingerprint=bundle.fingerprint,
            changes=changed,
            treatment=treatment,
        )
        return self.last

    async def _open(self, bundle: Bundle) -> _Integrations:
        """Return the channels and trackers of a configuration; start the new and changed ones, all or none of them."""
        channels, new_channels = _sort(self._daemon.channels, bundle.channels, registry.build)
        trackers, new_trackers = _sort(self._daemon.trackers, bundle.trackers, tracker_registry.build)
        opened: list[Channel | Tracker] = [*new_channels, *new_trackers]
        try:
            for integration in opened:
                await integration.start()
            prepare(self._daemon.metrics, bundle)
        except BaseException:
            await asyncio.gather(*(integration.close() for integration in opened), return_exceptions=True)
            raise
        return _Integrations(channels, trackers)

    def _apply(self, bundle: Bundle, new: _Integrations) -> tuple[str, ...]:
        """Swap the configuration; return notes for the operator."""
        daemon, old = self._daemon, self._daemon.bundle
        current = {id(integration) for _, integration in (*new.channels.values(), *new.trackers.values())}
        replaced = [integration for integration in ways_out(daemon) if id(integration) not in current]
        self._adopt(bundle)
        daemon.bundle = bundle
        daemon.channels, daemon.trackers = new.channels, new.trackers
        daemon.live.policy = policy_of(bundle, running(new.channels), running(new.trackers))
        mark_reloaded(daemon)
        daemon.wake.everyone()
        self._close_later(replaced)
        return (*(str(warning) for warning in bundle.warnings), *_needs_restart(old, bundle))

    def _close_later(self, replaced: list[Channel | Tracker]) -> None:
        """Close replaced channels and trackers after the delivery timeout, when no delivery can be in progress."""
        delivery_timeout = self._daemon.live.policy.delivery.timeout / 1_000_000

        async def close() -> None:
            try:
                await asyncio.sleep(delivery_timeout)
            finally:
                for integration in replaced:
                    await integration.close()

        if replaced:
            task = asyncio.get_running_loop().create_task(close(), name="close replaced channels")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _uncovered(self) -> tuple[str, ...]:
        """Return the rotations without an on-call person now; none if the store cannot be read."""
        people = self._daemon.live.policy.people
        try:
            async with asyncio.timeout(COMPARE_PATIENCE):
                inputs = await self._daemon.store.read(lambda tx: on_call_input(tx, people))
        except (StoreUnavailable, TimeoutError):
            return ()
        except Exception:  # noqa: BLE001 - the new configuration is in force, whatever the store does
            _log.exception("oncall_not_read")
            return ()
        return tuple(uncovered(people.rotations, inputs).values())

    async def _outdated_plans(self) -> tuple[str, ...]:
        """Return a note for each open incident whose playbook has changed: it keeps the old one."""
        policy = self._daemon.live.policy

        def find(reader: Reader) -> list[str]:
            return [
                f"incident {incident.number} keeps the earlier version of {incident.plan.name}; "
                f"`tocsin incidents replan {incident.number}` applies the new one"
                for incident in reader.incidents(IncidentFilter(states=OPEN, limit=LISTED))
                if incident.plan != policy.plan(incident.plan.name)
            ]

        async with asyncio.timeout(COMPARE_PATIENCE):
            return tuple(await self._daemon.store.read(find))

    async def _compare(self, old: Bundle, new: Bundle) -> tuple[ReloadImpact, tuple[str, ...]]:
        """Return the open incidents that the new rules would have treated differently, and notes for the operator.

        The new configuration stays in force even if the store fails.
        """
        failure = "open incidents could not be compared with the new playbooks and rules"
        try:
            notes = await self._outdated_plans()
            treatment = await compare(self._daemon.store, old.rules, new.rules, COMPARE_PATIENCE)
        except (StoreUnavailable, TimeoutError):
            return ReloadImpact(), (f"{failure}: the store does not answer",)
        except Exception as error:  # noqa: BLE001 - for example a damaged row
            _log.exception("comparison_failed")
            return ReloadImpact(), (f"{failure}: {error}; see tocsin's log",)
        if treatment.cut:
            notes = (*notes, f"open incidents evaluated with the new rules: {treatment.cut}")
        return treatment, notes

    async def _reload_shadow(self) -> tuple[str, ...]:
        """Reload the shadow rules, or keep the running ones if that fails; reset their counts either way."""
        shadow = self._daemon.shadow
        if shadow is None or self._load_shadow is None:
            return ()
        notes: tuple[str, ...] = ()
        rules: ShadowRules | None = None
        try:
            async with asyncio.timeout(self._patience):
                rules = await asyncio.wrap_future(_in_thread(self._load_shadow))
        except ConfigError as error:
            notes = tuple(f"shadow rules not reloaded: {problem}" for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - the live configuration stays in force if the shadow rules fail
            _log.exception("shadow_reload_failed")
            notes = (f"shadow rules not reloaded: {error}; see tocsin's log",)
        shadow.replace(rules)
        return notes


def _first(items: Sequence[object]) -> list[str]:
    """Return the first `LOGGED` items as text, and a count of the rest."""
    more = [f"... and {len(items) - LOGGED} more"] if len(items) > LOGGED else []
    return [str(item) for item in items[:LOGGED]] + more


def _in_thread(load: Callable[[], T]) -> Future[T]:
    """Run ``load`` in a daemon thread: a read that hangs must not keep the daemon from stopping."""
    outcome: Future[T] = Future()

    def run() -> None:
        outcome.set_running_or_notify_cancel()
        try:
            outcome.set_result(load())
        except BaseException as error:  # noqa: BLE001 - the error is passed on to the caller
            outcome.set_exception(error)

    threading.Thread(target=run, name="tocsin-load", daemon=True).start()
    return outcome


def mark_reloaded(daemon: Daemon) -> None:
    """Set the metrics for a running configuration that is the one on disk."""
    daemon.metrics.gauge("config_last_reload_successful", 1)
    daemon.metrics.gauge("config_last_reload_success_timestamp_seconds", daemon.clock.now() / 1_000_000)


def _sort(
    current: Mapping[str, tuple[C, W]], new: Iterable[C], build: Callable[[C], W]
) -> tuple[dict[str, tuple[C, W]], list[W]]:
    """Return all integrations of the new configuration, and those that are new or changed: built, not yet started."""
    integrations: dict[str, tuple[C, W]] = {}
    opened: list[W] = []
    for configured in new:
        entry = current.get(configured.name)
        if entry is None or entry[0] != configured:
            entry = (configured, build(configured))
            opened.append(entry[1])
        integrations[configured.name] = entry
    return integrations, opened


def _needs_restart(old: Bundle, new: Bundle) -> list[str]:
    before, after = old.settings, new.settings
    fixed = (
        ("listen", before.listen, after.listen),
        ("store", before.store, after.store),
        ("instance", before.instance, after.instance),
        ("webhook", before.webhook, after.webhook),
    )
    return [f"{name} takes effect after a restart" for name, was, now in fixed if was != now]
