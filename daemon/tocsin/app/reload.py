"""Taking over a new configuration while running: everything that can fail comes first, then one swap."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, TypeVar

import structlog

from tocsin.app.build import Daemon, policy_of, prepare, running, ways_out
from tocsin.channels import registry
from tocsin.conf.bundle import Bundle
from tocsin.conf.changes import Change, changes
from tocsin.conf.channels import ConfiguredChannel, ConfiguredTracker
from tocsin.conf.losses import losses
from tocsin.conf.source import ConfigError
from tocsin.core.errors import StoreUnavailable, TocsinError
from tocsin.core.incident import OPEN
from tocsin.engine.shadow import ShadowRules
from tocsin.engine.treatment import Treatment, compare
from tocsin.ports.channel import Channel
from tocsin.ports.store import IncidentFilter, Reader
from tocsin.ports.tracker import Tracker
from tocsin.trackers import registry as tracker_registry
from tocsin.web.keys import ReloadResult

_log = structlog.get_logger("tocsin.app.reload")

T = TypeVar("T")
C = TypeVar("C", ConfiguredChannel, ConfiguredTracker)
W = TypeVar("W")


class _Ways(NamedTuple):
    """The ways out of a configuration, each running."""

    channels: dict[str, tuple[ConfiguredChannel, Channel]]
    trackers: dict[str, tuple[ConfiguredTracker, Tracker]]


LISTED = 1000
LOGGED = 50
"""Changes, and incidents, that are named in the log; the API has them all."""
LOAD_PATIENCE = 30.0
"""Seconds until a reload is refused whose files are not read, or whose channels are not started."""
COMPARE_PATIENCE = 5.0
"""Seconds that the store gets to say which incidents keep an older plan."""


class Reloader:
    """Reloads one daemon. ``load`` reads the files and raises `ConfigError`; ``adopt`` is told of each new bundle.

    ``load_shadow`` reads the shadow rules, where there are any.
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
        """What became of the last one."""
        self._one_at_a_time = asyncio.Lock()
        self._farewells: set[asyncio.Task[None]] = set()

    async def reload(self, *, force: bool = False) -> ReloadResult:
        """Take over the files as they are now; a bad configuration never replaces a good one.

        ``force`` takes over one that removes every token, channel or contact as well.
        """
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(self._patience):
                    bundle = await asyncio.wrap_future(_in_a_thread(self._load))
                    lost = losses(self._daemon.bundle, bundle)
                    if lost and not force:
                        return self._refuse(*(str(loss) for loss in lost))
                    ways = await self._open(bundle)
            except ConfigError as error:
                return self._refuse(*(str(problem) for problem in error.problems))
            except TocsinError as error:
                return self._refuse(str(error))
            except TimeoutError:
                return self._refuse(f"the configuration could not be read within {self._patience:g} s")
            except Exception as error:  # noqa: BLE001 - nothing has been taken over: what runs goes on, whatever it was
                _log.exception("reload_broke")
                return self._refuse(f"tocsin failed at taking it over ({error}); its log has the details")
            old = self._daemon.bundle
            forced = tuple(f"forced: {loss.path}: {loss.message}" for loss in lost)
            notes = (*forced, *self._take_over(bundle, ways), *await self._reload_shadow())
            treatment, found = await self._compared(old, bundle)
            return self._tell(bundle, (*notes, *found), changes(old, bundle), treatment)

    async def close(self) -> None:
        """Let the channels that were replaced go."""
        await asyncio.sleep(0)  # a task that is canceled before it has begun would close nothing
        for task in self._farewells:
            task.cancel()
        await asyncio.gather(*self._farewells, return_exceptions=True)

    def _refuse(self, *problems: str) -> ReloadResult:
        daemon = self._daemon
        daemon.metrics.gauge("config_last_reload_successful", 0)
        daemon.metrics.count("config_reloads_total", outcome="refused")
        _log.error("reload_failed", problems=problems)
        self.last = ReloadResult(
            ok=False, errors=problems, at=daemon.clock.now(), fingerprint=daemon.bundle.fingerprint
        )
        return self.last

    def _tell(
        self, bundle: Bundle, notes: tuple[str, ...], changed: tuple[Change, ...], treatment: Treatment
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

    async def _open(self, bundle: Bundle) -> _Ways:
        """The channels and trackers that stay, and those that are new or changed, started: all of them, or none."""
        channels, new_channels = _sort(self._daemon.channels, bundle.channels, registry.build)
        trackers, new_trackers = _sort(self._daemon.trackers, bundle.trackers, tracker_registry.build)
        opened: list[Channel | Tracker] = [*new_channels, *new_trackers]
        try:
            for way in opened:
                await way.start()
            prepare(self._daemon.metrics, bundle)
        except BaseException:
            await asyncio.gather(*(way.close() for way in opened), return_exceptions=True)
            raise
        return _Ways(channels, trackers)

    def _take_over(self, bundle: Bundle, ways: _Ways) -> tuple[str, ...]:
        """The swap; returns what the operator should know."""
        daemon, old = self._daemon, self._daemon.bundle
        stay = {id(way) for _, way in (*ways.channels.values(), *ways.trackers.values())}
        gone = [way for way in ways_out(daemon) if id(way) not in stay]
        self._adopt(bundle)
        daemon.bundle = bundle
        daemon.channels, daemon.trackers = ways.channels, ways.trackers
        daemon.live.policy = policy_of(bundle, running(ways.channels), running(ways.trackers))
        mark_reloaded(daemon)
        daemon.wake.everyone()
        self._dismiss(gone)
        return (*(str(warning) for warning in bundle.warnings), *_needs_restart(old, bundle))

    def _dismiss(self, gone: list[Channel | Tracker]) -> None:
        """What is no longer configured is closed once nothing can be on its way through them."""
        patience = self._daemon.live.policy.delivery.timeout / 1_000_000

        async def farewell() -> None:
            try:
                await asyncio.sleep(patience)
            finally:
                for channel in gone:
                    await channel.close()

        if gone:
            task = asyncio.get_running_loop().create_task(farewell(), name="close replaced channels")
            self._farewells.add(task)
            task.add_done_callback(self._farewells.discard)

    async def _differing(self) -> tuple[str, ...]:
        """Open incidents keep their plan: say which of them a new one would treat differently."""
        policy = self._daemon.live.policy

        def find(tx: Reader) -> list[str]:
            return [
                f"incident {incident.number} keeps the plan it began with; {incident.plan.name} now differs"
                for incident in tx.incidents(IncidentFilter(states=OPEN, limit=LISTED))
                if incident.plan.sha != policy.plan(incident.plan.name).sha
            ]

        async with asyncio.timeout(COMPARE_PATIENCE):
            return tuple(await self._daemon.store.read(find))

    async def _compared(self, old: Bundle, new: Bundle) -> tuple[Treatment, tuple[str, ...]]:
        """Open incidents that the new rules would have treated differently, and what the operator should know.

        The new configuration is in force, whatever the store does.
        """
        failed = "open incidents could not be compared with the new plans and rules"
        try:
            notes = await self._differing()
            found = await compare(self._daemon.store, old.rules, new.rules, COMPARE_PATIENCE)
        except (StoreUnavailable, TimeoutError):
            return Treatment(), (f"{failed}: the store does not answer",)
        except Exception as error:  # noqa: BLE001 - such as a row that is damaged
            _log.exception("comparison_broke")
            return Treatment(), (f"{failed}: {error}; the log has the details",)
        if found.cut:
            notes = (*notes, f"open incidents judged by the new rules: {found.cut}")
        return found, notes

    async def _reload_shadow(self) -> tuple[str, ...]:
        """Take the shadow rules as they are now, or keep those that run; either way they begin to count anew."""
        shadow = self._daemon.shadow
        if shadow is None or self._load_shadow is None:
            return ()
        notes: tuple[str, ...] = ()
        rules: ShadowRules | None = None
        try:
            async with asyncio.timeout(self._patience):
                rules = await asyncio.wrap_future(_in_a_thread(self._load_shadow))
        except ConfigError as error:
            notes = tuple(f"shadow rules not reloaded: {problem}" for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - the live configuration is in force, whatever the shadow does
            _log.exception("shadow_reload_broke")
            notes = (f"shadow rules not reloaded: {error}; the log has the details",)
        shadow.replace(rules)
        return notes


def _first(items: Sequence[object]) -> list[str]:
    """As many as one line of the log may hold."""
    more = [f"... and {len(items) - LOGGED} more"] if len(items) > LOGGED else []
    return [str(item) for item in items[:LOGGED]] + more


def _in_a_thread(work: Callable[[], T]) -> Future[T]:
    """Begin it in a thread that nobody has to wait for: files that hang must not keep the daemon from ending."""
    outcome: Future[T] = Future()

    def run() -> None:
        outcome.set_running_or_notify_cancel()
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is given it
            outcome.set_exception(error)

    threading.Thread(target=run, name="tocsin-load", daemon=True).start()
    return outcome


def mark_reloaded(daemon: Daemon) -> None:
    """Show that the running configuration is the one on disk."""
    daemon.metrics.gauge("config_last_reload_successful", 1)
    daemon.metrics.gauge("config_last_reload_success_timestamp_seconds", daemon.clock.now() / 1_000_000)


def _sort(
    there: Mapping[str, tuple[C, W]], wanted: Iterable[C], build: Callable[[C], W]
) -> tuple[dict[str, tuple[C, W]], list[W]]:
    """All that is wanted, and what of it is new or changed: built, not yet started."""
    ways: dict[str, tuple[C, W]] = {}
    opened: list[W] = []
    for configured in wanted:
        known = there.get(configured.name)
        if known is None or known[0] != configured:
            known = (configured, build(configured))
            opened.append(known[1])
        ways[configured.name] = known
    return ways, opened


def _needs_restart(old: Bundle, new: Bundle) -> list[str]:
    before, after = old.settings, new.settings
    fixed = (
        ("listen", before.listen, after.listen),
        ("store", before.store, after.store),
        ("instance", before.instance, after.instance),
        ("webhook", before.webhook, after.webhook),
    )
    return [f"{name} takes effect after a restart" for name, was, is_ in fixed if was != is_]
