"""The default postmortem template."""

from functools import lru_cache

from tocsin.conf.templates.language import MessageTemplate

NAME = "default-post-mortem"

_TEXT = """\
# Postmortem {{ name }}: {{ title }}

- Severity: {{ severity }}
- Service: {{ service | blank("service") }}
- Started: {{ started }}
- Resolved: {{ resolved | otherwise("not yet") }}
- Duration: {{ duration }}
- Users affected: {{ facts.users_affected | blank("number or share") }}
- Responders: {{ responders | join | blank("who worked on it") }}

## What happened

{{ summary | blank("what happened, in two or three sentences") }}

## Timeline

| Time | Event |
|------|-------|
{% for entry in timeline %}
| {{ entry.at }} | {{ entry.text }}{% if entry.by %} ({{ entry.by }}){% endif %} |
{% endfor %}

## Root cause

{{ facts.root_cause | blank("why it happened") }}

## Resolution

{{ facts.resolution | blank("what ended it") }}

## What went well, and what did not

- {{ facts.what_went_well | blank("what went well") }}
- {{ facts.what_could_be_better | blank("what did not") }}

## Action items

{% for item in action_items %}
- [{% if item.done %}x{% else %} {% endif %}] {{ item.text }} - {{ item.owner | blank("owner") }} - {{ item.due }}
{% else %}
- [ ] {{ "" | blank("action, owner, due date") }}
{% endfor %}
"""


@lru_cache(maxsize=1)
def default_post_mortem() -> MessageTemplate:
    """Return the template, compiled once."""
    return MessageTemplate(NAME, _TEXT)
