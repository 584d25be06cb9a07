"""What people have found out about an incident."""

from msgspec import structs

from tocsin.core.event import SetFacts
from tocsin.core.message import Messages
from tocsin.core.transitions.change import Change


def set_facts(change: Change, event: SetFacts) -> None:
    """Keep each fact under its name; an empty one is forgotten."""
    messages = change.incident.messages or Messages()
    facts = {name: text for name, text in (messages.facts | event.facts).items() if text}
    changed = {name: text for name, text in event.facts.items() if messages.facts.get(name, "") != text}
    if not changed:
        return
    change.quiet = True
    change.set(messages=structs.replace(messages, facts=facts))
    for name, text in changed.items():
        change.record("fact", event.by, name=name, text=text)
