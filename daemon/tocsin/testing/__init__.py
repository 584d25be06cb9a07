"""Floor 7: doubles and harness, shipped so that users can test their own rules."""
