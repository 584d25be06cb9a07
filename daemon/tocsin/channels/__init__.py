"""Floor 3: channels to people."""
