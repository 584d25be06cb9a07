"""Floor 3: clients that query the Alertmanagers of a source."""
