"""Every variable that a template may name."""

import msgspec


class Variable(msgspec.Struct, frozen=True):
    """One of them."""

    meaning: str
    example: str
    """As it stands in a text; of a list, one item."""


VARIABLES: dict[str, Variable] = {
    # Which incident.
    "name": Variable("What the incident is called: by the playbook's `numbering`, or `#` and its number", "INC-12"),
    "number": Variable("Its number", "12"),
    "occurrence": Variable("1; 2 once it has fired again", "1"),
    "title": Variable("Its title", "HighLatency in eu1"),
    "summary": Variable("What it means, as its alerts or rules say", "Checkout answers slowly"),
    "service": Variable("The service", "checkout"),
    "team": Variable("Whose it is", "payments"),
    "severity": Variable("The severity", "SEV-1"),
    "playbook": Variable("The playbook's name", "emergency-response"),
    "playbook_title": Variable("Its title", "Emergency response"),
    "flags": Variable("The flags that are set; a list of texts", "data_breach"),
    "drill": Variable("Whether it is a drill: nothing is broken", "no"),
    # Where it stands.
    "state": Variable("`triggered`, `acknowledged`, `resolved` ...", "acknowledged"),
    "status": Variable("The playbook's status; before anybody has set one, the first", "Investigating"),
    "ongoing": Variable("Whether it goes on", "yes"),
    "recovering": Variable("Whether nothing fires any more and it waits to be sure", "no"),
    "alerts": Variable("A sample; a list of `name`, `summary`, `description`, `firing` and `labels`", ""),
    "alerts_firing": Variable("How many alerts fire", "2"),
    "alerts_total": Variable("How many there have been", "3"),
    # When. Moments are in the reader's time zone; in UTC where the template itself writes UTC.
    "now": Variable("The moment at which the text is made", "2026-11-25 03:35 UTC"),
    "now_time": Variable("The same, short", "03:35"),
    "time_zone": Variable("The time zone of every time in the text: the reader's, as it is called now", "UTC"),
    "date": Variable("The day on which it started", "2026-11-25"),
    "started": Variable("When it started, by its first alert", "2026-11-25 03:05 UTC"),
    "started_time": Variable("The same, short", "03:05"),
    "detected": Variable("When it was opened", "2026-11-25 03:05 UTC"),
    "declared": Variable("When it was declared", "2026-11-25 03:10 UTC"),
    "acknowledged": Variable("When somebody first took it", "2026-11-25 03:08 UTC"),
    "acknowledged_by": Variable("Who", "Alex Example"),
    "resolved": Variable("When it was resolved", "2026-11-25 04:05 UTC"),
    "resolved_time": Variable("The same, short", "04:05"),
    "resolved_by": Variable("Who resolved it; empty where its alerts did", "Alex Example"),
    "duration": Variable("How long it took, or has taken until now", "1 h"),
    "respond_within": Variable("The severity's response time", "15 min"),
    "resolve_within": Variable("The severity's resolution target", "4 h"),
    "resolve_by": Variable("When that is over", "2026-11-25 07:05 UTC"),
    "update_every": Variable("How often stakeholders are told how it goes", "15 min"),
    "next_update": Variable("When the next update is due", "2026-11-25 03:50 UTC"),
    "post_mortem_within": Variable("How long the post-mortem may take", "2 d"),
    "post_mortem_due": Variable("When it is due, once the incident is resolved", "2026-11-27 04:05 UTC"),
    # Who.
    "roles": Variable("The playbook's roles; a list of `key`, `name` and `person` (empty: nobody yet)", ""),
    "role": Variable('Who has a role, by its key: `role["incident-commander"]`', "Alex Example"),
    "responders": Variable("Who has done anything about it; a list of texts", "Alex Example"),
    # What has been said.
    "update": Variable("The newest update: `number`, `text`, `by`, `time`", ""),
    "update_number": Variable("Its number; 0 before the first", "2"),
    "updates": Variable("All of them; a list", ""),
    "notes": Variable("What responders have noted; a list of `text`, `by`, `time`", ""),
    "timeline": Variable("All that has happened; a list of `time`, `at`, `kind`, `text`, `by`", ""),
    "checklists": Variable("The playbook's checklists; a list of `name` and `items` (`text`, `done`, `by`)", ""),
    "action_items": Variable("A list of `text`, `owner`, `due`, `kind`, `done`", ""),
    "facts": Variable(
        "What people have found out, by name: `facts.root_cause`; see `tocsin incidents fact`", "a full disk"
    ),
    # Where.
    "ticket": Variable("The ticket, as people call it", "#42"),
    "ticket_number": Variable("Its number alone", "42"),
    "ticket_url": Variable("Where it is", "https://github.com/example/site/issues/42"),
    "tickets": Variable("All tickets; a list of `tracker`, `name`, `url`", ""),
    "bridge": Variable("The war room", "https://zoom.us/j/123456789"),
    "room": Variable("The incident's own channel", "#incident-20261125-001"),
    "runbook": Variable("What to do", "https://runbooks.example.com/latency"),
    "automation": Variable("The automation that can heal it", "erlmcp_failover_manager"),
    "url": Variable("A page about the incident that a person can open; empty, as there is none yet", ""),
    "links": Variable("The playbook's other links, by name: `links.status_page`", "https://status.example.com"),
}
