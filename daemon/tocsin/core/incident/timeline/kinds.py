"""The kinds of the timeline's entries, by their stored names."""

from tocsin.core.incident.timeline import actions, alerts, duties, notifications, responses
from tocsin.core.incident.timeline.entry_data import EntryData

KINDS: dict[str, type[EntryData]] = {
    entry.kind: entry
    for module in (actions, alerts, duties, notifications, responses)
    for entry in vars(module).values()
    if isinstance(entry, type) and issubclass(entry, EntryData) and hasattr(entry, "kind")
}
"""``Entry.kind`` -> its class. A row of a later version may have a kind that is not here."""
