"""Floor 3: the ways out."""
