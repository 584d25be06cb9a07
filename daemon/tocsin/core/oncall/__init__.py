"""People, rotations and maintenance windows."""
