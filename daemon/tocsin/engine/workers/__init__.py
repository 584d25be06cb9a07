"""Background workers: timers, retention, audits, hand-offs."""
