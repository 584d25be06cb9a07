"""Facts that people have found out about an incident."""

import re

from tocsin.core.errors import InvalidText, InvalidValue
from tocsin.core.incident.event import SetFacts
from tocsin.core.incident.response import ANY, DeclaredResponse
from tocsin.core.incident.timeline.responses import FactSet
from tocsin.core.incident.transitions.acting import act_on_facts
from tocsin.core.incident.transitions.change import Change, assign
from tocsin.core.playbook.messages import Messages
from tocsin.core.typed_replace import replace

FACT_LIMIT = 4000
"""Maximum length of a fact, in characters."""
FACTS = 50
"""Maximum number of facts in a request."""

_NOTHING_DONE = ("", "no", "false")
"""Facts that trigger no action: they say that something is not done."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


def set_facts(change: Change, event: SetFacts) -> None:
    """Store each fact under its name; remove those with an empty text."""
    _check(event.facts)
    messages = change.incident.messages or Messages()
    facts = {name: text for name, text in (messages.facts | event.facts).items() if text}
    changed = {name: text for name, text in event.facts.items() if messages.facts.get(name, "") != text}
    if not changed:
        return
    assign(change.incident, messages=replace(messages, facts=facts))
    for name, text in changed.items():
        change.record(FactSet(name=name, text=text), event.by)
    act_on_facts(change, (name for name, text in changed.items() if text.casefold() not in _NOTHING_DONE))


def _check(facts: dict[str, str]) -> None:
    """Check the number, the names and the lengths of facts."""
    if not 0 < len(facts) <= FACTS:
        raise InvalidValue(f"give 1 to {FACTS} facts at once, not {len(facts)}")
    for name, text in facts.items():
        if not _NAME.fullmatch(name):
            hint = "use at most 41 lower-case letters, digits and _, beginning with a letter"
            raise InvalidValue(f"{name!r} is not a valid name of a fact; {hint}")
        if len(text) > FACT_LIMIT:
            raise InvalidText(f"the fact {name}", FACT_LIMIT, len(text))


RESPONSES = (DeclaredResponse("facts", SetFacts, ((ANY, set_facts),), "Record facts about the incident, by name."),)
