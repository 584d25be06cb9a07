"""The files of ``tocsin init --minimal``: the smallest configuration that pages a person, to be extended."""

from collections.abc import Mapping

_SETTINGS = """\
# tocsin's own settings; every key and its default is in config/README.md of tocsin.
listen: 127.0.0.1:9099
playbook: on-call

# The channels, by the names that people.yaml uses. `console` prints to the terminal of `tocsin serve`; replace it by a
# kind that reaches you: pagerduty, slack, email, twilio or webhook.
channels:
  console: {kind: console}
"""

_PEOPLE = """\
# The people, how to reach them, and who is on call when.
people:
  alex: {contact: {channel: console}}
  taylor: {contact: {channel: console}}
rotations:
  primary: {members: [alex, taylor], starts: "2026-01-05 09:00", every: weekly}
  secondary: {members: [taylor, alex], starts: "2026-01-05 09:00", every: weekly}
"""

_PLAYBOOK = """\
title: On call
unrouted: high    # severity of alerts that no rule gives one
tiers:
  1: {name: Primary, targets: [primary]}
  2: {name: Secondary, targets: [secondary]}
severities:       # the highest first
  high:
    respond_within: 15m
    matrix:
      - {tier: 1, after: 0s}
      - {tier: 2, after: respond_within}
  low:
    respond_within: 24h
    matrix:
      - {tier: 1, after: 0s, kind: update}
"""

_RULES = """\
# Which alert becomes which incident. Later rules override earlier ones.
rules:
  - name: everything
    match: {}
    set: {severity: high}
  - name: warnings
    match: severity=~"(?i)warning|info"
    set: {severity: low}
  - name: watchdog
    match: alertname="Watchdog"
    heartbeat: true
    stop: true
"""

_TESTS = """\
# `tocsin test` runs these.
tests:
  - name: without an acknowledgment the secondary is paged after 15 minutes
    until: 16m
    events:
      - {at: 0m, fire: {alertname: CheckoutDown, severity: critical, service: checkout}}
    expect:
      - {at: 0m, severity: high, service: checkout}
    pages:
      - {at: 0m, who: alex, tier: 1}
      - {at: 15m, who: taylor, tier: 2}

  - name: a warning pages no one and informs the primary
    events:
      - {at: 0m, fire: {alertname: DiskFills, severity: warning, service: checkout}}
    expect:
      - {at: 0m, severity: low}
    pages:
      - {at: 0m, kind: update, who: alex, tier: 1}
"""

FILES: Mapping[str, str] = {
    "config/tocsin.yaml": _SETTINGS,
    "config/people.yaml": _PEOPLE,
    "config/playbooks/on-call.yaml": _PLAYBOOK,
    "rules/00-rules.yaml": _RULES,
    "rules/tests/rules.yaml": _TESTS,
}
"""The text of each file, by its path in the directory."""
