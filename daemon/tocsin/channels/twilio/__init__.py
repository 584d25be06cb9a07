"""Twilio: a call that reads the page out, or an SMS."""
