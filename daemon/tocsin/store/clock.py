"""A system clock that is safe for deadlines: its time never runs backward and never stops."""

import threading
import time
from collections.abc import Callable

TOLERANCE = 2 * 1_000_000
"""Largest difference between the wall clock and the monotonic clock that is not a jump, in microseconds."""

PATIENCE = 5 * 60 * 1_000_000
"""Time for which a wall clock that has jumped back is ignored, in microseconds."""

SLOWER_BY = 10
"""Once the wall clock has been behind for `PATIENCE`, this clock runs slower by 1/10.

Deadlines come late then, and none is skipped.
"""


def _wall() -> int:
    return time.time_ns() // 1000


def _boot() -> int:
    # On Linux, CLOCK_MONOTONIC stops while the machine is suspended.
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class SystemClock:
    """`ports.clock.Clock` based on the wall clock and corrected by a monotonic clock.

    This clock follows the wall clock, including its jumps forward. When the wall
    clock jumps back, this clock continues from its last value at the pace of the
    monotonic clock. If the wall clock is still behind after five minutes, this
    clock runs slower until the wall clock has caught up. Safe to call from any
    thread.
    """

    def __init__(
        self,
        wall: Callable[[], int] = _wall,
        boot: Callable[[], int] = _boot,
        on_jump: Callable[[int], None] | None = None,
    ) -> None:
        """Create a clock.

        Args:
            wall: Returns the wall clock's time in microseconds.
            boot: Returns the monotonic clock's time in microseconds.
            on_jump: Called with the size of each jump in microseconds, negative for a jump back.
        """
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
            offset = wall - expected
            if offset < -TOLERANCE:
                jump = self._jump_back(boot, offset)
                is_slowed = boot - (self._behind_since or boot) >= PATIENCE
                self._last = max(wall, expected - elapsed // SLOWER_BY) if is_slowed else expected
            else:
                jump = offset if offset > TOLERANCE else 0
                self._behind_since = None
                self._last = max(self._last, wall)
            self._last_boot = boot
            now = self._last
        if jump and self._on_jump is not None:
            self._on_jump(jump)
        return now

    def _jump_back(self, boot: int, offset: int) -> int:
        """Return the size of a jump back when the jump is first seen, then 0."""
        if self._behind_since is not None:
            return 0
        self._behind_since = boot
        return offset
