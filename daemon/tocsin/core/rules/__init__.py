"""Rules, and their verdict on an alert."""
