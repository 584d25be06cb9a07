"""Floor 6: puts the daemon together and runs it."""
