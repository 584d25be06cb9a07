"""Floor 6: the composition and the lifecycle of the daemon."""
