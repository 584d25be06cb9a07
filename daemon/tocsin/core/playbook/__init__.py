"""A playbook as data: tiers, actions, messages and reminders."""
