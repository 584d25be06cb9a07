"""Floor 0: decisions. Pure: no IO, no clock, no randomness, no logging."""
