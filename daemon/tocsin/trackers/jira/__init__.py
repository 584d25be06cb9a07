"""Jira issues, of Jira Cloud and Jira Data Center."""
