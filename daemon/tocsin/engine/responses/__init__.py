"""Actions of people: respond, declare, merge, override, and open maintenance windows."""
