"""The alerts without labels of one webhook, as one entry of the quarantine."""

import hashlib
import json

from tocsin.core.alerts.quarantine import LONGEST_BODY, Quarantined, entry_id

KEPT = 5
"""Number of different alerts of one webhook whose content is kept."""
LONGEST = LONGEST_BODY // KEPT - 1
"""Maximum number of characters kept of each alert, and of each error message."""


class Rejected:
    """Collector of rejected alerts. Beyond ``limit``, alerts are only counted: a body can hold millions of them."""

    def __init__(self, source: str, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._digest = hashlib.sha256()
        self._known: set[bytes] = set()
        self._bodies: list[str] = []
        self._errors: list[str] = []
        self.count = 0

    @property
    def is_full(self) -> bool:
        """True if further alerts are only counted."""
        return self.count >= self._limit

    def add(self, alert: object, error: str) -> None:
        """Add an alert and its error message."""
        if not self.is_full:
            self._keep(json.dumps(alert), error)
        self.count += 1

    def add_unseen(self, count: int) -> None:
        """Count further alerts without their content."""
        self.count += count

    def entry(self, now: int) -> Quarantined | None:
        """Return the entry, None if no alert was rejected."""
        if not self.count:
            return None
        sha256 = self._digest.hexdigest()
        return Quarantined(
            id=entry_id(self._source, sha256),
            at=now,
            source=self._source,
            sha256=sha256,
            body="\n".join(self._bodies),
            error="\n".join(self._errors),
            alerts=self.count,
            last_at=now,
        )

    def _keep(self, body: str, error: str) -> None:
        raw = body.encode()
        digest = hashlib.sha256(raw).digest()
        if digest in self._known:
            return
        self._digest.update(b"\n" + raw if self._known else raw)
        self._known.add(digest)
        if len(self._bodies) < KEPT:
            self._bodies.append(body[:LONGEST])
            self._errors.append(error[:LONGEST])
