"""The timeline: each kind of entry is one class, with the phrase that people read."""
