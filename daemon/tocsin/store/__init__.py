"""Floor 3: what tocsin remembers."""
