"""The system's clock, made fit for deadlines: it never goes back and never stands still."""

import threading
import time
from collections.abc import Callable

TOLERANCE = 2 * 1_000_000
"""By how much the wall clock may move against the steady one without having jumped, in microseconds."""

PATIENCE = 5 * 60 * 1_000_000
"""How long a wall clock that has jumped back is not believed, in microseconds."""

SLOWER_BY = 10
"""A tenth slower while it waits for a wall clock that lies behind: deadlines stretch by a tenth, and none is lost."""


def _wall() -> int:
    return time.time_ns() // 1000


def _boot() -> int:
    # CLOCK_MONOTONIC of Linux stops while the machine is suspended.
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class SystemClock:
    """`ports.clock.Clock` on the wall clock, held by one that only counts.

    It follows the wall clock, also through a jump forward. Where that jumps
    back, it goes on from its last answer at the steady clock's pace; if after
    five minutes the wall clock still says otherwise, it runs slower until the
    wall clock has caught up. Safe to call from any thread.
    """

    def __init__(
        self,
        wall: Callable[[], int] = _wall,
        boot: Callable[[], int] = _boot,
        on_jump: Callable[[int], None] | None = None,
    ) -> None:
        """``wall`` and ``boot`` answer in microseconds; ``on_jump`` is told each jump, negative for one back."""
        self._wall = wall
        self._boot = boot
        self._on_jump = on_jump
        self._lock = threading.Lock()
        self._last = wall()
        self._last_boot = boot()
        self._behind_since: int | None = None

    def now(self) -> int:
        """See `ports.clock.Clock`."""
        with self._lock:
            boot = self._boot()
            elapsed = max(0, boot - self._last_boot)
            expected = self._last + elapsed
            wall = self._wall()
            ahead = wall - expected
            if ahead < -TOLERANCE:
                jump = self._fell_behind(boot, ahead)
                waited = boot - (self._behind_since or boot) >= PATIENCE
                self._last = max(wall, expected - elapsed // SLOWER_BY) if waited else expected
            else:
                jump = ahead if ahead > TOLERANCE else 0
                self._behind_since = None
                self._last = max(self._last, wall)
            self._last_boot = boot
            answer = self._last
        if jump and self._on_jump is not None:
            self._on_jump(jump)
        return answer

    def _fell_behind(self, boot: int, ahead: int) -> int:
        if self._behind_since is not None:
            return 0
        self._behind_since = boot
        return ahead
