"""What each event does to an incident. Called through the table of `tocsin.core.escalation` alone."""
