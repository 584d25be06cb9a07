"""The variables that a template can use."""

import msgspec


class Variable(msgspec.Struct, frozen=True):
    """The description of one variable."""

    meaning: str
    example: str
    """The value in a text; for a list, one item."""


VARIABLES: dict[str, Variable] = {
    # Identity.
    "name": Variable("The incident's name: by the playbook's `numbering`, or `#` and its number", "INC-12"),
    "number": Variable("Its number", "12"),
    "occurrence": Variable("The number of the occurrence: 1; 2 once it has fired again", "1"),
    "title": Variable("Its title", "HighLatency in eu1"),
    "summary": Variable("A summary of the problem, from its alerts or rules", "Checkout answers slowly"),
    "service": Variable("The service", "checkout"),
    "team": Variable("The owning team", "payments"),
    "severity": Variable("The severity", "SEV-1"),
    "playbook": Variable("The playbook's name", "emergency-response"),
    "playbook_title": Variable("Its title", "Emergency response"),
    "flags": Variable("The flags that are set; a list of texts", "data_breach"),
    "drill": Variable("Whether it is a drill: nothing is broken", "no"),
    # State.
    "state": Variable("`triggered`, `acknowledged`, `resolved` ...", "acknowledged"),
    "status": Variable("The playbook's status; the first one until it is set", "Investigating"),
    "ongoing": Variable("Whether the incident is still open", "yes"),
    "recovering": Variable(
        "Whether no alert fires any more, and the incident waits for the end of its hold-down", "no"
    ),
    "alerts": Variable("A sample of its alerts; a list of `name`, `summary`, `description`, `firing` and `labels`", ""),
    "labels": Variable(
        "The labels of its alerts, by name: `labels.region`; several values of one label are joined", "eu-west"
    ),
    "alerts_firing": Variable("Number of firing alerts", "2"),
    "alerts_total": Variable("Number of alerts so far", "3"),
    # Times, in the reader's time zone; in UTC if the template itself writes UTC.
    "now": Variable("The time at which the text is rendered", "2026-11-25 03:35 UTC"),
    "now_time": Variable("The same, short", "03:35"),
    "time_zone": Variable("The time zone of every time in the text: the current name of the reader's zone", "UTC"),
    "date": Variable("The day on which it started", "2026-11-25"),
    "started": Variable("When it started, by its first alert", "2026-11-25 03:05 UTC"),
    "started_time": Variable("The same, short", "03:05"),
    "detected": Variable("When it was opened", "2026-11-25 03:05 UTC"),
    "declared": Variable("When it was declared", "2026-11-25 03:10 UTC"),
    "acknowledged": Variable("When it was first acknowledged", "2026-11-25 03:08 UTC"),
    "acknowledged_by": Variable("Who has acknowledged it", "Alex Example"),
    "restored": Variable("When its last alert ended; empty while it is open", "2026-11-25 04:03 UTC"),
    "resolved": Variable("When it was resolved", "2026-11-25 04:05 UTC"),
    "resolved_time": Variable("The same, short", "04:05"),
    "resolved_by": Variable("Who resolved it; empty if its alerts ended", "Alex Example"),
    "duration": Variable("How long it lasted, or has lasted so far", "1 h"),
    "respond_within": Variable("The severity's response time", "15 min"),
    "resolve_within": Variable("The severity's resolution target", "4 h"),
    "resolve_by": Variable("When the resolution target ends", "2026-11-25 07:05 UTC"),
    "update_every": Variable("How often stakeholders get a status update", "15 min"),
    "next_update": Variable("When the next update is due", "2026-11-25 03:50 UTC"),
    "post_mortem_within": Variable("How long the post-mortem may take", "2 d"),
    "post_mortem_due": Variable("When it is due, once the incident is resolved", "2026-11-27 04:05 UTC"),
    "post_mortem_link": Variable("Its link, once it is written", "https://wiki.example.com/post-mortems/12"),
    "times": Variable(
        "When a status was first set, a fact first recorded, a checklist completed, by its name: `times.Mitigating`",
        "2026-11-25 03:20 UTC",
    ),
    # People.
    "roles": Variable(
        "The playbook's roles; a list of `key`, `name`, `person` (empty: not assigned), `default` (who is asked then)",
        "",
    ),
    "role": Variable('Who has a role, by its key: `role["incident-commander"]`', "Alex Example"),
    "responders": Variable("Everyone who has responded; a list of texts", "Alex Example"),
    "declared_by": Variable("Who has declared it", "Alex Example"),
    "author": Variable(
        "Who completes the text: the owner of the post-mortem for its draft, else the author of the updates",
        "Communications (Drew Example)",
    ),
    # Texts.
    "update": Variable("The update that the text is about, or else the newest: `number`, `text`, `by`, `time`", ""),
    "update_number": Variable("The number of that update; 0 before the first", "2"),
    "updates": Variable("All updates; a list", ""),
    "notes": Variable("What responders have noted; a list of `text`, `by`, `time`", ""),
    "actions_taken": Variable("The updates, notes and automations, in order; a list of `text`, `by`, `time`", ""),
    "timeline": Variable("The entries of the timeline; a list of `time`, `at`, `kind`, `text`, `by`", ""),
    "checklists": Variable("The playbook's checklists; a list of `name` and `items` (`text`, `done`, `by`)", ""),
    "action_items": Variable("The action items; a list of `text`, `owner`, `due`, `kind`, `done`", ""),
    "facts": Variable(
        "What people have found out, by name: `facts.root_cause`; see `tocsin incidents fact`", "a full disk"
    ),
    # Links.
    "ticket": Variable("The ticket's name in its tracker", "#42"),
    "ticket_number": Variable("The ticket's number alone", "42"),
    "ticket_url": Variable("The ticket's URL", "https://github.com/example/site/issues/42"),
    "tickets": Variable("All tickets; a list of `tracker`, `name`, `url`", ""),
    "bridge": Variable("The war room", "https://zoom.us/j/123456789"),
    "room": Variable("The incident's own channel", "#incident-20261125-001"),
    "runbook": Variable("The link to the runbook", "https://runbooks.example.com/latency"),
    "automation": Variable("The automation that can fix it", "erlmcp_failover_manager"),
    "url": Variable("A page about the incident that a person can open; empty, as there is none yet", ""),
    "links": Variable("The playbook's other links, by name: `links.status_page`", "https://status.example.com"),
}
